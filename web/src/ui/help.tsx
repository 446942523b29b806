// The list of keys, over the page.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "./controls";
import { keysOn, setKeys } from "./theme";

export const helpOpen = signal(false);

const KEYS: [string[], string][] = [
    [["/"], "filter runs"],
    [["t"], "filter tags"],
    [["j", "k"], "next and previous chart"],
    [["f", "Enter"], "full width; Enter again: the points as a table"],
    [["p"], "pin the chart"],
    [["h"], "hide the run under the pointer"],
    [["[", "]"], "smooth less, more"],
    [["x"], "next horizontal axis"],
    [["y", "l"], "next vertical scale, log"],
    [["g"], "follow the newest points"],
    [["Space"], "pause, go on"],
    [["a"], "attempts stitched, all"],
    [["←", "→"], "move the crosshair; with Shift the range"],
    [["+", "−", "0"], "zoom in, out, all"],
    [["s"], "smoothing"],
    [["?"], "this list"],
    [["Esc"], "back"],
];

export function Help() {
    const box = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        box.current?.showModal();
    }, []);
    const close = () => {
        helpOpen.value = false;
    };
    return (
        <dialog
            class="help"
            ref={box}
            aria-labelledby="help-head"
            onClose={close}
            onClick={e => e.target === box.current && close()}
        >
            <div class="in">
                <div class="hd">
                    <h2 id="help-head">Keys</h2>
                    <span class="grow" />
                    <IconButton icon="close" label="Close" onClick={close} />
                </div>
                <dl>
                    {KEYS.map(([keys, what]) => (
                        <div key={what}>
                            <dt>
                                {keys.map(k => (
                                    <kbd key={k}>{k}</kbd>
                                ))}
                            </dt>
                            <dd>{what}</dd>
                        </div>
                    ))}
                </dl>
                <p class="mute">
                    Drag over a chart to zoom; a double click shows all values, or all of a zoomed
                    chart. A click pins the readout.
                </p>
                <label class="choice">
                    <input
                        type="checkbox"
                        class="box"
                        checked={keysOn.value}
                        onChange={e => setKeys((e.currentTarget as HTMLInputElement).checked)}
                    />
                    single keys are on
                </label>
            </div>
        </dialog>
    );
}
