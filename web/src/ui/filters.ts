// Takes what is typed into the two filter fields: a good pattern comes into force, a bad one is
// told beside the field while the last good one stays.

import { effect, type Signal, signal, untracked } from "@preact/signals";
import { listed, runFilter, scalarTags, tagFilter } from "../model/catalog";
import { compile, type Filter, risky } from "../model/filter";
import { view } from "../model/view";
import FilterWorker from "./filter.worker?worker";

export const runError = signal("");
export const tagError = signal("");

const LIMIT_MS = 100;
const START_MS = 3000;

/** Resolves when a worker has tried the pattern on all names within the limit. */
function timed(f: Filter, names: string[]): Promise<void> {
    return new Promise((done, fail) => {
        const worker = new FilterWorker();
        const stop = (end: () => void) => {
            worker.terminate();
            clearTimeout(timer);
            end();
        };
        const late = () => stop(() => fail(new Error("This pattern takes too long.")));
        let timer = window.setTimeout(late, START_MS);
        worker.onmessage = e => {
            if (e.data !== "ready") return stop(done);
            clearTimeout(timer);
            timer = window.setTimeout(late, LIMIT_MS);
            worker.postMessage({ source: f.re?.source ?? "", names });
        };
        worker.onerror = () => stop(() => fail(new Error("This pattern could not be tried.")));
    });
}

async function take(
    text: Signal<string>,
    names: () => string[],
    error: Signal<string>,
    force: Signal<Filter>,
): Promise<void> {
    const asked = text.value;
    const f = compile(asked);
    if ("error" in f) {
        error.value = f.error;
        return;
    }
    try {
        if (risky(f)) await timed(f, untracked(names));
    } catch (e) {
        error.value = (e as Error).message;
        return;
    }
    if (text.peek() !== asked) return;
    error.value = "";
    force.value = f;
}

export function filtersStart(): void {
    const runNames = () => listed.value.map(r => r.name);
    const tagNames = () => scalarTags.value.map(t => t.tag);
    effect(() => void take(view.runFilter, runNames, runError, runFilter));
    effect(() => void take(view.tagFilter, tagNames, tagError, tagFilter));
}
