// The control of smoothing: its kind, and how much of it.

import { count, relative } from "../model/format";
import { type Axis, columnOf } from "../model/series";
import { emaSpan } from "../model/smooth";
import { amountAt, placeOfAmount, type SmoothKind, smoothStart } from "../model/smoother";
import { acts, view } from "../model/view";
import { Menu } from "./controls";
import { Icon } from "./icons";
import { charts } from "./near";

const KINDS: [SmoothKind, string, string][] = [
    ["ema", "exponential", "TensorBoard's formula, by points"],
    ["half", "half-life", "by x: the same at every density"],
    ["mean", "running mean", "of the x before"],
    ["median", "running median", "where all points are drawn"],
];

/** The widest extent of x of a line that is drawn. */
function span(axis = view.axis.value): number {
    let most = 0;
    for (const c of charts.values())
        for (const { track } of c.scene?.lines ?? []) {
            const x = columnOf(track, axis);
            most = Math.max(most, x[track.n - 1] - x[0]);
        }
    return most > 0 ? most : 1000;
}

/** Another axis: smoothing goes on over the same share of what is drawn. */
export function axisTo(axis: Axis): void {
    const { kind, amount } = view.smooth.value;
    const share = amount / span();
    acts.axis(axis);
    if (kind !== "ema")
        view.smooth.value = { kind, amount: Number((share * span(axis)).toPrecision(3)) };
}

/** What an exponential weight means in points, which on a long run may be nothing to see. */
function pointWords(): string {
    const { kind, amount } = view.smooth.value;
    return kind === "ema" && amount > 0 ? ` ≈ ${emaSpan(amount).toFixed(1)} points` : "";
}

function words(): string {
    const { kind, amount } = view.smooth.value;
    if (kind === "ema") return amount.toFixed(amount > 0.99 ? 3 : 2);
    if (amount === 0) return "off";
    return view.axis.value === "step" ? `${count(amount)} steps` : relative(amount);
}

export function Smoothing() {
    const how = view.smooth.value;
    const place = placeOfAmount(how, span());
    const [, name, note] = KINDS.find(k => k[0] === how.kind) ?? KINDS[0];
    return (
        <span class="range" title={`Smoothing: ${name}, ${note}${pointWords()}`}>
            <Menu
                label={`smooth: ${name}`}
                class="kind"
                choices={() =>
                    KINDS.map(([kind, label, said]) => ({
                        label,
                        note: said,
                        on: kind === how.kind,
                        act: () => {
                            view.smooth.value = smoothStart(kind, span());
                        },
                    }))
                }
            >
                {how.kind === "ema" ? "smooth" : name}
                <Icon name="down" />
            </Menu>
            <input
                type="range"
                aria-label="Smoothing"
                aria-valuetext={words()}
                min="0"
                max="1"
                step="0.001"
                value={place}
                style={{ "--v": place }}
                onInput={e => {
                    const at = Number((e.currentTarget as HTMLInputElement).value);
                    view.smooth.value = { ...how, amount: amountAt(how.kind, at, span()) };
                }}
            />
            <output>{words()}</output>
        </span>
    );
}
