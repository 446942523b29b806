// What a chart can be kept as; the code that makes it is fetched when it is asked for.

import type { Chart } from "../chart/chart";
import type { Choice } from "./controls";

export function exportChoices(tag: string, chart: () => Chart | null): Choice[] {
    const picture = (kind: "exportSvg" | "exportPng") => async () => {
        const c = chart();
        if (c) await (await import("./later")).exporting[kind](c);
    };
    const csv = async () => (await import("./later")).exporting.exportCsv(tag);
    return [
        { label: "picture (SVG)", act: () => void picture("exportSvg")() },
        { label: "picture (PNG)", act: () => void picture("exportPng")() },
        { label: "all points (CSV)", act: () => void csv() },
    ];
}
