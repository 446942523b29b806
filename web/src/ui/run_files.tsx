// Files of a run: those of its history with size, hash, download and a look inside; where there is
// no history, the event files that are followed.

import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import { bytes, count, moment, plural } from "../model/format";
import { middle, natural } from "../model/names";
import { fileUrl, peek, tarUrl } from "../net/change";
import type { FileInfo, Kept, Run } from "../wire/messages";
import { seconds } from "../wire/messages";
import { copyText, Menu } from "./controls";
import { Icon } from "./icons";

const FIRST_FILES = 40;
const LOOK_BYTES = 64 * 1024;
const TEXTS = /\.(txt|log|out|err|json|jsonl|ya?ml|toml|ini|cfg|csv|tsv|md|py|sh|patch|diff)$/i;

function when(t: Kept["changed_time"]): string {
    return moment(seconds(t)).slice(-8).trim();
}

/** The first or the last part of a text file. */
function Look({ run, k, end }: { run: Run; k: Kept; end: boolean }) {
    const text = useSignal<string | null>(null);
    const asked = useSignal(false);
    if (!asked.value) {
        asked.value = true;
        peek(run.id, k, LOOK_BYTES, end).then(
            t => {
                text.value = t;
            },
            e => {
                text.value = (e as Error).message;
            },
        );
    }
    const part = k.size > LOOK_BYTES ? `the ${end ? "last" : "first"} ${bytes(LOOK_BYTES)}` : "";
    return (
        <div class="look">
            {part && <p class="mute">{part}</p>}
            <pre tabIndex={0}>{text.value ?? "being read"}</pre>
        </div>
    );
}

function KeptRow({ run, k, damaged }: { run: Run; k: Kept; damaged: boolean }) {
    const [look, setLook] = useState<"" | "start" | "end">("");
    const url = fileUrl(run.id, k.path, k.generation);
    const old = k.newest ? "" : `, generation ${k.generation}`;
    const state = k.complete ? "complete" : "still growing";
    const title = `${k.path}${old}, ${count(k.size)} bytes, ${state}`;
    const shown = (what: "start" | "end") => () => setLook(look === what ? "" : what);
    return (
        <li class="kept">
            {damaged ? <Icon name="warn" class="warn" /> : <span />}
            <a class="cut" href={url} download={k.path.split("/").pop()} title={title}>
                {middle(k.path, 34)}
                {old && <span class="mute">{old}</span>}
            </a>
            <span class="num mute">{bytes(k.size)}</span>
            <span class="num mute hide-narrow">{when(k.changed_time)}</span>
            <Menu
                label={`More of ${k.path}`}
                class="icon"
                choices={() => [
                    {
                        label: "download",
                        act: () => {
                            location.href = url;
                        },
                    },
                    ...(TEXTS.test(k.path)
                        ? [
                              { label: "look at the start", act: shown("start") },
                              { label: "look at the end", act: shown("end") },
                          ]
                        : []),
                    "-",
                    { label: "copy the link", act: () => void copyText(url) },
                    ...(k.sha256
                        ? [
                              {
                                  label: "copy the SHA-256",
                                  act: () => void copyText(k.sha256 as string),
                              },
                          ]
                        : []),
                ]}
            >
                <Icon name="more" />
            </Menu>
            {look && <Look key={look} run={run} k={k} end={look === "end"} />}
        </li>
    );
}

function FollowedRow({ f }: { f: FileInfo }) {
    return (
        <li>
            {f.damage ? <Icon name="warn" class="warn" /> : <span />}
            <span class="cut" title={f.path}>
                {middle(f.path, 34)}
            </span>
            <span class="num mute">{f.points ? plural(f.points, "point") : ""}</span>
            <span class="num mute">{when(f.last_wall)}</span>
        </li>
    );
}

/** Newest generations in natural order, older ones behind theirs. */
export function fileOrder(a: Kept, b: Kept): number {
    return natural(a.path, b.path) || b.generation - a.generation;
}

interface Props {
    run: Run;
    list: FileInfo[];
    kept: Kept[] | null;
    loaded: boolean;
}

export function Files({ run, list, kept, loaded }: Props) {
    const [all, setAll] = useState(false);
    const files = [...(kept ?? [])].sort(fileOrder);
    const shown = all ? files : files.slice(0, FIRST_FILES);
    const damaged = list.filter(f => f.damage).map(f => f.path);
    const size = files.reduce((n, k) => n + k.size, 0) || run.bytes || 0;
    const n = kept ? files.length : list.length;
    const words = n === 0 ? "none yet" : `${count(n)}${size > 0 ? `, ${bytes(size)}` : ""}`;
    return (
        <section class="part" id="files">
            <div class="hd">
                <h2>Files</h2>
                <span class="mute grow">{loaded ? words : "being read"}</span>
                {files.length > 1 && (
                    <a class="btn" href={tarUrl(run.id)} download={`${run.name}.tar`}>
                        <Icon name="save" />
                        all
                    </a>
                )}
            </div>
            <ul class="tree">
                {kept
                    ? shown.map(k => (
                          <KeptRow
                              key={`${k.path} ${k.generation}`}
                              run={run}
                              k={k}
                              damaged={damaged.some(p => k.path.endsWith(p))}
                          />
                      ))
                    : list.map(f => <FollowedRow key={`${f.path} ${f.generation ?? 0}`} f={f} />)}
            </ul>
            {files.length > shown.length && (
                <p class="after">
                    <button type="button" class="btn" onClick={() => setAll(true)}>
                        Show all {count(files.length)}
                    </button>
                </p>
            )}
        </section>
    );
}
