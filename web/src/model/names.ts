// Order and shape of names: natural order, sections by first part, middle cuts.

const isDigit = (c: number) => c >= 48 && c <= 57;
const isLetter = (c: number) => (c >= 97 && c <= 122) || c > 127;

/** Code at a place, capitals as small letters; −1 at the end. */
function codeAt(s: string, i: number): number {
    const c = i < s.length ? s.charCodeAt(i) : -1;
    return c >= 65 && c <= 90 ? c + 32 : c;
}

/** Signs in the order of dictionaries; a slash goes before all, as parts of a path do. */
const SIGNS = "/ _-,;:!?.'\"()[]{}@*\\&#%`^+<=>|~$";

/** The end before signs, signs before figures, figures before letters. */
function rank(c: number): number {
    if (c < 0) return c;
    if (isLetter(c)) return c + 0x20000;
    if (isDigit(c)) return c + 0x10000;
    const at = SIGNS.indexOf(String.fromCharCode(c));
    return at < 0 ? c + 0x100 : at;
}

/** End of the figures from i on, and the first that is no leading zero. */
function figures(s: string, i: number): [number, number] {
    let from = i;
    while (codeAt(s, from) === 48 && isDigit(codeAt(s, from + 1))) from++;
    let to = from;
    while (isDigit(codeAt(s, to))) to++;
    return [from, to];
}

/**
 * layer2 before layer10; parts of a path are compared one by one. By hand: a collator costs the
 * browser more at the start than the list of runs does.
 */
export function natural(a: string, b: string): number {
    for (let i = 0, j = 0; ; ) {
        const c = codeAt(a, i);
        const d = codeAt(b, j);
        if (isDigit(c) && isDigit(d)) {
            const [from, to] = figures(a, i);
            const [other, end] = figures(b, j);
            if (to - from !== end - other) return to - from - (end - other);
            const x = a.slice(from, to);
            const y = b.slice(other, end);
            if (x !== y) return x < y ? -1 : 1;
            i = to;
            j = end;
            continue;
        }
        if (c !== d) return rank(c) - rank(d);
        if (c < 0) return a < b ? -1 : a > b ? 1 : 0;
        i++;
        j++;
    }
}

export interface Section {
    name: string;
    tags: string[];
    /** More than LIMIT_SECTION tags: sub-sections by the next part. */
    parts: Section[];
}

export const LIMIT_SECTION = 100;

function byPart(tags: string[], depth: number): Map<string, string[]> {
    const out = new Map<string, string[]>();
    for (const tag of tags) {
        const parts = tag.split("/");
        const key = parts.length > depth + 1 ? parts[depth] : "";
        const list = out.get(key);
        if (list) list.push(tag);
        else out.set(key, [tag]);
    }
    return out;
}

const MOST_DEPTH = 16;

/** Sub-sections by the first part in which the tags of a section differ. */
function partsOf(list: string[]): Section[] {
    for (let depth = 1; depth < MOST_DEPTH; depth++) {
        const found = byPart(list, depth);
        if (found.size > 1)
            return [...found].map(([part, tags]) => ({ name: part || "others", tags, parts: [] }));
        if (found.has("")) break;
    }
    return [];
}

/** Sections of tags in natural order; tags without a prefix come first, under their own name. */
export function sections(tags: string[]): Section[] {
    const sorted = [...tags].sort(natural);
    const out: Section[] = [];
    for (const [name, list] of byPart(sorted, 0)) {
        out.push({ name, tags: list, parts: list.length > LIMIT_SECTION ? partsOf(list) : [] });
    }
    return out.sort((a, b) => natural(a.name, b.name));
}

/** What a large section holds, in words: "by layer: layer0 to layer36, 4 each". */
export function sectionWords(s: Section): string {
    if (s.parts.length < 2) return "";
    const first = s.parts[0];
    const last = s.parts[s.parts.length - 1];
    const each = s.parts.every(p => p.tags.length === first.tags.length)
        ? `, ${first.tags.length} each`
        : "";
    return `${first.name} to ${last.name}${each}`;
}

/** Cuts in the middle, since ends tell runs apart. */
export function middle(name: string, most: number): string {
    const units = [...name];
    if (units.length <= most) return name;
    const tail = Math.ceil((most - 1) / 2);
    const head = most - 1 - tail;
    return `${units.slice(0, head).join("")}…${units.slice(-tail).join("")}`;
}

/** "train/loss" → ["train/", "loss"]: only the last part is strong. */
export function tagParts(tag: string): [string, string] {
    const at = tag.lastIndexOf("/", tag.length - 2);
    return [tag.slice(0, at + 1), tag.slice(at + 1)];
}
