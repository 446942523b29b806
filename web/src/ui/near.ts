// Which cards are on or near the screen, and the charts that exist for them.
//
//   cold ─ within a screen ─► near: asked for and watched ─ on the screen ─► visible: drawn
//                              └ left: the canvas is kept for LIMIT_KEPT cards, then dropped

import type { Chart } from "../chart/chart";
import { isBusy } from "../chart/paint";
import { isWaiting, unwant, want } from "../model/feed";

const LIMIT_KEPT = 24;

export interface Watched {
    tag: string;
    near(): Chart;
    drop(): void;
}

interface State {
    card: Watched;
    isNear: boolean;
    chart: Chart | null;
}

const states = new Map<Element, State>();
/** Charts by tag, while they have a canvas. */
export const charts = new Map<string, Chart>();
const kept: State[] = [];

const options = (margin: string): IntersectionObserverInit =>
    ({ rootMargin: margin, scrollMargin: margin }) as IntersectionObserverInit;

/** What is near but not on the screen waits until nothing else is to be done. */
const LATER_MS = 600;
const coming = new Set<Element>();

interface Leisure {
    timeRemaining(): number;
}

const idle: (fn: (left: Leisure) => void) => void =
    "requestIdleCallback" in window
        ? fn => requestIdleCallback(fn, { timeout: LATER_MS })
        : fn => setTimeout(() => fn({ timeRemaining: () => 1 }), LATER_MS / 4);

function allComing(left: Leisure): void {
    if (isBusy() || isWaiting()) return void idle(allComing);
    for (const el of coming) {
        coming.delete(el);
        setNear(el, true);
        if (left.timeRemaining() < 2) break;
    }
    if (coming.size > 0) idle(allComing);
}

const nearness = new IntersectionObserver(list => {
    for (const e of list) {
        if (!e.isIntersecting) {
            coming.delete(e.target);
            setNear(e.target, false);
            continue;
        }
        if (coming.size === 0) idle(allComing);
        coming.add(e.target);
    }
}, options("100%"));

const visibility = new IntersectionObserver(list => {
    for (const e of list) setVisible(e.target, e.isIntersecting);
}, options("40px"));

const sizes = new ResizeObserver(list => {
    for (const e of list) {
        const s = states.get(e.target);
        s?.chart?.resize(Math.floor(e.contentRect.width), Math.floor(e.contentRect.height));
    }
});

function setNear(el: Element, on: boolean): void {
    const s = states.get(el);
    if (!s || s.isNear === on) return;
    s.isNear = on;
    coming.delete(el);
    if (!on) {
        unwant(s.card.tag);
        kept.push(s);
        if (kept.length > LIMIT_KEPT) drop(kept.shift() as State);
        return;
    }
    const at = kept.indexOf(s);
    if (at >= 0) kept.splice(at, 1);
    make(el, s);
    want(s.card.tag, el.clientWidth || 400, false);
}

function make(el: Element, s: State): void {
    if (s.chart) return;
    s.chart = s.card.near();
    charts.set(s.card.tag, s.chart);
    s.chart.resize(el.clientWidth, el.clientHeight);
}

function drop(s: State): void {
    if (!s.chart) return;
    if (charts.get(s.card.tag) === s.chart) charts.delete(s.card.tag);
    s.chart = null;
    s.card.drop();
}

function setVisible(el: Element, on: boolean): void {
    const s = states.get(el);
    if (!s) return;
    if (on && !s.isNear) setNear(el, true);
    if (s.chart) s.chart.visible = on;
    if (s.isNear) want(s.card.tag, el.clientWidth || 400, on);
    if (on) s.chart?.wake();
}

/** Follows an element from now on; gives what ends that. */
export function follow(el: HTMLElement, card: Watched): () => void {
    const s: State = { card, isNear: false, chart: null };
    states.set(el, s);
    nearness.observe(el);
    visibility.observe(el);
    sizes.observe(el);
    return () => {
        nearness.unobserve(el);
        visibility.unobserve(el);
        sizes.unobserve(el);
        states.delete(el);
        coming.delete(el);
        const at = kept.indexOf(s);
        if (at >= 0) kept.splice(at, 1);
        if (s.isNear) unwant(card.tag);
        drop(s);
    };
}
