// Dense lines: those that stand for more points than they can show one by one go through the means
// of their pixel columns, over the band or the strokes that show their extremes.

import type { Path, Scales } from "./lines";
import { BAND_LINES, type Line, type Scene } from "./scene";

/** Whether a line stands for more points than it can show one by one. */
export function isDense(l: Line, width: number): boolean {
    return !l.track.raw || l.to - l.from > Math.max(1, width * l.share) * 1.5;
}

/** A line whose extremes are shown beside it: a band, or strokes where there is none. */
export function hasMeans(l: Line, scene: Scene, width: number): boolean {
    return isDense(l, width) && (!l.track.raw || scene.lines.length <= BAND_LINES);
}

const CROWD = 8;

/** Columns of a px: more than one where a line is pressed together so that it is steep in each. */
function columnsPerPx(l: Line, width: number): number {
    return l.to - l.from > Math.max(1, width * l.share) * CROWD ? 4 : 1;
}

/**
 * Traces a dense line through the means of its pixel columns, from its first item to its last: the
 * band behind it, or strokes, show the extremes.
 */
export function traceMeans(
    path: Path,
    p: Scales,
    l: Line,
    values: Float64Array,
    gap: number,
): void {
    const { raw, cnt } = l.track;
    const per = columnsPerPx(l, p.right - p.left);
    let open = false;
    let column = Number.NaN;
    let sum = 0;
    let n = 0;
    let place = 0;
    let previous = 0;
    const flush = () => {
        if (n === 0) return;
        if (open) path.lineTo(place / n, p.y(sum / n));
        else path.moveTo(place / n, p.y(sum / n));
        p.vertices++;
        open = true;
        n = sum = place = 0;
    };
    for (let i = l.from; i < l.to; i++) {
        const value = values[i];
        const x = l.x[i] - l.x0;
        const finite = Number.isFinite(value);
        if (!finite || x - previous > gap) {
            flush();
            open = false;
        }
        previous = x;
        if (!finite) continue;
        const px = p.x(x);
        // First and last stand for themselves: where it starts, and what marks the end.
        const col = i === l.from || i === l.to - 1 ? Number.NaN : Math.floor(px * per);
        if (col !== column) flush();
        column = col;
        const weight = raw ? 1 : cnt[i];
        sum += value * weight;
        place += px * weight;
        n += weight;
    }
    flush();
}

/** What a dense line shows at an item: the mean of the items in its pixel. */
export function shownAt(
    p: Pick<Scales, "x" | "left" | "right">,
    l: Line,
    i: number,
    scene: Scene,
): number {
    if (!l.rising || !hasMeans(l, scene, p.right - p.left)) return l.y[i];
    const { raw, cnt, n } = l.track;
    const per = columnsPerPx(l, p.right - p.left);
    const columnOf = (k: number) => Math.floor(p.x(l.x[k] - l.x0) * per);
    const column = columnOf(i);
    const inside = (k: number) =>
        k >= 0 && k < n && columnOf(k) === column && Number.isFinite(l.y[k]);
    let from = i;
    while (inside(from - 1)) from--;
    let sum = 0;
    let weight = 0;
    for (let k = from; inside(k); k++) {
        sum += l.y[k] * (raw ? 1 : cnt[k]);
        weight += raw ? 1 : cnt[k];
    }
    return weight > 0 ? sum / weight : l.y[i];
}
