// Icons as inline SVG on a grid of 16, drawn with the colour of the text around them.

import type { JSX } from "preact";

const PATHS = {
    down: <path d="M4.5 6.5 8 10l3.5-3.5" />,
    right: <path d="M6.5 4.5 10 8l-3.5 3.5" />,
    back: <path d="M9.5 4.5 6 8l3.5 3.5" />,
    up: <path d="M4.5 9.5 8 6l3.5 3.5" />,
    search: (
        <>
            <circle cx="7" cy="7" r="4" />
            <path d="m10 10 3.5 3.5" />
        </>
    ),
    full: <path d="M9.5 3H13v3.5M6.5 13H3V9.5M13 3 9 7M3 13l4-4" />,
    pin: <path d="M6 2.5h4l-.5 4 2 2.5h-7l2-2.5zM8 9v4.5" />,
    pinned: (
        <>
            <path fill="currentColor" d="M6 2.5h4l-.5 4 2 2.5h-7l2-2.5z" />
            <path d="M8 9v4.5" />
        </>
    ),
    more: (
        <g fill="currentColor" stroke="none">
            <circle cx="3.5" cy="8" r="1.2" />
            <circle cx="8" cy="8" r="1.2" />
            <circle cx="12.5" cy="8" r="1.2" />
        </g>
    ),
    pause: <path d="M5.5 4v8M10.5 4v8" stroke-width="1.8" />,
    play: <path fill="currentColor" d="M5 3.5v9l7.5-4.5z" />,
    theme: (
        <>
            <circle cx="8" cy="8" r="5" />
            <path fill="currentColor" d="M8 3a5 5 0 0 1 0 10z" />
        </>
    ),
    link: (
        <>
            <path d="M7 9.5a2.6 2.6 0 0 0 3.7 0l2-2A2.6 2.6 0 0 0 9 3.8l-.7.7" />
            <path d="M9 6.5a2.6 2.6 0 0 0-3.7 0l-2 2A2.6 2.6 0 0 0 7 12.2l.7-.7" />
        </>
    ),
    sliders: (
        <>
            <path d="M2.5 5h6m4 0h1M2.5 11h1m4 0h6" />
            <circle cx="10.5" cy="5" r="1.7" />
            <circle cx="5.5" cy="11" r="1.7" />
        </>
    ),
    copy: (
        <>
            <rect x="5.5" y="5.5" width="7.5" height="7.5" rx="1.2" />
            <path d="M10.5 3.5v-.3c0-.4-.3-.7-.7-.7H3.7c-.7 0-1.2.5-1.2 1.2v6.1c0 .4.3.7.7.7h.3" />
        </>
    ),
    done: <path d="m3.5 8.5 3 3 6-7" />,
    save: <path d="M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10" />,
    close: <path d="m4 4 8 8M12 4l-8 8" />,
    warn: (
        <>
            <path d="M8 2.6 14 13H2z" />
            <path d="M8 6.5V9.5M8 11.2v.3" />
        </>
    ),
    // States of runs: shapes that can be told apart without colour.
    running: <circle cx="8" cy="8" r="4.5" fill="currentColor" stroke="none" />,
    finished: <circle cx="8" cy="8" r="4" stroke-width="1.8" />,
    failed: <path d="M8 2.8 13.6 12.8H2.4z" fill="currentColor" stroke="none" />,
    quiet: <circle cx="8" cy="8" r="4.5" stroke-width="1.6" stroke-dasharray="2 1.53" />,
    silent: (
        <>
            <circle cx="8" cy="8" r="4.5" stroke-width="1.6" stroke-dasharray="2 1.53" />
            <path d="M6 8h4" stroke-width="1.6" />
        </>
    ),
    queued: <path d="M3.5 8h.2M7.9 8h.2M12.3 8h.2" stroke-width="2.4" stroke-linecap="round" />,
    canceled: (
        <>
            <circle cx="8" cy="8" r="4.2" stroke-width="1.5" />
            <path d="m5.2 10.8 5.6-5.6" stroke-width="1.5" />
        </>
    ),
} satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof PATHS;

export function Icon({ name, class: c = "" }: { name: IconName; class?: string }) {
    return (
        <svg
            class={`i ${c}`}
            viewBox="0 0 16 16"
            fill="none"
            stroke="currentColor"
            stroke-width="1.4"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            {PATHS[name]}
        </svg>
    );
}

export function Logo({ size = 20 }: { size?: number }) {
    return (
        <svg class="logo" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
            <path
                d="M2 3.5c2.2 0 2.4 8 6 8 1.8 0 2.6-.6 3.4-1.2"
                fill="none"
                stroke="currentColor"
                stroke-width="1.8"
                stroke-linecap="round"
            />
            <circle cx="13.2" cy="9.4" r="1.9" fill="currentColor" />
        </svg>
    );
}

const DASH = ["", "5 2.5", "2 2.67", "7 2 2 2"];

/** A sample of a run's line. */
export function Swatch({ hue, dash, wide = false }: { hue: number; dash: number; wide?: boolean }) {
    const w = wide ? 24 : 16;
    return (
        <svg class={`sw h${hue}`} width={w} height="4" viewBox={`0 0 ${w} 4`} aria-hidden="true">
            <path d={`M0 2h${w}`} stroke-dasharray={DASH[dash]} />
        </svg>
    );
}

const STATE: Record<string, [IconName, string]> = {
    running: ["running", "running"],
    finished: ["finished", "finished"],
    failed: ["failed", "failed"],
    quiet: ["quiet", "quiet: no data for 3 times its usual interval"],
    gone: ["canceled", "its files are gone"],
    "not-responding": ["silent", "not responding: nothing heard for three heartbeats"],
    waiting: ["queued", "not started"],
    queued: ["queued", "queued"],
    preparing: ["queued", "preparing"],
    finalizing: ["running", "finalizing: its files are still on the way"],
    canceling: ["canceled", "asked to end"],
    canceled: ["canceled", "canceled"],
};

export function stateWords(state: string): string {
    return STATE[state]?.[1] ?? state;
}

export function StateMark({ state, title }: { state: string; title?: string }) {
    const [name] = STATE[state] ?? ["finished"];
    const words = title ?? stateWords(state);
    return (
        <span class={`mark state-${state}`} role="img" aria-label={words} title={words}>
            <Icon name={name} />
        </span>
    );
}
