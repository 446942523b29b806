// How wide text is, without asking the layout: names are cut in the middle to the room they have.

import { middle } from "../model/names";

let context: CanvasRenderingContext2D | null = null;
let face = "";
const widths = new Map<string, number>();
const LIMIT_HELD = 20_000;

export function textWidth(text: string, px: number): number {
    context ??= document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;
    if (!face) face = getComputedStyle(document.body).fontFamily;
    const key = `${px} ${text}`;
    const held = widths.get(key);
    if (held !== undefined) return held;
    context.font = `${px}px ${face}`;
    const width = context.measureText(text).width;
    if (widths.size > LIMIT_HELD) widths.clear();
    widths.set(key, width);
    return width;
}

/** The name, cut in its middle so that it takes no more than `room` px. */
export function fitName(name: string, room: number, px: number): string {
    // No letter of the face is wider than its size.
    if (name.length * px <= room || textWidth(name, px) <= room) return name;
    let most = Math.max(3, Math.floor((name.length * room) / textWidth(name, px)));
    while (most > 3 && textWidth(middle(name, most), px) > room) most--;
    return middle(name, most);
}
