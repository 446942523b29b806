// Small controls used all over: buttons with an icon, copying, check boxes of three states, menus.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export function IconButton(p: {
    icon: IconName;
    label: string;
    title?: string;
    class?: string;
    pressed?: boolean;
    onClick: (e: MouseEvent) => void;
}) {
    return (
        <button
            type="button"
            class={`btn icon ${p.class ?? ""}`}
            aria-label={p.label}
            title={p.title ?? p.label}
            aria-pressed={p.pressed}
            onClick={p.onClick}
        >
            <Icon name={p.icon} />
        </button>
    );
}

/** Copies through the clipboard's door, or by hand where a page may not use it. */
export async function copyText(text: string): Promise<void> {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        const field = document.createElement("textarea");
        field.value = text;
        field.className = "sr";
        document.body.append(field);
        field.select();
        document.execCommand("copy");
        field.remove();
    }
}

export function CopyButton({ text, label }: { text: () => string; label: string }) {
    const [done, setDone] = useState(false);
    useEffect(() => {
        if (!done) return;
        const timer = setTimeout(() => setDone(false), 1500);
        return () => clearTimeout(timer);
    }, [done]);
    return (
        <IconButton
            icon={done ? "done" : "copy"}
            label={done ? "Copied" : label}
            onClick={() => void copyText(text()).then(() => setDone(true))}
        />
    );
}

export function Check(p: {
    state: "all" | "some" | "none";
    label: string;
    onChange: (on: boolean) => void;
}) {
    return (
        <input
            type="checkbox"
            class={`box ${p.state === "some" ? "some" : ""}`}
            checked={p.state === "all"}
            indeterminate={p.state === "some"}
            aria-label={p.label}
            onChange={e => p.onChange((e.currentTarget as HTMLInputElement).checked)}
        />
    );
}

export interface Choice {
    label: string;
    /** undefined: an act; else one of a group, chosen or not. */
    on?: boolean;
    note?: string;
    act: () => void;
}

/** A button that opens a list of choices. */
export function Menu(p: {
    label: string;
    class?: string;
    title?: string;
    choices: () => (Choice | "-" | { head: string })[];
    children: ComponentChildren;
}) {
    const [open, setOpen] = useState(false);
    const button = useRef<HTMLButtonElement>(null);
    return (
        <span class="menu-at">
            <button
                type="button"
                ref={button}
                class={`btn ${p.class ?? ""}`}
                aria-label={p.label}
                title={p.title ?? p.label}
                aria-haspopup="menu"
                aria-expanded={open}
                onClick={() => setOpen(!open)}
            >
                {p.children}
            </button>
            {open && (
                <MenuList
                    of={button.current as HTMLElement}
                    choices={p.choices()}
                    close={() => {
                        setOpen(false);
                        button.current?.focus();
                    }}
                />
            )}
        </span>
    );
}

function place(list: HTMLElement, of: HTMLElement): void {
    const at = of.getBoundingClientRect();
    const { offsetWidth: w, offsetHeight: h } = list;
    const left = Math.min(at.left, window.innerWidth - w - 8);
    const below = at.bottom + 4 + h < window.innerHeight;
    list.style.left = `${Math.max(8, left)}px`;
    list.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - 4 - h)}px`;
}

function MenuList(p: {
    of: HTMLElement;
    choices: (Choice | "-" | { head: string })[];
    close: () => void;
}) {
    const list = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => {
        const el = list.current as HTMLElement;
        // Above everything, and placed in the window whatever the button stands in.
        el.showPopover?.();
        place(el, p.of);
        (
            el.querySelector<HTMLElement>("[aria-checked=true]") ??
            el.querySelector("button") ??
            el
        ).focus();
        const away = (e: Event) => {
            if (!el.contains(e.target as Node) && !p.of.contains(e.target as Node)) p.close();
        };
        document.addEventListener("pointerdown", away, true);
        return () => document.removeEventListener("pointerdown", away, true);
    }, []);
    const buttons = () => [...(list.current as HTMLElement).querySelectorAll("button")];
    const focusAt = (i: number) => buttons().at(i)?.focus();
    const move = (by: number) => {
        const all = buttons();
        const at = all.indexOf(document.activeElement as HTMLButtonElement);
        all[(at + by + all.length) % all.length]?.focus();
    };
    const onKey = (e: KeyboardEvent) => {
        e.stopPropagation();
        if (e.key === "Escape" || e.key === "Tab") p.close();
        else if (e.key === "ArrowDown") move(1);
        else if (e.key === "ArrowUp") move(-1);
        else if (e.key === "Home") focusAt(0);
        else if (e.key === "End") focusAt(-1);
        else return;
        e.preventDefault();
    };
    return (
        <div class="menu" role="menu" ref={list} popover="manual" tabIndex={-1} onKeyDown={onKey}>
            {p.choices.map((c, i) => {
                if (c === "-") return <hr key={i} />;
                if ("head" in c)
                    return (
                        <p class="head" key={i}>
                            {c.head}
                        </p>
                    );
                return (
                    <button
                        key={i}
                        type="button"
                        role={c.on === undefined ? "menuitem" : "menuitemradio"}
                        aria-checked={c.on}
                        onClick={() => {
                            p.close();
                            c.act();
                        }}
                    >
                        <span class="tick">{c.on && <Icon name="done" />}</span>
                        <span class="cut">{c.label}</span>
                        {c.note && <span class="mute">{c.note}</span>}
                    </button>
                );
            })}
        </div>
    );
}

/** A bar that is full to a share of 0 to 1. */
export function Meter({ share, label }: { share: number; label: string }) {
    const at = Math.max(0, Math.min(1, share));
    return (
        <span
            class="meter"
            role="progressbar"
            aria-label={label}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(at * 100)}
        >
            <i style={{ width: `${at * 100}%` }} />
        </span>
    );
}
