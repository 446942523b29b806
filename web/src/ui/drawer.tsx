// On narrow screens the list of runs and the settings of the view come up from the lower edge.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { paused } from "../model/view";
import { setPaused } from "./acts";
import { AxisChoice } from "./bar";
import { ListFoot, ListHead, RunFilter, RunFilterError, VirtualRows } from "./side";
import { Smoothing } from "./smoothing";

export const drawerOpen = signal(false);
export const settingsOpen = signal(false);

function Drawer(p: { label: string; close: () => void; children: ComponentChildren }) {
    const box = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        box.current?.showModal();
    }, []);
    return (
        <dialog
            class="drawer"
            ref={box}
            aria-label={p.label}
            onClose={p.close}
            onClick={e => e.target === box.current && p.close()}
        >
            <div class="in">
                <button type="button" class="grip" aria-label="Close" onClick={p.close} />
                {p.children}
            </div>
        </dialog>
    );
}

export function RunsDrawer() {
    const close = () => {
        drawerOpen.value = false;
    };
    return (
        <Drawer label="Runs" close={close}>
            <RunFilter id="run-filter-narrow" />
            <RunFilterError id="run-filter-narrow" />
            <ListHead />
            <VirtualRows height={44} />
            <ListFoot />
        </Drawer>
    );
}

export function SettingsDrawer() {
    const close = () => {
        settingsOpen.value = false;
    };
    return (
        <Drawer label="View settings" close={close}>
            <div class="settings">
                <div class="line">
                    <span>Horizontal axis</span>
                    <AxisChoice />
                </div>
                <div class="line">
                    <span>Smoothing</span>
                    <Smoothing />
                </div>
                <div class="line">
                    <span>New points</span>
                    <button type="button" class="btn line" onClick={() => setPaused(!paused.value)}>
                        {paused.value ? "Go on" : "Pause"}
                    </button>
                </div>
            </div>
        </Drawer>
    );
}
