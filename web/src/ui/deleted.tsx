// Deleted runs that can still be restored.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { plural } from "../model/format";
import { deletedRuns } from "../net/change";
import type { Run } from "../wire/messages";
import { IconButton } from "./controls";
import "./css/said.css";

import { restore } from "./deeds";
import { deletedOpen } from "./stage";

export function Deleted() {
    const box = useRef<HTMLDialogElement>(null);
    const list = useSignal<Run[] | null>(null);
    const error = useSignal("");
    useEffect(() => {
        box.current?.showModal();
        deletedRuns().then(
            got => {
                list.value = got;
            },
            e => {
                error.value = (e as Error).message;
            },
        );
    }, []);
    const close = () => {
        deletedOpen.value = false;
    };
    const back = async (run: Run) => {
        await restore(run);
        list.value = (list.value ?? []).filter(r => r.id !== run.id);
    };
    const count = list.value?.length ?? 0;
    return (
        <dialog
            class="help deleted"
            ref={box}
            aria-labelledby="deleted-head"
            onClose={close}
            onClick={e => e.target === box.current && close()}
        >
            <div class="in">
                <div class="hd">
                    <h2 id="deleted-head">Deleted runs</h2>
                    <span class="grow mute">{list.value && plural(count, "run")}</span>
                    <IconButton icon="close" label="Close" onClick={close} />
                </div>
                {error.value && <p class="fail">{error.value}</p>}
                {count === 0 && list.value && <p class="mute">There is nothing to restore.</p>}
                <ul>
                    {(list.value ?? []).map(r => (
                        <li key={r.id}>
                            <span class="cut" title={r.name}>
                                {r.name} <span class="mute">{r.experiment}</span>
                            </span>
                            <button type="button" class="btn line" onClick={() => void back(r)}>
                                Restore
                            </button>
                        </li>
                    ))}
                </ul>
                <p class="mute">
                    The server keeps deleted runs for some days; where they were written, nothing is
                    deleted.
                </p>
            </div>
        </dialog>
    );
}
