// Runs that strain the page: long names, other scripts, one point, no point, values that are no
// numbers, huge and tiny, constant, steps beyond 2^53, and tags without end.

import { curveOf, gauss, type MockRun } from "./data";
import { makeRun } from "./runs";

const LONG =
    "resnet152_imagenet21k_lr=0.00031622776601683795_wd=0.05_mixup=0.8_seed=1234567890/fold_00";

const NAMES = [
    LONG,
    `${LONG.slice(0, -1)}1`,
    "实验/学习率=0.01",
    "\u202bניסוי\u202c",
    "one-point",
    "no-point",
    "nan",
    "\u{1f680} rocket",
    `<b>"quoted"</b> & 'more'`,
    "a/very/deep/tree/of/directories/with/one/leaf",
];

type Odd = (i: number, n: number, run: MockRun) => number;

const ODD: Record<string, Odd> = {
    huge: i => 1e300 * (1 + i / 50),
    tiny: i => 1e-300 * (1 + i / 50),
    constant: () => 0.1,
    zero: () => 0,
    "all NaN": () => Number.NaN,
    "some NaN": (i, _, run) =>
        i % 9 === 0 ? Number.NaN : i % 31 === 0 ? Number.POSITIVE_INFINITY : run.quality + i / 99,
    "negative on log": (i, n) => Math.cos((i / n) * 9),
    spike: i => (i === 40 ? 1e6 : 1 + Math.sin(i / 9)),
    "very similar values": (i, _, run) => 1000000 + run.quality / 1e4 + i * 1e-6,
    "a tag whose name goes on and on, with spaces, so that it must be cut somewhere": i => i,
    "two orders/of magnitude": (i, n) => 10 ** ((i / n) * 12 - 6),
};

const POINTS = 80;

function put(run: MockRun, tag: string, f: Odd, stride: number): void {
    const p = { step: [], wall: [], value: [], attempt: [] } as {
        [k: string]: number[];
    };
    const n = run.info.name === "one-point" ? 1 : run.info.name === "no-point" ? 0 : POINTS;
    for (let i = 0; i < n; i++) {
        p.step.push(i * stride);
        p.wall.push(Date.now() / 1000 - (n - i) * 60);
        p.value.push(run.info.name === "nan" ? Number.NaN : f(i, n, run));
        p.attempt.push(1);
    }
    if (n > 0) run.tags.set(tag, p as never);
}

export function oddRuns(): MockRun[] {
    return NAMES.map((name, k) => {
        const state = ["running", "finished", "failed", "quiet"][k % 4];
        const run = makeRun(
            { name, end: 0.1, quality: 0.1 + k / 20, state, damage: k === 1 ? 2 : 0 },
            60,
            [],
        );
        for (const [tag, f] of Object.entries(ODD)) put(run, `odd/${tag}`, f, 10);
        put(run, "steps beyond 2^53/loss", i => 1 / (1 + i), 2 ** 50);
        for (let i = 0; i < 260; i++) {
            const curve = curveOf(`layer${i}`);
            if (k < 2)
                put(
                    run,
                    `model/encoder/layers/${i >> 2}/${"qkvo"[i % 4]}/weight_norm`,
                    (j, n) => curve(j / n, run.quality, gauss(run.random)),
                    10,
                );
        }
        run.info.series = run.tags.size;
        if (run.tags.size === 0) Object.assign(run.info, { points: 0, last_wall: null });
        run.info.points = [...run.tags.values()].reduce((s, p) => s + p.step.length, 0);
        return run;
    });
}
