// Hyperparameters of a run: what it was told of by the server, its labels, and what its name says
// as `key=value`. Words such as lr>0.01 or optim==adam of the filter are tried on them.

import type { Run } from "../wire/messages";

export interface Test {
    key: string;
    op: string;
    value: string;
}

const TEST = /^([\w.-]+)(>=|<=|==|!=|>|<)([^<>=!]+)$/;
const IN_NAME = /(?:^|[/\s,;_-])([A-Za-z][\w.]*?)=([^/\s,;_]+?)(?=$|[/\s,;_]|-(?=[A-Za-z]))/g;

/** The word as a test of a hyperparameter, or null. */
export function testOf(word: string): Test | null {
    const m = TEST.exec(word);
    return m ? { key: m[1].toLowerCase(), op: m[2], value: m[3] } : null;
}

export function paramsOf(run: Run): Map<string, string> {
    const out = new Map<string, string>();
    for (const m of run.name.matchAll(IN_NAME)) out.set(m[1].toLowerCase(), m[2]);
    for (const of of [run.tags, run.hparams])
        for (const [key, v] of Object.entries(of ?? {})) out.set(key.toLowerCase(), String(v));
    return out;
}

/** A run without the hyperparameter passes no test of it. */
export function passes(test: Test, params: Map<string, string>): boolean {
    const have = params.get(test.key);
    if (have === undefined) return false;
    const a = Number(have);
    const b = Number(test.value);
    const numbers = !Number.isNaN(a) && !Number.isNaN(b);
    const by = numbers ? a - b : have.toLowerCase().localeCompare(test.value.toLowerCase());
    switch (test.op) {
        case "==":
            return by === 0;
        case "!=":
            return by !== 0;
        case ">":
            return numbers && by > 0;
        case ">=":
            return numbers && by >= 0;
        case "<":
            return numbers && by < 0;
        default:
            return numbers && by <= 0;
    }
}
