// Asks now and then how the server and its run history stand, and says above the charts when what
// comes is not kept. Fetched once the first charts stand.

import { useEffect } from "preact/hooks";
import { archiveWords } from "../model/archive";
import { about } from "../model/catalog";
import { api } from "../net/http";
import { Icon } from "./icons";

const ASK_MS = 15_000;

async function ask(): Promise<void> {
    if (document.hidden) return;
    const got = await api.about().catch(() => null);
    if (got) about.value = got;
}

export function ArchiveStrip() {
    useEffect(() => {
        void ask();
        const timer = setInterval(() => void ask(), ASK_MS);
        return () => clearInterval(timer);
    }, []);
    const w = archiveWords(about.value?.archive);
    if (!w) return null;
    return (
        <div class={`strip ${w.fail ? "fail" : "warn"}`} role="status">
            <Icon name="warn" class={w.fail ? "fail" : "warn"} />
            <span>{w.words}</span>
        </div>
    );
}
