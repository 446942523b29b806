// The real program on files that grow, for page tests. TAILBOARD names the program.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { EventFile } from "./eventfile";

export const PROGRAM = process.env.TAILBOARD ?? "";

/** A folder of logs with a server on it; one for each test. */
export class Place {
    readonly folder = mkdtempSync(join(tmpdir(), "tailboard-page-"));
    private server: ChildProcess | null = null;

    /** Starts the program; gives the page's address. */
    async serve(port = 0, ...more: string[]): Promise<string> {
        const file = join(this.folder, `port-${Math.random()}`);
        const { folder } = this;
        const args = ["serve", "--logdir", join(folder, "logs"), "--state", join(folder, "state")];
        args.push("--port", String(port), "--port-file", file, "--quiet", ...more);
        if (!more.includes("--archive")) args.push("--archive", join(folder, "archive"));
        this.server = spawn(PROGRAM, args, { stdio: "ignore" });
        await expect.poll(() => existsSync(file)).toBe(true);
        return `http://localhost:${readFileSync(file, "utf8").trim()}/`;
    }

    /** A command in the shell, as a tracked run; resolves when it has ended. */
    command(url: string, name: string, script: string): Promise<unknown> {
        const args = ["run", "--name", name, "--server", url, "--quiet", "--", "sh", "-c", script];
        const cwd = join(this.folder, "work");
        mkdirSync(cwd, { recursive: true });
        const env = { ...process.env, XDG_STATE_HOME: join(this.folder, "spool") };
        const child = spawn(PROGRAM, args, { stdio: "ignore", cwd, env });
        return new Promise(done => child.on("exit", done));
    }

    async stop(): Promise<void> {
        const s = this.server;
        this.server = null;
        if (!s || s.exitCode !== null) return;
        const ended = new Promise(done => s.on("exit", done));
        s.kill("SIGINT");
        await ended;
    }

    async end(): Promise<void> {
        await this.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }

    run(name: string, at = 0): EventFile {
        return new EventFile(
            join(this.folder, "logs", name, `events.out.tfevents.170000000${at}.host`),
        );
    }
}

export function fill(f: EventFile, from: number, to: number, k = 1): void {
    for (let i = from; i < to; i++)
        f.add(i, { "train/loss": Math.exp((-i * k) / 200), "train/acc": 1 - 1 / (i + 1) });
}
