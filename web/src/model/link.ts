// The state of the view as text in the link, and back.
//
//   #v1/key=value&key=value      defaults left out, unknown keys kept
//   #z1/<base64url of deflate>   the same, when it would be longer than LIMIT_LINK
//
// Addresses of the stock page (#timeseries&tagFilter=…) are understood too. The log-in token is
// never part of a state.

import type { Axis } from "./series";
import { ema, type Smooth, type SmoothKind } from "./smoother";

export type Scale = "linear" | "log" | "symlog";
export type Attempts = "stitched" | "all";

export interface Selection {
    /** start: what the page chose; but: all except ids; only: ids. */
    mode: "start" | "but" | "only";
    ids: string[];
}

export interface Sort {
    /** name, start, update, state, or last: min: max: and a tag. */
    by: string;
    down: boolean;
}

export interface State {
    runFilter: string;
    tagFilter: string;
    experiment: string;
    selection: Selection;
    axis: Axis;
    range: [number, number] | null;
    /** Scales that differ from linear, by tag; "*" for all. */
    scales: Record<string, Scale>;
    /** Tags whose outliers are shown. */
    wide: string[];
    smooth: Smooth;
    /** Zoomed ranges of y, by tag. */
    heights: Record<string, [number, number]>;
    attempts: Attempts;
    pins: string[];
    /** Sections whose fold differs from the start. */
    folds: string[];
    full: string;
    run: string;
    sort: Sort | null;
    /** Keys that this version does not know. */
    other: [string, string][];
}

const SMOOTHS: SmoothKind[] = ["ema", "half", "mean", "median"];

export const LIMIT_LINK = 2000;

export function stateDefault(): State {
    return {
        runFilter: "",
        tagFilter: "",
        experiment: "",
        selection: { mode: "start", ids: [] },
        axis: "step",
        range: null,
        scales: {},
        wide: [],
        smooth: ema(0.6),
        heights: {},
        attempts: "stitched",
        pins: [],
        folds: [],
        full: "",
        run: "",
        sort: null,
        other: [],
    };
}

/** encodeURIComponent that leaves alone what a fragment may hold and people can read. */
function encode(text: string): string {
    return encodeURIComponent(text).replace(/%(2F|3A|2C|3B|40|24)/g, m => decodeURIComponent(m));
}

function decode(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

/** "~" joins the items of a list; inside an item it is doubled in percent form. */
function list(items: string[]): string {
    return items.map(i => encode(i).replace(/~/g, "%7E")).join("~");
}

function unlist(text: string): string[] {
    return text ? text.split("~").map(decode) : [];
}

const AXES: Record<string, Axis> = { step: "step", rel: "relative", wall: "wall" };

export function stateText(s: State): string {
    const out: [string, string][] = [];
    const put = (key: string, value: string) => value && out.push([key, value]);
    put("e", encode(s.experiment));
    put("rf", encode(s.runFilter));
    put("tf", encode(s.tagFilter));
    if (s.selection.mode !== "start")
        out.push(["sel", (s.selection.mode === "but" ? "!" : "") + list(s.selection.ids)]);
    if (s.axis !== "step") put("x", s.axis === "relative" ? "rel" : s.axis);
    if (s.range) put("xr", s.range.join(","));
    put("y", list(Object.entries(s.scales).map(([tag, scale]) => `${scale}:${tag}`)));
    put("wide", list(s.wide));
    if (s.smooth.kind !== "ema" || s.smooth.amount !== 0.6)
        put("sm", `${s.smooth.kind},${s.smooth.amount}`);
    put("yr", list(Object.entries(s.heights).map(([tag, r]) => `${r.join(",")}:${tag}`)));
    if (s.attempts !== "stitched") put("at", s.attempts);
    put("pin", list(s.pins));
    put("fold", list(s.folds));
    put("full", encode(s.full));
    put("run", encode(s.run));
    if (s.sort) put("sort", (s.sort.down ? "-" : "") + encode(s.sort.by));
    for (const [key, value] of s.other) put(key, value);
    return out.map(([k, v]) => `${k}=${v}`).join("&");
}

function readSelection(value: string): Selection {
    return value.startsWith("!")
        ? { mode: "but", ids: unlist(value.slice(1)) }
        : { mode: "only", ids: unlist(value) };
}

function readRange(value: string): [number, number] | null {
    const [a, b] = value.split(",").map(Number);
    return Number.isFinite(a) && Number.isFinite(b) && a < b ? [a, b] : null;
}

function readScales(value: string): Record<string, Scale> {
    const out: Record<string, Scale> = {};
    for (const item of unlist(value)) {
        const [, scale, tag] = /^(log|symlog|linear)(?::(.*))?$/s.exec(item) ?? [];
        if (scale) out[tag || "*"] = scale as Scale;
    }
    return out;
}

function readSmooth(value: string): Smooth {
    const [word, number] = value.includes(",") ? value.split(",") : ["ema", value];
    const kind = SMOOTHS.find(k => k === word);
    const amount = Number(number);
    if (!kind || !Number.isFinite(amount)) return ema(0.6);
    return { kind, amount: Math.min(kind === "ema" ? 0.999 : 1e300, Math.max(0, amount)) };
}

function readHeights(value: string): Record<string, [number, number]> {
    const out: Record<string, [number, number]> = {};
    for (const item of unlist(value)) {
        const [, range, tag] = /^([^:]*):(.*)$/s.exec(item) ?? [];
        const r = range ? readRange(range) : null;
        if (r && tag) out[tag] = r;
    }
    return out;
}

function readSort(value: string): Sort {
    const down = value.startsWith("-");
    return { by: decode(down ? value.slice(1) : value), down };
}

export function stateRead(text: string): State {
    const s = stateDefault();
    for (const part of text.split("&")) {
        const at = part.indexOf("=");
        if (at < 1) continue;
        const key = part.slice(0, at);
        const value = part.slice(at + 1);
        if (key === "e") s.experiment = decode(value);
        else if (key === "rf") s.runFilter = decode(value);
        else if (key === "tf") s.tagFilter = decode(value);
        else if (key === "sel") s.selection = readSelection(value);
        else if (key === "x") s.axis = AXES[value] ?? "step";
        else if (key === "xr") s.range = readRange(value);
        else if (key === "y") s.scales = readScales(value);
        else if (key === "wide") s.wide = unlist(value);
        else if (key === "sm") s.smooth = readSmooth(value);
        else if (key === "yr") s.heights = readHeights(value);
        else if (key === "at") s.attempts = value === "all" ? "all" : "stitched";
        else if (key === "pin") s.pins = unlist(value);
        else if (key === "fold") s.folds = unlist(value);
        else if (key === "full") s.full = decode(value);
        else if (key === "run") s.run = decode(value);
        else if (key === "sort") s.sort = readSort(value);
        else s.other.push([key, value]);
    }
    return s;
}

/** Addresses of the stock page: its tab, then keys of its own. */
function stockRead(text: string): State | null {
    const [tab, ...rest] = text.split("&");
    if (!/^(timeseries|scalars)$/.test(tab)) return null;
    const s = stateDefault();
    const keys = new URLSearchParams(rest.join("&"));
    s.tagFilter = keys.get("tagFilter") ?? keys.get("_tagFilter") ?? "";
    s.runFilter = keys.get("runFilter") ?? keys.get("regexInput") ?? "";
    if (keys.has("smoothing")) s.smooth = readSmooth(keys.get("smoothing") as string);
    if (keys.has("_smoothingWeight")) s.smooth = readSmooth(keys.get("_smoothingWeight") as string);
    return s;
}

async function through(bytes: Uint8Array, stream: GenericTransformStream): Promise<Uint8Array> {
    const body = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream);
    return new Uint8Array(await new Response(body).arrayBuffer());
}

interface GenericTransformStream {
    readable: ReadableStream;
    writable: WritableStream;
}

/** The fragment, with its "#"; "" for a view that is all default. */
export async function linkOf(s: State): Promise<string> {
    const text = stateText(s);
    if (!text) return "";
    if (text.length <= LIMIT_LINK) return `#v1/${text}`;
    const packed = await through(
        new TextEncoder().encode(text),
        new CompressionStream("deflate-raw"),
    );
    let binary = "";
    for (const b of packed) binary += String.fromCharCode(b);
    const base64 = btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    return `#z1/${base64}`;
}

/** State of a fragment; of an unknown or damaged one, the default. */
export async function linkRead(fragment: string): Promise<State> {
    const text = fragment.replace(/^#/, "");
    if (text.startsWith("v1/")) return stateRead(text.slice(3));
    if (text.startsWith("z1/")) {
        try {
            const binary = atob(text.slice(3).replace(/-/g, "+").replace(/_/g, "/"));
            const bytes = Uint8Array.from(binary, c => c.charCodeAt(0));
            const plain = await through(bytes, new DecompressionStream("deflate-raw"));
            return stateRead(new TextDecoder().decode(plain));
        } catch {
            return stateDefault();
        }
    }
    return stockRead(text) ?? stateDefault();
}
