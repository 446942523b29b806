// Ready-made sets of runs for the mock server, named after what they show.

import { fill, type MockRun, random } from "./data";
import { oddRuns } from "./odd";

export type Scenario = "demo" | "one" | "ten" | "many" | "odd" | "empty" | "loading" | "login";

const TAGS = [
    "train/loss",
    "train/grad_norm",
    "train/lr",
    "train/samples_per_s",
    "train/gpu_memory_gib",
    "train/entropy",
    "train/perplexity",
    "eval/loss",
    "eval/accuracy",
];

interface Line {
    name: string;
    end: number;
    quality: number;
    state: string;
    attempts?: number;
    damage?: number;
    age?: number;
}

const DEMO: Line[] = [
    { name: "lr=0.01-bs64", end: 0.83, quality: 0.1, state: "running" },
    { name: "lr=0.03-bs64", end: 0.78, quality: 0.16, state: "running", attempts: 3 },
    { name: "lr=0.003-bs64", end: 0.86, quality: 0.22, state: "running", age: 14 },
    { name: "lr=0.01-bs128", end: 1, quality: 0.13, state: "finished", age: 7300 },
    {
        name: "lr=0.01-bs256-warm500",
        end: 0.62,
        quality: 0.27,
        state: "quiet",
        damage: 2,
        age: 250,
    },
    { name: "lr=0.001-bs64", end: 1, quality: 0.36, state: "finished", age: 2470 },
    { name: "baseline", end: 1, quality: 0.3, state: "finished", age: 260_000 },
    {
        name: "lr=0.1-bs64",
        end: 0.31,
        quality: 0.62,
        state: "failed",
        attempts: 2,
        damage: 2,
        age: 3500,
    },
    { name: "ablate/no-dropout", end: 0.55, quality: 0.19, state: "quiet", age: 550 },
    { name: "ablate/no-warmup", end: 0.44, quality: 0.44, state: "quiet", age: 730 },
    { name: "ablate/pre-norm", end: 0.71, quality: 0.15, state: "running", attempts: 2 },
];

function damageOf(count: number, now: number): Record<string, unknown>[] {
    const all = [
        {
            path: "events.out.tfevents.1763899574.n2.0",
            offset: 1_048_576,
            length: 1188,
            reason: "checksum",
            message: "Length and checksum of a record do not agree.",
            records_after: 4310,
            found_at: now - 5200,
        },
        {
            path: "events.out.tfevents.1763901800.n2.1",
            offset: 3_902_117,
            length: 16,
            reason: "cut",
            message: "The last record is cut off; the writer ended before it was whole.",
            records_after: 0,
            found_at: now - 3500,
        },
    ];
    return all.slice(0, count);
}

export function makeRun(line: Line, stride: number, tags: string[]): MockRun {
    const now = Date.now() / 1000 - (line.age ?? 0);
    const hash = [...line.name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) >>> 0, 7);
    const id = `r${hash.toString(36)}`;
    const known = line.state === "running" || line.state === "quiet";
    const run: MockRun = {
        info: {
            id,
            name: line.name,
            experiment: "cifar-resnet",
            path: `/data/logs/${line.name}`,
            status: known ? null : line.state === "failed" ? "Failed" : "Completed",
            reason: line.state === "failed" ? "exit" : null,
            status_message: line.state === "failed" ? "exit 1, rank 1 on n2" : "",
            activity: line.state === "running" ? "live" : "quiet",
            attempts: line.attempts ?? 1,
            restarts: (line.attempts ?? 1) - 1,
            points: 0,
            hidden: line.attempts ? 640 : 0,
            references: 0,
            series: tags.length,
            files: line.attempts ?? 1,
            bytes: 41_200_000,
            damage: line.damage ?? 0,
            commit: 1,
            age_s: line.age ?? 0.4,
            loading: false,
            bytes_total: 1000,
            bytes_read: 1000,
            watch: "inotify",
            poll_ms: 0,
            usual_interval_s: 2,
            message: "",
        },
        tags: new Map(),
        damage: damageOf(line.damage ?? 0, now),
        stride,
        quality: line.quality,
        random: random(line.name),
        end: line.end,
    };
    fill(run, tags, now, line.attempts ?? 1);
    return run;
}

function many(count: number): Line[] {
    const r = random("many");
    return Array.from({ length: count }, (_, i) => ({
        name: `lr=${[0.001, 0.003, 0.01, 0.03][i % 4]}-seed${i}`,
        end: 0.5 + r() * 0.5,
        quality: [0.34, 0.22, 0.1, 0.17][i % 4] + 0.16 * (r() + r() - 1),
        state: i % 10 === 3 ? "running" : "finished",
        age: i % 10 === 3 ? 0 : 100 + i * 60,
    }));
}

export function scenario(name: Scenario): MockRun[] {
    if (name === "empty") return [];
    if (name === "odd") return oddRuns();
    const layers = Array.from({ length: 148 }, (_, i) => `layers/layer${i >> 2}/${"abcd"[i % 4]}`);
    if (name === "many") return many(200).map(l => makeRun(l, 120, TAGS.concat(["misc"])));
    if (name === "one") return [makeRun(DEMO[0], 12, TAGS)];
    if (name === "ten") return DEMO.slice(0, 10).map(l => makeRun(l, 60, TAGS));
    return DEMO.map((l, i) => makeRun(l, 12, i === 0 ? TAGS.concat(layers) : TAGS));
}
