// Which hue and dash a run is drawn with: the slot that the hash of its name prefers, or the next
// free one in order of start. Dashes come into use only when all hues are taken.

export const HUES = 8;
export const DASHES = 4;

export interface Ink {
    /** 1–8, as in the tokens --h1 … --h8. */
    hue: number;
    /** 0: a full line. */
    dash: number;
}

/** FNV-1a of the UTF-16 units. */
export function hash(text: string): number {
    let h = 2166136261;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
    return h >>> 0;
}

/**
 * Gives each name that has none a slot; `taken` keeps those of before, so that no run changes
 * its colour while the page is open. Slots 0–7 are full lines, 8–15 the first dash, and so on;
 * past 32 names they are used again.
 */
export function assign(names: string[], taken: Map<string, number>): void {
    const used = new Map<number, number>();
    for (const slot of taken.values()) used.set(slot, (used.get(slot) ?? 0) + 1);
    const slots = HUES * DASHES;
    for (const name of names) {
        if (taken.has(name)) continue;
        const round = Math.floor(taken.size / slots);
        const dash = Math.floor((taken.size % slots) / HUES);
        const want = hash(name) % HUES;
        let slot = dash * HUES + want;
        for (let i = 0; i < slots; i++) {
            const ring = (dash + Math.floor(i / HUES)) % DASHES;
            const tried = ring * HUES + ((want + i) % HUES);
            if ((used.get(tried) ?? 0) > round) continue;
            slot = tried;
            break;
        }
        used.set(slot, (used.get(slot) ?? 0) + 1);
        taken.set(name, slot);
    }
}

export function ink(slot: number): Ink {
    return { hue: (slot % HUES) + 1, dash: Math.floor(slot / HUES) % DASHES };
}

/** Canvas dash patterns for lines 1.5 px wide. */
export const DASH_PATTERN: number[][] = [[], [5, 3], [1.5, 2.5], [8, 2.5, 1.5, 2.5]];
