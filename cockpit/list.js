/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.js - the table of all guests. */

import { actionButtons } from "./actions.js";
import { pointsOf, spark } from "./curve.js";
import { el, keyed, setHidden, setText } from "./dom.js";
import { rate, size } from "./format.js";
import { stateBadge, statusText, troubles, uptimeText, verdictText } from "./words.js";

const TITLES = ["Guest", "State", "Uptime", "Restarts", "Memory", "Network", "Last end", ""];

function cell(title, ...content) {
    return el("td", { "data-title": title }, ...content);
}

function row(guest, model) {
    const { name } = guest;
    const badge = stateBadge(), buttons = actionButtons(name, model, false);
    const status = el("div", { class: "muted clip" }), trouble = el("a", { class: "trouble", href: `#/${name}` });
    const uptime = el("span"), restarts = el("span"), verdict = el("span", { class: "clip" });
    const memory = el("span", { class: "figure" }), memoryCurve = spark(`Memory of ${name} in the last hour`);
    const network = el("span", { class: "figure" }), networkCurve = spark(`Traffic of ${name} in the last hour`);
    const element = el("tr", { "data-guest": name },
                       el("th", { scope: "row" }, el("a", { href: `#/${name}` }, name), status),
                       cell("State", badge.element, trouble), cell("Uptime", uptime), cell("Restarts", restarts),
                       cell("Memory", memory, memoryCurve.element), cell("Network", network, networkCurve.element),
                       cell("Last end", verdict), el("td", { class: "orders" }, buttons.element));
    return {
        element,
        update(now) {
            const samples = model.histories.get(name), time = Date.now() / 1000, n = troubles(now).length, traffic = model.rates.get(name);
            badge.update(now);
            buttons.update(now);
            setText(status, statusText(now));
            setText(trouble, n === 1 ? `${troubles(now)[0].name}: ${troubles(now)[0].state}` : `${n} conditions`);
            setHidden(trouble, n === 0);
            setText(uptime, uptimeText(now));
            setText(restarts, now.restarts === null ? "–" : String(now.restarts));
            setText(memory, now.memory.used === null ? "–" : `${size(now.memory.used)} of ${size(now.memory.size)}`);
            element.classList.toggle("down", !now.pid);
            memoryCurve.update([{ kind: "memory", points: pointsOf(samples, "memory", time) }], time, now.memory.size || 1);
            setText(network, traffic ? `↓ ${rate(traffic.received)} ↑ ${rate(traffic.sent)}` : "–");
            networkCurve.update([{ kind: "received", points: pointsOf(samples, "received", time) },
                                 { kind: "sent", points: pointsOf(samples, "sent", time) }], time, 1024);
            setText(verdict, verdictText(now) || "–");
            verdict.title = verdictText(now);
        },
    };
}

export function listView(model) {
    const views = new Map(), body = el("tbody");
    /* Curves are asked for of the guests that are in sight. */
    const sight = new IntersectionObserver(entries => entries.forEach(each => model.show(each.target.dataset.guest, each.isIntersecting)));
    const seen = guest => {
        const view = row(guest, model);
        sight.observe(view.element);
        return view;
    };
    const table = el("table", { class: "guests" },
                     el("thead", {}, el("tr", {}, ...TITLES.map(title => title ? el("th", { scope: "col" }, title)
                         : el("td", {}, el("span", { class: "unseen" }, "Actions"))))), body);
    const empty = el("p", { class: "empty" }, "There are no guests yet. Make one in a terminal: ", el("code", {}, "umlctl create NAME"));
    const element = el("section", { class: "card", "aria-label": "Guests" }, el("h1", {}, "UML guests"), table, empty);
    return {
        element,
        title: "UML guests",
        update() {
            const guests = model.guests || [];
            setHidden(table, guests.length === 0);
            setHidden(empty, guests.length > 0);
            keyed(body, views, guests, guest => guest.name, seen);
        },
        leave() {
            sight.disconnect();
            model.shown.clear();
        },
    };
}
