/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.js - what the guest has printed on its console, as it comes. */

import { el, setText } from "./dom.js";
import { day } from "./format.js";
import { explain, follow } from "./umlctl.js";

const FIRST = "500", MOST = 3000;

/* The time is told once for all lines of the same second. */
function lineOf(record, same) {
    return el("div", { class: same ? `${record.kind} same` : record.kind, title: day(record.time) }, el("time", {}, day(record.time)), el("span", {}, record.text));
}

export function logView(name) {
    const lines = el("div", { class: "lines", tabindex: "0", role: "log", "aria-label": `Log of ${name}` }), note = el("p", { class: "muted" }, "Loading …");
    const element = el("section", { class: "card", "aria-label": "Log" }, note, lines);
    let pending = [], drawing = null, stop = null, again = null, second = null, below = true, failed = false, pid = 0;

    const show = record => {
        const same = second === Math.floor(record.time);
        second = Math.floor(record.time);
        return lineOf(record, same);
    };
    const descend = () => { /* who reads further up is left there */
        if (below)
            lines.scrollTop = lines.scrollHeight;
    };
    const draw = () => {
        drawing = null;
        setText(note, "");
        lines.append(...pending.slice(-MOST).map(show));
        pending = [];
        while (lines.childElementCount > MOST)
            lines.firstElementChild.remove();
        descend();
    };
    const observer = new ResizeObserver(descend);
    observer.observe(lines);
    lines.addEventListener("scroll", () => { below = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40; });
    const begin = first => {
        failed = false;
        stop = follow(["log", "--follow", "--lines", first], [name], record => {
            pending.push(record);
            if (pending.length > 2 * MOST) /* a page that is not looked at is drawn seldom */
                pending = pending.slice(-MOST);
            drawing = drawing || window.setTimeout(draw, 50);
        }, failure => {
            stop = null;
            setText(note, failure ? explain(failure) : "");
            failed = Boolean(failure);
            if (!failure)
                again = window.setTimeout(() => begin("0"), 2000);
        });
    };
    begin(FIRST);
    return {
        element,
        update(guest) { /* one that has failed is tried again when the guest is back */
            if (failed && guest.pid && guest.pid !== pid) {
                lines.replaceChildren();
                begin(FIRST);
            }
            pid = guest.pid;
        },
        leave() {
            observer.disconnect();
            window.clearTimeout(drawing);
            window.clearTimeout(again);
            if (stop)
                stop();
        },
    };
}
