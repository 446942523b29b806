// Keeps the address bar and the view in step: selection, filter and zoom make steps for the back
// key, sliders replace. What the address says wins when the user edits it or goes back.

import { effect } from "@preact/signals";
import { linkOf, linkRead } from "../model/link";
import { setState, state, stepping, view } from "../model/view";

let shown = "";
let writing = 0;

/** The page's own address, under whatever prefix it was opened. */
function root(): string {
    return new URL(".", document.baseURI).pathname;
}

/** Addresses such as r/ID and e/NAME open a run or an experiment directly. */
function route(): void {
    const path = location.pathname;
    const [kind, ...rest] = path.startsWith(root()) ? path.slice(root().length).split("/") : [];
    const name = decodeURIComponent(rest.join("/"));
    if (kind === "r" && name) view.run.value = rest[0];
    else if (kind === "e" && name) view.experiment.value = name;
}

async function write(push: boolean): Promise<void> {
    const mine = ++writing;
    const hash = await linkOf(state.peek());
    // A later change has its own turn.
    if (mine !== writing || hash === shown) return;
    shown = hash;
    const url = root() + location.search + hash;
    if (push) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
}

async function read(): Promise<void> {
    if (location.hash === shown) return;
    shown = location.hash;
    setState(await linkRead(location.hash));
}

export async function addressStart(): Promise<void> {
    if (location.hash) await read();
    route();
    window.addEventListener("popstate", () => void read());
    window.addEventListener("hashchange", () => void read());
    let first = true;
    let timer = 0;
    effect(() => {
        state.value;
        clearTimeout(timer);
        // A step is written at once, so that going back finds it; sliders wait for the hand.
        if (stepping && !first) void write(true);
        else timer = window.setTimeout(() => void write(false), 120);
        first = false;
    });
}
