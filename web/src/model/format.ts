// Numbers, spans and sizes as words. One place, so that all of the page says them alike.

/**
 * The first number or date that a browser writes by a locale costs it 15 to 30 ms, more than all
 * else at the start: where all write alike, it is done by hand, elsewhere when first needed.
 */
const PLAIN = /^(en(-(US|GB|CA|AU|NZ|IE))?|(zh|ja|ko)(-.*)?)$/;
const isPlain = PLAIN.test(globalThis.navigator?.language ?? "");

/** Made when first asked for. */
function lazily<T>(make: () => T): () => T {
    let made: T | undefined;
    return () => (made ??= make());
}

const whole = lazily(() => new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 }));
/** With so many places and a comma before each three digits. */
export function grouped(n: number, places: number): string {
    if (!(Math.abs(n) < 1e21)) return n.toLocaleString("en", { maximumFractionDigits: places });
    const [head, tail] = n.toFixed(places).split(".");
    const far = head.replace(/\B(?=(\d{3})+$)/g, ",");
    return tail ? `${far}.${tail}` : far;
}

const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";

export function superscript(n: number): string {
    const digits = [...String(Math.abs(n))].map(d => SUPER[Number(d)]).join("");
    return n < 0 ? `⁻${digits}` : digits;
}

/** 12,345 */
export function count(n: number): string {
    return isPlain ? grouped(n, 0) : whole().format(n);
}

/** "1 run", "3 runs" */
export function plural(n: number, word: string, words = `${word}s`): string {
    return `${count(n)} ${n === 1 ? word : words}`;
}

/** Digits behind the point that a step needs: 0.25 two, 0.2 one. */
function placesOf(step: number): number {
    for (let p = 0; p < 10; p++) {
        const scaled = step * 10 ** p;
        if (scaled >= 0.999 && Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return p;
    }
    return 10;
}

/** Figures with a proper minus sign. */
function signed(text: string): string {
    return text.replace("-", "−");
}

/** A tick of an axis: short, never invented digits. `step` is the distance of ticks. */
export function tick(v: number, step: number): string {
    if (v === 0) return "0";
    const a = Math.abs(v);
    if (a >= 1e15 || a < 1e-4) return exponent(v, step);
    const unit = a >= 1e9 ? 1e9 : a >= 1e6 ? 1e6 : a >= 1e4 ? 1e3 : 1;
    const letter = unit === 1e9 ? "G" : unit === 1e6 ? "M" : unit === 1e3 ? "k" : "";
    const places = placesOf(step / unit);
    const text = (v / unit).toFixed(places);
    const trimmed = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
    return letter || a < 1000 ? trimmed + letter : count(v);
}

const MOST_PLACES = 6;

/** Neighbours that differ in their last digits alone are told by these. */
function lastDigits(v: number, step: number): string {
    const n = Math.max(4, Math.floor(Math.log10(step)) + 4);
    const rest = String(Math.round(Math.abs(v) % 10 ** n));
    return `${v < 0 ? "-" : ""}…${rest.padStart(n, "0")}`;
}

function exponent(v: number, step: number): string {
    const e = Math.floor(Math.log10(Math.abs(v)));
    const wanted = e - Math.floor(Math.log10(step));
    if (step >= 1 && wanted > MOST_PLACES) return lastDigits(v, step);
    const places = Math.max(0, Math.min(MOST_PLACES, wanted));
    const m = (v / 10 ** e).toFixed(places).replace(/\.0+$/, "");
    return m === "1" ? `10${superscript(e)}` : `${m}e${e}`;
}

/** A tick of a log axis. */
export function logTick(v: number): string {
    const e = Math.round(Math.log10(v));
    if (Math.abs(v - 10 ** e) > v * 1e-9) return tick(v, v);
    return e >= 3 || e < -2 ? `10${superscript(e)}` : String(10 ** e);
}

function oddName(v: number): string {
    return Number.isNaN(v) ? "NaN" : v > 0 ? "+Inf" : "−Inf";
}

/** A value in a list: three significant digits, as few signs as can be. */
export function short(v: number): string {
    if (!Number.isFinite(v)) return oddName(v);
    if (v === 0) return "0";
    const a = Math.abs(v);
    if (a >= 1e7 || a < 1e-4) return signed(v.toExponential(2)).replace("+", "");
    return signed(a >= 1000 ? count(v) : v.toPrecision(3));
}

/** Values of one column with the digits that differ. */
export function digits(values: number[]): (v: number) => string {
    const finite = values.filter(Number.isFinite);
    const most = Math.max(...finite.map(Math.abs), 0);
    if (finite.length === 0) return v => (Number.isFinite(v) ? String(v) : oddName(v));
    if (most !== 0 && (most >= 1e9 || most < 1e-3))
        return v => (Number.isFinite(v) ? signed(v.toExponential(3)) : oddName(v));
    const places = finite.every(Number.isInteger)
        ? 0
        : Math.max(0, Math.min(6, 4 - Math.max(0, Math.floor(Math.log10(most || 1)))));
    const f = lazily(() => {
        const kind = { minimumFractionDigits: places, maximumFractionDigits: places };
        return new Intl.NumberFormat(undefined, kind);
    });
    const one = (v: number) => (isPlain ? grouped(v, places) : f().format(v));
    return v => (Number.isFinite(v) ? signed(one(v)) : oddName(v));
}

/** An age or a length of time in one unit: 0.4 s, 14 s, 4 min, 2 h, 3 d. */
export function age(s: number): string {
    if (!Number.isFinite(s)) return "–";
    const t = Math.max(0, s);
    if (t < 9.95) return `${t.toFixed(1)} s`;
    if (t < 60) return `${Math.floor(t)} s`;
    if (t < 3600) return `${Math.floor(t / 60)} min`;
    if (t < 86400) return `${Math.floor(t / 3600)} h`;
    return `${Math.floor(t / 86400)} d`;
}

/** A length of time in two units: 1 h 04 min. */
export function span(s: number): string {
    if (!Number.isFinite(s)) return "–";
    if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
    const two = (n: number) => String(Math.floor(n)).padStart(2, "0");
    if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${two((s % 3600) / 60)} min`;
    return `${Math.floor(s / 86400)} d ${two((s % 86400) / 3600)} h`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

export function bytes(n: number): string {
    let unit = 0;
    let v = n;
    while (v >= 999.5 && unit < UNITS.length - 1) {
        v /= 1000;
        unit++;
    }
    return `${unit === 0 || v >= 100 ? Math.round(v) : v.toFixed(1)} ${UNITS[unit]}`;
}

const dayFormat = lazily(
    () => new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" }),
);

/** 14:02:51 in the reader's zone. */
export function clock(s: number): string {
    if (!Number.isFinite(s)) return "–";
    const d = new Date(s * 1000);
    const parts = [d.getHours(), d.getMinutes(), d.getSeconds()];
    return parts.map(n => String(n).padStart(2, "0")).join(":");
}

/** As clock, with the day when it is not the day of `now`. */
export function moment(s: number, now = Date.now() / 1000): string {
    if (!Number.isFinite(s)) return "–";
    const day = (t: number) => new Date(t * 1000).toDateString();
    return day(s) === day(now)
        ? clock(s)
        : `${dayFormat().format(s * 1000)}, ${clock(s).slice(0, 5)}`;
}

/** Words for an axis value. */
export function axisValue(axis: "step" | "relative" | "wall", v: number, width = 0): string {
    if (axis === "step") return count(v);
    if (axis === "relative") return relative(v);
    return width > 2 * 86400 ? moment(v) : clock(v);
}

/** Relative time at a cursor: 54 min, 1 h 04 min, 12.5 s. */
export function relative(s: number): string {
    const sign = s < 0 ? "−" : "";
    const t = Math.abs(s);
    if (t < 600) return `${sign}${t < 100 ? t.toFixed(1) : Math.round(t)} s`;
    if (t < 7200) return `${sign}${Math.round(t / 60)} min`;
    return sign + span(t);
}
