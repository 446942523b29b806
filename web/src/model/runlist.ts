// Rows of the list of runs: runs in their order, gathered in folders by the parts of their names.
// A chain of folders with one child each is one row; folders come after the runs beside them.

import { computed, signal } from "@preact/signals";
import type { Run } from "../wire/messages";
import { isChosen } from "./catalog";
import { ranked } from "./ranking";
import { stateWord, WORST } from "./state";

export interface RunRow {
    kind: "run";
    run: Run;
    name: string;
    depth: number;
}

export interface FolderRow {
    kind: "folder";
    path: string;
    name: string;
    depth: number;
    runs: Run[];
    open: boolean;
    /** Whether all, some or none of its runs are drawn. */
    box: "all" | "some" | "none";
    /** The worst state inside. */
    state: string;
}

export type ListRow = RunRow | FolderRow;

/** Folders that are closed, by path. */
export const closed = signal<Set<string>>(new Set());
/** Off: a flat list with full names. */
export const tree = signal(true);

export function worst(runs: Run[]): string {
    let best = WORST.length;
    for (const r of runs) {
        const at = WORST.indexOf(stateWord(r));
        if (at >= 0 && at < best) best = at;
    }
    return WORST[best] ?? "finished";
}

export function boxOf(runs: Run[]): "all" | "some" | "none" {
    const on = runs.filter(r => isChosen(r.id)).length;
    return on === 0 ? "none" : on === runs.length ? "all" : "some";
}

interface Node {
    leaves: { run: Run; name: string }[];
    folders: Map<string, Node>;
    all: Run[];
}

function nodeNew(): Node {
    return { leaves: [], folders: new Map(), all: [] };
}

function insert(root: Node, run: Run): void {
    const parts = run.name.split("/").filter(p => p !== "");
    let at = root;
    root.all.push(run);
    for (const part of parts.slice(0, -1)) {
        let next = at.folders.get(part);
        if (!next) at.folders.set(part, (next = nodeNew()));
        next.all.push(run);
        at = next;
    }
    at.leaves.push({ run, name: parts.at(-1) ?? run.name });
}

/** Writes the rows below a node. Folders nest no deeper than names have parts. */
function emit(node: Node, path: string, depth: number, out: ListRow[]): void {
    const lone: { run: Run; name: string }[] = [];
    const folders: [string, string, Node][] = [];
    for (const [part, child] of node.folders) {
        let name = part;
        let at = child;
        while (at.leaves.length === 0 && at.folders.size === 1) {
            const [[next, deeper]] = at.folders;
            name = `${name}/${next}`;
            at = deeper;
        }
        if (at.all.length === 1) {
            const [run] = at.all;
            lone.push({ run, name: `${name}/${at.leaves[0].name}` });
        } else folders.push([`${path}${name}/`, name, at]);
    }
    const order = new Map(node.all.map((r, i) => [r.id, i]));
    const runs = [...node.leaves, ...lone];
    runs.sort((a, b) => (order.get(a.run.id) as number) - (order.get(b.run.id) as number));
    for (const l of runs) out.push({ kind: "run", run: l.run, name: l.name, depth });
    for (const [key, name, at] of folders) {
        const open = !closed.value.has(key);
        const box = boxOf(at.all);
        const state = worst(at.all);
        out.push({ kind: "folder", path: key, name, depth, runs: at.all, open, box, state });
        if (open) emit(at, key, depth + 1, out);
    }
}

export const rows = computed<ListRow[]>(() => {
    const out: ListRow[] = [];
    if (!tree.value) {
        for (const run of ranked.value) out.push({ kind: "run", run, name: run.name, depth: 0 });
        return out;
    }
    const root = nodeNew();
    for (const run of ranked.value) insert(root, run);
    emit(root, "", 0, out);
    return out;
});
