// Asks for the first charts before anything is drawn: their points are on the way while the page is
// laid out. How many cards there will be is reckoned from the window.

import { expect } from "../model/feed";
import { firstTags } from "./sections";
import { firstCards, rowRoom, settled } from "./stage";
import { columns } from "./theme";

const SIDE_PX = 328;
const SIDE_FROM_PX = 961;
const LEAST_CARD_PX = 320;
const HEADS_PX = 88;
const LOW_PX = 1;

/** Width of a card and how many stand on the screen, for a window of that size. */
export function cardsIn(width: number, height: number, n: number): { width: number; most: number } {
    const room = width >= SIDE_FROM_PX ? width - SIDE_PX : width;
    const across = n > 0 ? n : Math.max(1, Math.floor(room / LEAST_CARD_PX));
    const card = room / across;
    const down = Math.ceil(Math.max(LOW_PX, height - HEADS_PX) / (card * 0.75));
    return { width: Math.ceil(card), most: across * down };
}

const ROWS = 6;
const CARDS = 12;
const ROW_PX = 28;

const SETTLE_MS = 1500;

function settle(): void {
    settled.value = true;
}

/** Goes on part by part, each once the browser has shown the one before. */
export function fillStart(): void {
    const next = () => {
        const held = firstCards.value;
        if (rowRoom.value * ROW_PX < window.innerHeight) rowRoom.value += ROWS;
        else if (held) {
            rowRoom.value = Number.POSITIVE_INFINITY;
            const more = firstTags(held.size + CARDS);
            firstCards.value = more.length > held.size ? new Set(more) : null;
        }
        if (firstCards.value) requestAnimationFrame(() => setTimeout(next));
        else setTimeout(settle, SETTLE_MS);
    };
    requestAnimationFrame(() => setTimeout(next));
}

export function expectFirst(): void {
    const { width, most } = cardsIn(window.innerWidth, window.innerHeight, columns.value);
    const tags = firstTags(most);
    firstCards.value = new Set(tags);
    if (tags.length > 0) expect(tags, tags.length === 1 ? window.innerWidth : width);
}
