// Pictures and points to keep: a chart as SVG or PNG, all points of a tag as CSV. Loaded when first
// asked for.

import type { Chart } from "../chart/chart";
import { svgOf } from "../chart/svg";
import { runOfLine, runsOf } from "../model/catalog";
import { lineRef } from "../model/lines";
import { view } from "../model/view";
import { points } from "../net/http";

const SVG = "image/svg+xml";
const PNG_SCALE = 2;
const MOST_POINTS = 5_000_000;

function save(name: string, body: Blob): void {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(body);
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

function fileName(tag: string, end: string): string {
    return `${tag.replace(/[^\w.=-]+/g, "-")}.${end}`;
}

export function exportSvg(chart: Chart): void {
    const picture = svgOf(chart);
    if (picture) save(fileName(chart.tag, "svg"), new Blob([picture.text], { type: SVG }));
}

/** The same picture at twice its size. */
export async function exportPng(chart: Chart): Promise<void> {
    const picture = svgOf(chart);
    if (!picture) return;
    const source = URL.createObjectURL(new Blob([picture.text], { type: SVG }));
    const image = new Image();
    image.src = source;
    await image.decode();
    URL.revokeObjectURL(source);
    const out = document.createElement("canvas");
    out.width = picture.width * PNG_SCALE;
    out.height = picture.height * PNG_SCALE;
    out.getContext("2d")?.drawImage(image, 0, 0, out.width, out.height);
    out.toBlob(b => b && save(fileName(chart.tag, "png"), b));
}

function quoted(text: string): string {
    return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** Asks for every point, not for those drawn. */
export async function exportCsv(tag: string): Promise<void> {
    const runs = runsOf(tag);
    const parts: string[] = ["run,tag,step,wall_time,value\n"];
    let total = 0;
    await points(
        {
            series: { runs: runs.map(lineRef), tags: [tag] },
            x: "step",
            range: null,
            width: null,
            cols: ["step", "wall", "first"],
            view: view.attempts.value,
        },
        frames => {
            for (const f of frames) {
                const { step, wall } = f.cols;
                if (!f.value || !step || !wall || total > MOST_POINTS) continue;
                const name = runOfLine(runs[f.handle])?.name ?? runs[f.handle];
                const head = `${quoted(name)},${quoted(tag)}`;
                const lines: string[] = [];
                for (let i = 0; i < f.count; i++)
                    lines.push(`${head},${step[i]},${wall[i]},${f.value[i]}`);
                parts.push(`${lines.join("\n")}\n`);
                total += f.count;
            }
        },
    );
    save(fileName(tag, "csv"), new Blob(parts, { type: "text/csv" }));
}
