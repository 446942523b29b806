// Runs are there and no metric is: what they do meanwhile, and the ways to their console and files.

import { inks, listed } from "../model/catalog";
import { age, plural } from "../model/format";
import { stateWord, statusWord } from "../model/state";
import { acts, tick } from "../model/view";
import type { Run } from "../wire/messages";
import { seconds } from "../wire/messages";
import { StateMark, Swatch, stateWords } from "./icons";

const MOST = 8;
const LOOK_MS = 100;
const LOOKS = 30;

/** Opens a run at a part of it, once that part is there. */
function openAt(run: string, part: string): void {
    acts.openRun(run);
    let left = LOOKS;
    const look = () => {
        const el = document.getElementById(part);
        if (el) el.scrollIntoView();
        else if (left-- > 0) setTimeout(look, LOOK_MS);
    };
    setTimeout(look, LOOK_MS);
}

function Item({ run }: { run: Run }) {
    tick.value;
    const state = stateWord(run);
    const word = statusWord(run) || stateWords(state).split(":")[0];
    const at = seconds(run.job?.started_time ?? run.job?.created_time);
    const since = Number.isFinite(at) ? `, ${age(Date.now() / 1000 - at)}` : "";
    const ink = inks.value.get(run.id) ?? { hue: 1, dash: 0 };
    const reports = Boolean(run.job);
    return (
        <li>
            <Swatch {...ink} />
            <button
                type="button"
                class="as-link cut"
                title={run.name}
                onClick={() => acts.openRun(run.id)}
            >
                {run.name}
            </button>
            <span class="soft">
                <StateMark state={state} />
                {word.toLowerCase()}
                {since}
            </span>
            <span class="ways">
                {reports && (
                    <button type="button" class="btn" onClick={() => openAt(run.id, "console")}>
                        console
                    </button>
                )}
                <button type="button" class="btn" onClick={() => openAt(run.id, "files")}>
                    files
                </button>
            </span>
        </li>
    );
}

export function Waiting() {
    const all = listed.value;
    return (
        <div class="blank waiting">
            <h1>No metric yet</h1>
            <p class="lead">
                {plural(all.length, "run")} {all.length === 1 ? "is" : "are"} known. The first chart
                appears here with the first point; state, console and files are there at once.
            </p>
            <ul class="runs-list">
                {all.slice(0, MOST).map(run => (
                    <Item key={run.id} run={run} />
                ))}
            </ul>
            {all.length > MOST && (
                <p class="small">and {all.length - MOST} more in the list of runs</p>
            )}
        </div>
    );
}
