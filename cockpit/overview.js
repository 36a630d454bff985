/* SPDX-License-Identifier: GPL-2.0-or-later */
/* overview.js - of one guest: curves of the last hour, the conditions that it relies on, and facts. */

import { figure, pointsOf } from "./curve.js";
import { el, remake, setHidden } from "./dom.js";
import { rate, size, span } from "./format.js";
import { troubles, uptimeText, verdictWithTime } from "./words.js";

/* ---- conditions ---- */

const RANKS = ["broken", "warning", "unknown", "ok", "unused"];
const WORDS = { broken: "broken", warning: "warning", unknown: "not known", ok: "ok", unused: "not used" };

function conditionItem(condition) {
    return el("li", { class: condition.state, "data-condition": condition.name },
              el("span", { class: "mark" }, WORDS[condition.state] || condition.state),
              el("div", {}, el("strong", {}, condition.name),
                 condition.text ? el("p", {}, condition.text) : null,
                 condition.remedy ? el("p", { class: "remedy" }, el("span", {}, "Remedy: "), condition.remedy) : null));
}

function conditionsCard() {
    const list = el("ul", { class: "conditions" }), calm = el("p", { class: "muted" }), rest = el("ul", { class: "conditions" });
    const others = el("details", {}, el("summary", {}, "All conditions"), rest);
    const element = el("section", { class: "card", "aria-label": "Conditions" }, el("h2", {}, "Conditions"), calm, list, others);
    return {
        element,
        update: guest => remake(list, guest.conditions, () => {
            const all = [...guest.conditions].sort((a, b) => RANKS.indexOf(a.state) - RANKS.indexOf(b.state));
            calm.textContent = all.length === 0 ? "They are looked at while its umld is running."
                : troubles(guest).length === 0 ? "All that it relies on is as it should be." : "";
            setHidden(calm, !calm.textContent);
            setHidden(others, all.length === 0);
            rest.replaceChildren(...all.filter(one => !troubles(guest).includes(one)).map(conditionItem));
            return all.filter(one => troubles(guest).includes(one)).map(conditionItem);
        }),
    };
}

/* ---- facts ---- */

const join = list => list.length > 0 ? list.join(", ") : "none";

const FACTS = [
    ["Last end", verdictWithTime],
    ["Uptime", uptimeText],
    ["Restarts", guest => guest.restarts === null ? null : String(guest.restarts)],
    ["Health", guest => guest.health.state && guest.health.latency ? `${guest.health.state}, answers within ${span(Math.max(guest.health.latency, 0.001))}`
        : guest.health.state],
    ["Kernel", guest => guest.kernel.version],
    ["Memory", guest => guest.memory.size === null ? null : `${size(guest.memory.size)} in ${guest.memory.path}, ${size(guest.memory.peak)} used at most`],
    ["Memory pressure", guest => guest.memory.pressure],
    ["Address", guest => [guest.network.guest, guest.network.guest6].filter(Boolean).join(", ") || null],
    ["Tap and uplink", guest => guest.network.tap && `${guest.network.tap}, ${guest.network.uplink || "no uplink"}`],
    ["Forwards", guest => guest.network.tap && join(guest.network.forwards)],
    ["Never forwarded", guest => guest.network.guarded.length > 0 ? join(guest.network.guarded) : null],
    ["Services", guest => join(Object.entries(guest.probe.services).map(([name, state]) => `${name}: ${state}`)).replace(/^none$/, "") || null],
    ["Load", guest => guest.guest.load],
    ["Fallback", guest => guest.fallback],
];

function factsCard() {
    const list = el("dl", { class: "facts" });
    return {
        element: el("section", { class: "card", "aria-label": "Facts" }, el("h2", {}, "Facts"), list),
        update(guest) {
            const rows = FACTS.map(([name, value]) => [name, value(guest)]).filter(([, value]) => value);
            remake(list, rows, () => rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
        },
    };
}

/* ---- all together ---- */

export function overviewView(name, model) {
    const memory = figure({ title: "Memory", series: [{ name: "used", kind: "memory" }], format: size, least: 1 << 20 });
    const network = figure({ title: "Network", series: [{ name: "received", kind: "received" }, { name: "sent", kind: "sent" }],
                             format: rate, least: 1024 });
    const conditions = conditionsCard(), facts = factsCard();
    model.show(name, true);
    const curves = el("section", { class: "card curves", "aria-label": "The last hour" }, el("h2", {}, "The last hour"), memory.element, network.element);
    return {
        element: el("div", { class: "overview" }, curves, conditions.element, facts.element),
        update(guest) {
            const samples = model.histories.get(name), now = Date.now() / 1000;
            memory.update([pointsOf(samples, "memory", now)], now);
            network.update([pointsOf(samples, "received", now), pointsOf(samples, "sent", now)], now);
            conditions.update(guest);
            facts.update(guest);
        },
        leave: () => model.show(name, false),
    };
}
