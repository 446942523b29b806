// A line of a chart is a run, or one directory of a run: writers such as train/ and val/ keep the
// same tags in directories of their own. Lines are known by a text: the run's id, behind it "/" and
// the directory. Ids of runs hold no "/".

/** A run in questions to the server: its id, or its id and a directory. */
export type RunRef = string | [string, string];

export function lineKey(ref: RunRef): string {
    if (typeof ref === "string") return ref;
    return ref[1] ? `${ref[0]}/${ref[1]}` : ref[0];
}

export function lineRun(key: string): string {
    const at = key.indexOf("/");
    return at < 0 ? key : key.slice(0, at);
}

export function lineDir(key: string): string {
    const at = key.indexOf("/");
    return at < 0 ? "" : key.slice(at + 1);
}

export function lineRef(key: string): RunRef {
    const dir = lineDir(key);
    return dir ? [lineRun(key), dir] : key;
}

/** [run, tag] or [run, tag, dir], as questions for single series have it. */
export function seriesRef(key: string, tag: string): string[] {
    const dir = lineDir(key);
    return dir ? [lineRun(key), tag, dir] : [key, tag];
}

/** Directories by run, each list in the order of `refs`. */
export function gather(refs: RunRef[]): Map<string, string[]> {
    const out = new Map<string, string[]>();
    for (const ref of refs) {
        const [run, dir] = typeof ref === "string" ? [ref, ""] : ref;
        const held = out.get(run);
        if (!held) out.set(run, [dir]);
        else if (!held.includes(dir)) held.push(dir);
    }
    return out;
}

/** Whether the emphasised `key`, a run or one of its lines, means this line. */
export function isSame(key: string | undefined, line: string): boolean {
    return key === line || key === lineRun(line);
}
