// What a process wrote, as lines that can be shown: colours and weights of ANSI sequences, carriage
// returns of progress bars, cursor moves within the last lines. Bounded: the oldest lines go first.

export interface Span {
    text: string;
    /** Bits of STYLE, with the colour in the lowest four: 0 none, 1 to 8. */
    style: number;
}

export const STYLE = { bold: 16, dim: 32, italic: 64, underline: 128, inverse: 256 };

export const LIMIT_LINES = 20_000;
const LIMIT_COLUMNS = 4096;
const LIMIT_SEQUENCE = 256;
const TAB = 8;

interface Cells {
    text: string[];
    style: number[];
}

/** A colour of three bits, as red, green and blue are on or off: 1 black … 8 white. */
function nearest(r: number, g: number, b: number): number {
    const most = Math.max(r, g, b);
    if (most < 48) return 1;
    const on = (v: number) => Number(v > most * 0.6);
    return 1 + on(r) + 2 * on(g) + 4 * on(b);
}

/** A colour of the table of 256. */
function indexed(n: number): number {
    if (n < 16) return (n % 8) + 1;
    if (n >= 232) return n < 238 ? 1 : 8;
    const cube = n - 16;
    const level = (v: number) => (v === 0 ? 0 : 55 + v * 40);
    const parts = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level);
    return nearest(parts[0], parts[1], parts[2]);
}

const SET: Record<number, number> = {
    1: STYLE.bold,
    2: STYLE.dim,
    3: STYLE.italic,
    4: STYLE.underline,
    7: STYLE.inverse,
};
const CLEAR: Record<number, number> = {
    22: STYLE.bold | STYLE.dim,
    23: STYLE.italic,
    24: STYLE.underline,
    27: STYLE.inverse,
    39: 15,
};

/** The style after the numbers of an `ESC [ … m`. */
export function styled(style: number, codes: number[]): number {
    let s = style;
    for (let i = 0; i < codes.length; i++) {
        const c = codes[i];
        if (c === 0) s = 0;
        else if (SET[c]) s |= SET[c];
        else if (CLEAR[c]) s &= ~CLEAR[c];
        else if ((c >= 30 && c <= 37) || (c >= 90 && c <= 97)) s = (s & ~15) | ((c % 10) + 1);
        else if (c === 38 || c === 48) {
            const short = codes[i + 1] === 5;
            const colour = short
                ? indexed(codes[i + 2] ?? 0)
                : nearest(codes[i + 2] ?? 0, codes[i + 3] ?? 0, codes[i + 4] ?? 0);
            if (c === 38) s = (s & ~15) | colour;
            i += short ? 2 : 4;
        }
    }
    return s;
}

function spansOf({ text, style }: Cells): Span[] {
    const out: Span[] = [];
    for (let i = 0; i < text.length; i++) {
        const last = out.at(-1);
        if (last?.style === style[i]) last.text += text[i];
        else out.push({ text: text[i], style: style[i] });
    }
    return out;
}

function cellsOf(spans: Span[]): Cells {
    const cells: Cells = { text: [], style: [] };
    for (const s of spans)
        for (const c of s.text) {
            cells.text.push(c);
            cells.style.push(s.style);
        }
    return cells;
}

export function plainOf(spans: Span[]): string {
    return spans.map(s => s.text).join("");
}

export class Screen {
    /** Number of the first line that is held, from 0. */
    first = 0;
    /** Grows with every write. */
    version = 0;
    private done: Span[][] = [];
    private row: Cells = { text: [], style: [] };
    private below: Span[][] = [];
    private column = 0;
    private style = 0;
    /** A sequence whose end has not come yet. */
    private open = "";

    get count(): number {
        const last = this.row.text.length > 0 || this.below.length > 0 ? 1 : 0;
        return this.done.length + last + this.below.length;
    }

    line(i: number): Span[] {
        if (i < this.done.length) return this.done[i];
        if (i === this.done.length) return spansOf(this.row);
        return this.below[i - this.done.length - 1] ?? [];
    }

    write(added: string): void {
        const text = this.open + added;
        this.open = "";
        this.version++;
        for (let i = 0; i < text.length; ) {
            const c = text[i];
            if (c === "\x1b") {
                const length = this.sequence(text, i);
                if (length === 0) {
                    this.open = text.slice(i);
                    return;
                }
                i += length;
            } else {
                const whole = c >= " " ? String.fromCodePoint(text.codePointAt(i) as number) : c;
                this.put(whole);
                i += whole.length;
            }
        }
    }

    private put(c: string): void {
        if (c === "\n") this.feed();
        else if (c === "\r") this.column = 0;
        else if (c === "\b") this.column = Math.max(0, this.column - 1);
        else if (c === "\t") for (let n = TAB - (this.column % TAB); n > 0; n--) this.cell(" ");
        else if (c >= " " && c !== "\x7f") this.cell(c);
    }

    private cell(c: string): void {
        if (this.column >= LIMIT_COLUMNS) this.feed();
        const { text, style } = this.row;
        while (text.length < this.column) {
            text.push(" ");
            style.push(0);
        }
        text[this.column] = c;
        style[this.column] = this.style;
        this.column++;
    }

    /** To the start of the next line, which may be there after a move up. */
    private feed(): void {
        this.done.push(spansOf(this.row));
        this.row = cellsOf(this.below.shift() ?? []);
        this.column = 0;
        if (this.done.length <= LIMIT_LINES * 1.25) return;
        const over = this.done.length - LIMIT_LINES;
        this.done = this.done.slice(over);
        this.first += over;
    }

    private up(n: number): void {
        for (let i = 0; i < n && this.done.length > 0; i++) {
            this.below.unshift(spansOf(this.row));
            this.row = cellsOf(this.done.pop() as Span[]);
        }
    }

    private down(n: number): void {
        for (let i = 0; i < n && this.below.length > 0; i++) {
            const at = this.column;
            this.feed();
            this.column = at;
        }
    }

    private erase(how: number): void {
        const { text, style } = this.row;
        if (how === 0) {
            text.length = Math.min(text.length, this.column);
            style.length = text.length;
            return;
        }
        const to = how === 1 ? Math.min(this.column + 1, text.length) : text.length;
        text.fill(" ", 0, to);
        style.fill(0, 0, to);
    }

    /** Obeys the sequence at `at`; its length, 0 when it is not whole yet. */
    private sequence(text: string, at: number): number {
        const rest = text.slice(at, at + LIMIT_SEQUENCE);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        const csi = /^\x1b\[([\d;:]*)([ -/<=>?]*[\d;]*)([@-~])/.exec(rest);
        if (csi) {
            if (!csi[2]) this.obey(csi[3], csi[1].split(/[;:]/).map(Number));
            return csi[0].length;
        }
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        const title = /^\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/.exec(rest);
        if (title) return title[0].length;
        if (rest.length < 2) return 0;
        if (!/[[\]]/.test(rest[1])) return 2;
        return rest.length < LIMIT_SEQUENCE ? 0 : 1;
    }

    private obey(what: string, codes: number[]): void {
        const n = Math.max(1, codes[0] || 1);
        if (what === "m") this.style = styled(this.style, codes);
        else if (what === "K") this.erase(codes[0]);
        else if (what === "A") this.up(n);
        else if (what === "B") this.down(n);
        else if (what === "C") this.column = Math.min(LIMIT_COLUMNS, this.column + n);
        else if (what === "D") this.column = Math.max(0, this.column - n);
        else if (what === "G") this.column = Math.min(LIMIT_COLUMNS, n - 1);
    }
}

/** Lines that hold a text, upper and lower case alike; at most `most`. */
export function findLines(screen: Screen, text: string, most = 10_000): number[] {
    const want = text.toLowerCase();
    const out: number[] = [];
    for (let i = 0; i < screen.count && out.length < most; i++)
        if (plainOf(screen.line(i)).toLowerCase().includes(want)) out.push(i);
    return out;
}
