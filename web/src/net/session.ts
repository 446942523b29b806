// Log-in: a token becomes a cookie. The token may come in the fragment of a link that the server
// prints; it is erased from the address and the history before anything else happens.

import { ApiError, apiUrl, NetError } from "./http";

const TOKEN = /^#(?:.*&)?token=([^&]+)(?:&.*)?$/;

/** The token of this page's address, which is then gone from it. */
export function takeToken(): string {
    const m = TOKEN.exec(location.hash);
    if (!m) return "";
    const rest = location.hash.replace(/^#/, "").replace(/(^|&)token=[^&]*/, "");
    const hash = rest ? `#${rest.replace(/^&/, "")}` : "";
    history.replaceState(null, "", location.pathname + location.search + hash);
    return decodeURIComponent(m[1]);
}

const KEY = "tailboard.key";
let held = "";

function keep(key: string): void {
    held = key;
    try {
        localStorage.setItem(KEY, key);
    } catch {
        // No storage here: the key lasts as long as the page.
    }
}

/** What requests that change something carry beside the cookie; "" where none was given. */
export function sessionKey(): string {
    if (held) return held;
    try {
        held = localStorage.getItem(KEY) ?? "";
    } catch {
        held = "";
    }
    return held;
}

/** Resolves when the server accepts the token. */
export async function openSession(token: string): Promise<void> {
    let answer: Response;
    try {
        answer = await fetch(apiUrl("session"), {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ token: token.trim() }),
        });
    } catch {
        throw new NetError("The server does not answer.");
    }
    if (answer.ok) {
        const given = await answer.json().catch(() => ({}));
        keep(answer.headers.get("X-Tailboard-Key") ?? String(given.key ?? ""));
        return;
    }
    const body = await answer.json().catch(() => ({}));
    const retry = Number(answer.headers.get("Retry-After") ?? Number.NaN);
    throw new ApiError(answer.status, String(body.code ?? ""), String(body.detail ?? ""), retry);
}
