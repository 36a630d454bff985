/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console.js - the guest's console in a terminal: umlctl console in a pty of the host, and a terminal emulator here. */

import { el, setHidden, setText } from "./dom.js";
import { makeScreen } from "./screen.js";
import { terminal as openTerminal } from "./umlctl.js";

const COLUMNS = 80, ROWS = 24;

/* The sixteen colours of a terminal, all of which but the first can be read on the background of umld.css. */
const COLOURS = ["#3b4045", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#e8e8e8",
                 "#8b949e", "#ffa198", "#a5f0ac", "#f0cf65", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#ffffff"];

/* How many characters there is space for. */
function fit(box) {
    const probe = el("span", { class: "probe" }, "0".repeat(100));
    box.append(probe);
    const { width, height } = probe.getBoundingClientRect();
    probe.remove();
    const style = getComputedStyle(box), margin = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    if (!width || box.clientWidth === 0)
        return [COLUMNS, ROWS];
    return [Math.max(20, Math.floor((box.clientWidth - margin) / (width / 100))),
            Math.max(10, Math.min(50, Math.floor((window.innerHeight - box.getBoundingClientRect().top - 70) / height)))];
}

export function consoleView(name, model) {
    const box = el("div", { class: "terminal", "aria-label": `Console of ${name}` });
    const note = el("p", { class: "muted" }), again = el("button", { type: "button", onclick: () => open() }, "Attach");
    const element = el("section", { class: "card", "aria-label": "Console" }, el("div", { class: "note" }, note, again), box);
    let terminal = null, channel = null, was = null, resizing = null, observer = null;

    const say = (text, offer) => {
        setText(note, text);
        setHidden(again, !offer);
    };
    const close = () => {
        if (channel) {
            const old = channel;
            channel = null;
            old.close();
        }
    };
    const resize = () => {
        const [columns, rows] = fit(box);
        if (!terminal || (columns === terminal.cols && rows === terminal.rows))
            return;
        /* A terminal that gets lower loses its last lines: those with the cursor are moved up first. */
        for (; terminal.y >= rows; terminal.y--)
            terminal.scroll();
        terminal.resize(columns, rows);
        if (channel)
            channel.control({ window: { rows, cols: columns } });
    };
    const prepare = () => {
        const [cols, rows] = fit(box);
        terminal = makeScreen({ cols, rows, colors: COLOURS });
        terminal.on("data", data => channel && channel.send(data));
        terminal.open(box);
        terminal.element.removeAttribute("style"); /* its colours are those of the style sheet */
        observer = new ResizeObserver(() => {
            window.clearTimeout(resizing);
            resizing = window.setTimeout(resize, 100);
        });
        observer.observe(element);
        window.addEventListener("resize", resize);
    };
    const open = () => {
        if (!window.Terminal) {
            say(`There is no terminal emulator on this host (/usr/share/cockpit/umld/term.js). Run umlctl console ${name} in a terminal instead.`, false);
            return;
        }
        if (!terminal)
            prepare();
        close();
        say("Attached. What you type goes to the guest, also the Tab key; press Ctrl-] twice to detach.", false);
        const mine = channel = openTerminal(name, terminal.cols, terminal.rows);
        mine.addEventListener("message", (event, data) => mine === channel && terminal.write(data));
        mine.addEventListener("close", (event, options) => {
            if (mine !== channel)
                return;
            channel = null;
            const keys = window.Terminal.focus === terminal;
            terminal.blur(); /* else it would go on taking the Tab key */
            say(options.problem === "not-found" ? "umlctl is not installed on this host."
                : options.problem === "access-denied" ? "This needs administrative access, or membership of group umld." : "Detached.", true);
            if (keys)
                again.focus();
        });
        terminal.focus();
    };
    return {
        element,
        update(guest) {
            const alive = guest.state !== "stopped" && guest.state !== "failed" && !guest.error;
            if (alive && !was && !channel) /* it has come up: show it from the beginning */
                open();
            else if (!alive && !channel)
                say(`${name} is ${guest.state}. Its console is attached when it starts.`, false);
            was = alive;
        },
        leave() {
            close();
            window.clearTimeout(resizing);
            window.removeEventListener("resize", resize);
            if (observer)
                observer.disconnect();
            if (terminal) {
                terminal.blur(); /* else it would go on taking the keys of the whole page */
                terminal.destroy();
            }
        },
    };
}
