// Colours and faces that canvases use, read from the tokens once for each theme.

import { signal } from "@preact/signals";

export interface Palette {
    hues: string[];
    ground: string;
    grid: string;
    axis: string;
    cross: string;
    ink2: string;
    ink3: string;
    font: string;
    smallFont: string;
}

function read(scheme = ""): Palette {
    const probe = document.createElement("i");
    probe.hidden = true;
    probe.style.colorScheme = scheme;
    document.body.append(probe);
    const colour = (name: string) => {
        probe.style.color = `var(--${name})`;
        return getComputedStyle(probe).color;
    };
    const hues = [1, 2, 3, 4, 5, 6, 7, 8].map(i => colour(`h${i}`));
    const face = getComputedStyle(document.body).fontFamily;
    const out = {
        hues,
        ground: colour("ground"),
        grid: colour("grid"),
        axis: colour("line-2"),
        cross: colour("cross"),
        ink2: colour("ink-2"),
        ink3: colour("ink-3"),
        font: `11px ${face}`,
        smallFont: `9px ${face}`,
    };
    probe.remove();
    return out;
}

let held: Palette | null = null;

/** Grows when the colours have changed. */
export const themeVersion = signal(0);

export function palette(): Palette {
    if (!held) held = read();
    return held;
}

/** Colours of the light theme, whichever is shown: pictures go into papers. */
export function lightPalette(): Palette {
    return read("light");
}

export function paletteChanged(): void {
    held = null;
    themeVersion.value++;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paletteChanged);
