// A chart as an SVG picture: what is seen, in light colours, text as text, with its tag above and
// its runs below. Shapes come from the scene, as those on the canvas do.

import { DASH_PATTERN } from "../model/colour";
import { xLabels, xTicks, yLabels, yTicks } from "./axis";
import type { Chart } from "./chart";
import { type Path, type Scales, traceTo } from "./lines";
import { hasMeans, isDense } from "./means";
import { lightPalette, type Palette } from "./palette";
import type { Plot } from "./plot";
import { BAND_LINES, type Line, type Scene } from "./scene";

const TITLE_PX = 26;
const ROW_PX = 16;
const MOST_RUNS = 40;
const KEY_PX = 200;

export function escaped(text: string): string {
    return text
        .replace(/&/g, "&amp;")
        .replace(/</g, "&lt;")
        .replace(/>/g, "&gt;")
        .replace(/"/g, "&quot;")
        .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}

const at = (v: number) => String(Math.round(v * 100) / 100);

class PathText implements Path {
    text = "";
    moveTo(x: number, y: number): void {
        this.text += `M${at(x)} ${at(y)}`;
    }
    lineTo(x: number, y: number): void {
        this.text += `L${at(x)} ${at(y)}`;
    }
}

function clamp(y: number): number {
    return y < -4000 ? -4000 : Math.min(y, 8000);
}

function scales(plot: Plot): Scales {
    const { left, right } = plot.box;
    return { x: v => plot.xPos(v), y: v => clamp(plot.yPos(v)), left, right, vertices: 0 };
}

function stroke(l: Line, p: Palette, d: string, width: number, opacity: number): string {
    const dash = width > 1 && l.ink.dash > 0 ? DASH_PATTERN[l.ink.dash].join(" ") : "";
    const more = dash ? ` stroke-dasharray="${dash}"` : "";
    const look = `stroke="${p.hues[l.ink.hue - 1]}" stroke-width="${width}"`;
    return `<path d="${d}" fill="none" ${look} stroke-opacity="${opacity}"${more}/>`;
}

/** From highest to lowest along the items in view. */
function band(l: Line, s: Scales, p: Palette): string {
    const up: string[] = [];
    const down: string[] = [];
    for (let i = l.from; i < l.to; i++) {
        const { lo, hi } = l.track;
        if (!Number.isFinite(lo[i])) continue;
        const x = at(s.x(l.x[i] - l.x0));
        up.push(`${x} ${at(s.y(hi[i]))}`);
        down.push(`${x} ${at(s.y(lo[i]))}`);
    }
    if (up.length < 2) return "";
    const d = `M${up.join("L")}L${down.reverse().join("L")}Z`;
    return `<path d="${d}" fill="${p.hues[l.ink.hue - 1]}" fill-opacity="0.12"/>`;
}

function lines(chart: Chart, scene: Scene, p: Palette): string {
    const s = scales(chart.plot);
    const { left, right } = chart.plot.box;
    const few = scene.lines.length <= BAND_LINES;
    const out: string[] = [];
    const path = (l: Line, values: Float64Array) => {
        const text = new PathText();
        const means = values === l.y && hasMeans(l, scene, right - left);
        traceTo(text, s, l, values, scene, means);
        return text.text;
    };
    for (const l of scene.lines) {
        if (!few) continue;
        if (isDense(l, right - left)) out.push(band(l, s, p));
        else if (scene.smoothed) out.push(stroke(l, p, path(l, l.track.v), 1, 0.25));
    }
    for (const l of scene.lines) out.push(stroke(l, p, path(l, l.y), 1.5, few ? 1 : 0.7));
    return out.join("");
}

function text(x: number, y: number, anchor: string, fill: string, words: string): string {
    const place = `x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" fill="${fill}"`;
    return `<text ${place}>${escaped(words)}</text>`;
}

function axes(plot: Plot, p: Palette, width: number, height: number): string {
    const { left, right, bottom } = plot.box;
    const { axis, scale, x, y } = plot.frame;
    const ys = yTicks(scale, y[0], y[1], Math.max(3, Math.round(height / 52)));
    const xs = xTicks(axis, x[0], x[1], Math.max(2, Math.round(width / 110)));
    const yWords = yLabels(scale, ys);
    const xWords = xLabels(axis, xs);
    const rule = (d: string, c: string) => `<path d="${d}" stroke="${c}" fill="none"/>`;
    const grid = ys.map(v => `M${left} ${at(plot.yPos(v))}H${right}`).join("");
    const ticks = xs.map(v => `M${at(plot.xPos(v))} ${bottom}v3`).join("");
    return [
        rule(grid, p.grid),
        rule(`M${left} ${bottom}H${right}${ticks}`, p.axis),
        ...ys.map((v, i) => text(left - 4, plot.yPos(v) + 4, "end", p.ink3, yWords[i])),
        ...xs.map((v, i) => text(plot.xPos(v), height - 4, "middle", p.ink3, xWords[i])),
    ].join("");
}

/** The runs by colour, in columns. */
function key(scene: Scene, p: Palette, width: number, top: number): { text: string; px: number } {
    const across = Math.max(1, Math.floor(width / KEY_PX));
    const shown = scene.lines.slice(0, MOST_RUNS);
    const out = shown.map((l, i) => {
        const x = 8 + (i % across) * KEY_PX;
        const y = top + Math.floor(i / across) * ROW_PX + 12;
        const mark = stroke(l, p, `M${x} ${y - 4}h16`, 2, 1);
        return mark + text(x + 22, y, "start", p.ink2, l.run.name.slice(-28));
    });
    const more = scene.lines.length - shown.length;
    const rows = Math.ceil(shown.length / across);
    if (more > 0) out.push(text(8, top + rows * ROW_PX + 12, "start", p.ink3, `and ${more} more`));
    return { text: out.join(""), px: (rows + Number(more > 0)) * ROW_PX + 8 };
}

/** The picture and its size; null while nothing is drawn. */
export function svgOf(chart: Chart): { text: string; width: number; height: number } | null {
    const { scene, plot } = chart;
    if (!scene || !plot.ready) return null;
    const p = lightPalette();
    const width = plot.box.right + 6;
    const inner = plot.box.bottom + 20;
    const runs = key(scene, p, width, TITLE_PX + inner + 6);
    const height = TITLE_PX + inner + 6 + runs.px;
    const { left, right, top, bottom } = plot.box;
    const face = escaped(getComputedStyle(document.body).fontFamily);
    const title = [chart.tag, chart.note.value].filter(Boolean).join(" · ");
    const body = [
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
            `viewBox="0 0 ${width} ${height}" font-family="${face}" font-size="11">`,
        `<title>${escaped(title)}</title>`,
        `<rect width="${width}" height="${height}" fill="${p.ground}"/>`,
        `<clipPath id="plot"><rect x="${left}" y="${top - 3}" width="${right - left + 5}" ` +
            `height="${bottom - top + 4}"/></clipPath>`,
        text(8, 17, "start", p.ink2, title),
        `<g transform="translate(0 ${TITLE_PX})">${axes(plot, p, width, inner)}` +
            `<g clip-path="url(#plot)" stroke-linejoin="round">${lines(chart, scene, p)}</g></g>`,
        runs.text,
        "</svg>",
    ];
    return { text: body.join("\n"), width, height };
}
