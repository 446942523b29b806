// Filters over names: a regular expression, words such as `status:failed`, and tests of
// hyperparameters such as `lr>0.01`. A pattern that is not valid is told in plain words; the caller
// keeps the last good one.

import { passes, type Test, testOf } from "./params";

export interface Filter {
    text: string;
    re: RegExp | null;
    /** Words `key:value`: key → expression over the value. */
    words: Map<string, RegExp>;
    tests: Test[];
}

export interface Bad {
    error: string;
}

export const EMPTY: Filter = { text: "", re: null, words: new Map(), tests: [] };

const WORD = /^(status|state|activity|experiment|damage|attempts):(\S*)$/;
const LIMIT_PATTERN = 1000;

function unclosed(pattern: string, open: string, close: string): number {
    const stack: number[] = [];
    let set = false;
    for (let i = 0; i < pattern.length; i++) {
        const c = pattern[i];
        if (c === "\\") i++;
        else if (open === "[" && c === "[" && stack.length === 0) stack.push(i);
        else if (open === "[" && c === "]") stack.pop();
        else if (open === "(" && c === "[") set = true;
        else if (open === "(" && c === "]") set = false;
        else if (!set && c === open) stack.push(i);
        else if (!set && c === close && stack.pop() === undefined) return i + 1;
    }
    return (stack.at(-1) ?? 0) + 1;
}

/** What is wrong with a pattern, in words; positions count from 1. */
export function explain(pattern: string, error: unknown): string {
    const text = String((error as Error)?.message ?? error);
    if (/unterminated group|missing \)/i.test(text))
        return `The group opened at ${unclosed(pattern, "(", ")")} is not closed.`;
    if (/unmatched '?\)/i.test(text))
        return `The bracket at ${unclosed(pattern, "(", ")")} closes nothing.`;
    if (/unterminated character class|missing \]/i.test(text))
        return `The set opened at ${unclosed(pattern, "[", "]")} is not closed.`;
    if (/nothing to repeat/i.test(text)) return "There is nothing to repeat before *, + or ?.";
    if (/out of order/i.test(text)) return "A range runs backwards.";
    if (/\\ at end/i.test(text)) return "The backslash at the end stands for nothing.";
    return `Not a valid pattern: ${text.replace(/^.*: /, "")}.`;
}

function one(pattern: string): RegExp | Bad {
    if (pattern.length > LIMIT_PATTERN)
        return { error: `Longer than ${LIMIT_PATTERN} characters.` };
    try {
        return new RegExp(pattern, "i");
    } catch (e) {
        return { error: explain(pattern, e) };
    }
}

export function compile(text: string): Filter | Bad {
    const words = new Map<string, RegExp>();
    const tests: Test[] = [];
    const rest: string[] = [];
    for (const part of text.trim().split(/\s+/)) {
        const m = WORD.exec(part);
        if (!m) {
            const test = testOf(part);
            if (test) tests.push(test);
            else if (part) rest.push(part);
            continue;
        }
        const re = one(m[2]);
        if ("error" in re) return re;
        words.set(m[1] === "state" ? "status" : m[1], re);
    }
    const pattern = rest.join(" ");
    if (!pattern) return { text, re: null, words, tests };
    const re = one(pattern);
    return "error" in re ? re : { text, re, words, tests };
}

/** Patterns with a repeated group may take for ever: such are tried in a worker with a limit. */
export function risky(f: Filter): boolean {
    const source = f.re?.source ?? "";
    return /\)[*+{]/.test(source) || (source.match(/[*+]/g)?.length ?? 0) > 3;
}

/** `params` gives the hyperparameters, if the filter asks for any. */
export function matches(
    f: Filter,
    name: string,
    words: Record<string, string>,
    params: () => Map<string, string> = () => new Map(),
): boolean {
    if (f.re && !f.re.test(name)) return false;
    for (const [key, re] of f.words) if (!re.test(words[key] ?? "")) return false;
    if (f.tests.length === 0) return true;
    const have = params();
    return f.tests.every(t => passes(t, have));
}

/** Names nearest to what was typed, best first: shared pairs of letters decide. */
export function nearest(text: string, names: string[], count: number): string[] {
    const pairs = (s: string) => {
        const out = new Set<string>();
        const low = s.toLowerCase();
        for (let i = 0; i + 1 < low.length; i++) out.add(low.slice(i, i + 2));
        return out;
    };
    const want = pairs(text);
    if (want.size === 0) return [];
    const rated = names.map(name => {
        const have = pairs(name);
        let shared = 0;
        for (const p of want) if (have.has(p)) shared++;
        return { name, rate: (2 * shared) / (want.size + have.size) };
    });
    rated.sort((a, b) => b.rate - a.rate);
    return rated
        .slice(0, count)
        .filter(r => r.rate > 0.2)
        .map(r => r.name);
}
