// The live socket: connects, reconnects with growing pauses, acknowledges what it took. Knows
// messages, nothing of series; who listens asks again for what it wants after each `opened`.
//
//   closed ─ connect ─► opening ─ welcome ─► open ─ lost ─► waiting ─► opening …

import { type Frame, readMessage } from "../wire/frames";
import type { Told } from "../wire/messages";

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

export class LiveSocket {
    private socket: WebSocket | null = null;
    private timer = 0;
    private pause = FIRST_PAUSE;
    private wanted = false;
    private taken = 0;
    private acked = 0;
    private ackTimer = 0;
    /** Tries since the socket was last open. */
    failures = 0;

    constructor(private readonly listener: Listener) {}

    start(): void {
        this.wanted = true;
        this.connect();
    }

    stop(): void {
        this.wanted = false;
        clearTimeout(this.timer);
        this.socket?.close(1000);
    }

    /** Tries at once: on `online`, on becoming visible, by hand. */
    retry(): void {
        if (!this.wanted || this.socket) return;
        clearTimeout(this.timer);
        this.connect();
    }

    send(message: object): boolean {
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
        socket.onmessage = e => this.take(e.data);
        socket.onclose = () => this.closed(socket);
    }

    private closed(socket: WebSocket): void {
        if (this.socket !== socket) return;
        this.socket = null;
        clearTimeout(this.ackTimer);
        this.ackTimer = 0;
        if (!this.wanted) return;
        this.failures++;
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
            this.failures = 0;
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
