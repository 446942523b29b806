// The frame of the page: bar, list of runs, and what the address asks for.

import { useEffect } from "preact/hooks";
import { runById, runs } from "../model/catalog";
import { phase, reading } from "../model/status";
import { said } from "../model/undo";
import { cursor, view } from "../model/view";
import { Announcer } from "./announce";
import { Bar } from "./bar";
import { Down, Empty, LoadBar, Login, LostStrip } from "./blank";
import { drawerOpen, RunsDrawer, SettingsDrawer, settingsOpen } from "./drawer";
import { FullChart } from "./full";
import { Help, helpOpen } from "./help";
import { lazy } from "./lazy";
import { skipToMain } from "./places";
import { Sections } from "./sections";
import { Side } from "./side";
import { deletedOpen, settled } from "./stage";
import { FloatingTip } from "./tip";

const RunScreen = lazy<{ id: string }>(async () => (await import("./later")).RunScreen);
const ArchiveStrip = lazy(async () => (await import("./later")).ArchiveStrip);
const Said = lazy(async () => (await import("./later")).Said);
const Deleted = lazy(async () => (await import("./later")).Deleted);

function title(): string {
    const run = view.run.value && runById.value.get(view.run.value)?.name;
    const what = run || view.full.value || view.experiment.value;
    return what ? `${what} – Tailboard` : "Tailboard";
}

function Main() {
    const { run, full } = view;
    if (run.value) return <RunScreen key={run.value} id={run.value} />;
    if (full.value) return <FullChart tag={full.value} />;
    return (
        <>
            <h1 class="sr">{view.experiment.value || "All experiments"}, charts</h1>
            <Sections />
        </>
    );
}

function Whole({ children }: { children: preact.ComponentChildren }) {
    return (
        <div class="app alone">
            <main class="main">{children}</main>
        </div>
    );
}

export function App() {
    const words = title();
    useEffect(() => {
        document.title = words;
    }, [words]);
    if (phase.value === "login")
        return (
            <Whole>
                <Login />
            </Whole>
        );
    if (phase.value === "down")
        return (
            <Whole>
                <Down />
            </Whole>
        );
    if (phase.value === "ready" && runs.value.length === 0 && !reading.value)
        return (
            <Whole>
                <LostStrip />
                <Empty />
                {said.value && <Said />}
            </Whole>
        );
    return (
        <div class="app">
            <button type="button" class="skip btn main" onClick={skipToMain}>
                To the charts
            </button>
            <Bar />
            <Side />
            <main
                class="main"
                tabIndex={-1}
                onScroll={() => {
                    if (cursor.value && !cursor.value.pinned) cursor.value = null;
                }}
            >
                <LostStrip />
                {settled.value && <ArchiveStrip />}
                <LoadBar />
                {phase.value === "ready" && <Main />}
            </main>
            <FloatingTip />
            <Announcer />
            {said.value && <Said />}
            {deletedOpen.value && <Deleted />}
            {helpOpen.value && <Help />}
            {drawerOpen.value && <RunsDrawer />}
            {settingsOpen.value && <SettingsDrawer />}
        </div>
    );
}
