// The line that tells what an act did, with its undo. It floats at the lower edge and goes by
// itself; while the pointer or the focus is on it, it stays.

import { useRef } from "preact/hooks";
import { said, secondsLeft } from "../model/undo";
import { tick } from "../model/view";
import { IconButton } from "./controls";
import "./css/said.css";

export function Said() {
    tick.value;
    const box = useRef<HTMLDivElement>(null);
    const s = said.value;
    if (!s) return null;
    const left = secondsLeft(s);
    const stays = box.current?.matches(":hover, :focus-within") ?? false;
    if (left === 0 && !stays) {
        queueMicrotask(() => {
            if (said.peek() === s) said.value = null;
        });
        return null;
    }
    const close = () => {
        said.value = null;
    };
    return (
        <div class={`said-line ${s.fail ? "is-bad" : ""}`} role="status" ref={box}>
            <span class="cut">{s.words}</span>
            {s.act && (
                <button
                    type="button"
                    class="btn line"
                    onClick={() => {
                        close();
                        s.act?.do();
                    }}
                >
                    {s.act.label}
                    {!stays && <span class="mute num">{left} s</span>}
                </button>
            )}
            <IconButton icon="close" label="Close" onClick={close} />
        </div>
    );
}
