// Tries a pattern on names, away from the page, so that one that never ends can be stopped.

self.onmessage = (e: MessageEvent<{ source: string; names: string[] }>) => {
    const re = new RegExp(e.data.source, "i");
    for (const name of e.data.names) re.test(name);
    self.postMessage("done");
};

self.postMessage("ready");
