// The live socket: connects, reconnects with growing pauses, acknowledges what it took. Knows
// messages, nothing of series; who listens asks again for what it wants after each `opened`.
//
//   closed ─ connect ─► opening ─ welcome ─► open ─ lost ─► waiting ─► opening …

import { type Frame, readMessage } from "../wire/frames";
import type { Told } from "../wire/messages";
import { api } from "./http";
import type { LongPoll } from "./poll";

export interface Listener {
    opened(welcome: Extract<Told, { t: "welcome" }>): void;
    frames(frames: Frame[]): void;
    told(message: Told): void;
    /** Not connected any more; the next try is at `next` (performance.now()). */
    lost(next: number): void;
    /** The message could not be understood: whatever is watched must be asked again. */
    garbled(error: unknown): void;
}

const FIRST_PAUSE = 250;
const LAST_PAUSE = 15_000;
const ACK_BYTES = 256 * 1024;
const ACK_MS = 250;
/** So many refusals in a row, and the page asks over HTTP; the socket is tried again later. */
const FALL_BACK = 2;
const AGAIN_MS = 300_000;

export class LiveSocket {
    private socket: WebSocket | null = null;
    private timer = 0;
    private pause = FIRST_PAUSE;
    private wanted = false;
    private taken = 0;
    private acked = 0;
    private ackTimer = 0;
    /** Stands in while there is no socket to be had. */
    private spare: LongPoll | null = null;
    private welcomed = false;
    /** Tries in a row that ended without a welcome while the server answered over HTTP. */
    private refusals = 0;

    constructor(private readonly listener: Listener) {}

    start(): void {
        this.wanted = true;
        this.connect();
    }

    stop(): void {
        this.wanted = false;
        clearTimeout(this.timer);
        this.spare?.stop();
        this.socket?.close(1000);
    }

    /** Tries at once: on `online`, on becoming visible, by hand. */
    retry(): void {
        if (!this.wanted || this.socket) return;
        clearTimeout(this.timer);
        this.connect();
    }

    send(message: object): boolean {
        if (this.spare) return this.spare.send(message);
        if (this.socket?.readyState !== WebSocket.OPEN) return false;
        this.socket.send(JSON.stringify(message));
        return true;
    }

    private connect(): void {
        const url = new URL("live", document.baseURI);
        url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
        const socket = new WebSocket(url, "tailboard.v1");
        socket.binaryType = "arraybuffer";
        this.socket = socket;
        this.taken = this.acked = 0;
        this.welcomed = false;
        socket.onmessage = e => this.take(e.data);
        socket.onclose = () => this.closed(socket);
    }

    private closed(socket: WebSocket): void {
        if (this.socket !== socket) return;
        this.socket = null;
        clearTimeout(this.ackTimer);
        this.ackTimer = 0;
        if (!this.wanted) return;
        if (this.spare) this.timer = window.setTimeout(() => this.connect(), AGAIN_MS);
        else if (this.welcomed) this.later();
        else void this.refused();
    }

    /** No welcome came: the server is away, or something before it lets no socket through. */
    private async refused(): Promise<void> {
        const there = await api.about().then(
            () => true,
            () => false,
        );
        this.refusals = there ? this.refusals + 1 : 0;
        if (this.socket || this.spare) return;
        if (this.refusals >= FALL_BACK) await this.fallBack();
        else this.later();
    }

    /** True while live points come over HTTP. */
    get polls(): boolean {
        return this.spare !== null;
    }

    private async fallBack(): Promise<void> {
        const { LongPoll } = await import("./poll");
        const poll = new LongPoll(this.listener, () => {
            this.spare = null;
            clearTimeout(this.timer);
            this.later();
        });
        this.spare = poll;
        if (await poll.start()) {
            this.timer = window.setTimeout(() => this.connect(), AGAIN_MS);
            return;
        }
        this.spare = null;
        this.later();
    }

    private later(): void {
        const wait = Math.random() * this.pause + 50;
        this.pause = Math.min(this.pause * 2, LAST_PAUSE);
        this.timer = window.setTimeout(() => this.connect(), wait);
        this.listener.lost(performance.now() + wait);
    }

    private take(data: string | ArrayBuffer): void {
        try {
            if (typeof data === "string") this.takeText(JSON.parse(data) as Told);
            else this.takeFrames(data);
        } catch (e) {
            this.listener.garbled(e);
        }
    }

    private takeText(message: Told): void {
        if (message.t === "welcome") {
            this.pause = FIRST_PAUSE;
            this.welcomed = true;
            this.refusals = 0;
            this.spare?.stop();
            this.spare = null;
            this.listener.opened(message);
        } else if (message.t === "bye" && message.retry_ms) {
            this.pause = Math.min(Math.max(message.retry_ms, FIRST_PAUSE), LAST_PAUSE);
        }
        this.listener.told(message);
    }

    private takeFrames(data: ArrayBuffer): void {
        this.taken += data.byteLength;
        if (this.taken - this.acked > ACK_BYTES) this.ack();
        else if (!this.ackTimer) this.ackTimer = window.setTimeout(() => this.ack(), ACK_MS);
        this.listener.frames(readMessage(data));
    }

    private ack(): void {
        clearTimeout(this.ackTimer);
        this.ackTimer = 0;
        if (this.taken === this.acked) return;
        this.acked = this.taken;
        this.send({ t: "ack", bytes: this.taken });
    }
}
