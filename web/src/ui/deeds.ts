// Acts that change a run at the server: its name, its pin, deleting and taking that back. Fetched
// when the first is asked for.

import { mergeRuns, runById } from "../model/catalog";
import { markRun, marks } from "../model/personal";
import { said, tell } from "../model/undo";
import { acts, view } from "../model/view";
import { changes, type Notes } from "../net/change";
import { ApiError } from "../net/http";
import type { Run } from "../wire/messages";

function failed(what: string, e: unknown): void {
    const why = (e as Error).message;
    tell(`${what} ${why}`, { fail: true });
}

async function note(run: Run, notes: Notes, what: string): Promise<boolean> {
    try {
        mergeRuns([await changes.patch(run.id, notes)], []);
        return true;
    } catch (e) {
        failed(what, e);
        return false;
    }
}

export async function rename(run: Run, name: string): Promise<boolean> {
    const mark = marks.peek().get(run.name);
    const done = await note(run, { name }, "It could not be renamed.");
    if (done && mark) {
        markRun(name, mark);
        markRun(run.name, { hue: undefined, pinned: undefined });
    }
    return done;
}

export async function pin(run: Run, on: boolean): Promise<void> {
    markRun(run.name, { pinned: run.archived ? undefined : on });
    if (run.archived) await note(run, { pinned: on }, "The pin could not be set.");
}

export async function restore(run: Run): Promise<void> {
    try {
        mergeRuns([await changes.restore(run.id)], []);
        if (said.peek()?.act?.label === "Undo") said.value = null;
    } catch (e) {
        failed(`${run.name} could not be restored.`, e);
    }
}

/** Gone from the page at once; undo takes it back. Nothing is deleted where the run writes. */
export async function remove(run: Run, force = false): Promise<void> {
    try {
        await changes.remove(run.id, force);
    } catch (e) {
        if (!(e instanceof ApiError) || e.code !== "busy")
            return failed(`${run.name} could not be deleted.`, e);
        tell(`${run.name} was heard of in the last minutes.`, {
            fail: true,
            act: { label: "Delete all the same", do: () => void remove(run, true) },
        });
        return;
    }
    if (view.run.peek() === run.id) acts.charts();
    mergeRuns([], [run.id]);
    tell(`${run.name} is deleted.`, { act: { label: "Undo", do: () => void restore(run) } });
}

export async function cancel(run: Run): Promise<void> {
    try {
        await changes.cancel(run.id);
        const now = runById.peek().get(run.id);
        if (now) mergeRuns([{ ...now, cancel_requested: true }], []);
        tell(`${run.name} is asked to end.`);
    } catch (e) {
        failed(`${run.name} could not be asked to end.`, e);
    }
}
