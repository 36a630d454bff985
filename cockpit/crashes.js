/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crashes.js - the crash reports of a guest, each in full when it is opened. */

import { el, remake, setText } from "./dom.js";
import { day, span } from "./format.js";
import { ask, explain } from "./umlctl.js";

function endText(report) {
    if (report.exit_status !== null)
        return `exit status ${report.exit_status}`;
    return report.signal !== null ? `signal ${report.signal}` : null;
}

const ROWS = [
    ["Panic", report => report.panic],
    ["Detail", report => report.panic ? report.detail : null], /* without a panic it is in the line above */
    ["End", endText],
    ["Ran for", report => report.run_time === null ? null : span(report.run_time)],
    ["Kernel", report => [report.kernel_path, report.kernel_version].filter(Boolean).join(" ")],
    ["Report", report => report.file],
];

function fullReport(report) {
    const rows = ROWS.map(([name, value]) => [name, value(report)]).filter(([, value]) => value);
    return [
        el("dl", { class: "facts" }, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
        report.console.length > 0 ? el("h3", {}, "Last console output") : null,
        report.console.length > 0 ? el("pre", { class: "tail", tabindex: "0" }, report.console.join("\n")) : null,
    ].filter(Boolean);
}

/* The end of the console output is what matters. */
function show(body, report) {
    body.replaceChildren(...fullReport(report));
    body.querySelectorAll("pre").forEach(text => { text.scrollTop = text.scrollHeight; });
}

function item(name, report) {
    const body = el("div", { class: "report" }, "Loading …");
    const details = el("details", { class: "crash" },
                       el("summary", {}, el("span", { class: "badge bad" }, report.verdict), el("time", {}, day(report.when)),
                          el("span", { class: "clip" }, report.panic || report.detail || "")), body);
    details.addEventListener("toggle", () => {
        if (!details.open || details.asked)
            return;
        details.asked = true;
        ask("crashes", name, String(report.n)).then(full => show(body, full), failure => {
            details.asked = false; /* it is asked for again when it is opened again */
            setText(body, explain(failure));
        });
    });
    return details;
}

export function crashesView(name) {
    const list = el("div", { class: "crashes" }), note = el("p", { class: "muted" }, "Loading …");
    let last = null;
    const refresh = () => ask("crashes", name).then(reports => {
        setText(note, reports.length === 0 ? `${name} has not crashed so far.` : "");
        remake(list, reports.map(report => report.file), () => reports.map(report => item(name, report)));
    }, failure => setText(note, explain(failure)));
    return {
        element: el("section", { class: "card", "aria-label": "Crashes" }, note, list),
        update(guest) {
            const key = JSON.stringify([guest.last_exit, guest.restarts, guest.state]); /* a crash changes one of them */
            if (key !== last)
                refresh();
            last = key;
        },
        leave() {},
    };
}
