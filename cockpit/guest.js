/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest.js - the page of one guest: its head, and one of several tabs. */

import { actionButtons } from "./actions.js";
import { consoleView } from "./console.js";
import { crashesView } from "./crashes.js";
import { el, setText } from "./dom.js";
import { logView } from "./log.js";
import { overviewView } from "./overview.js";
import { stateBadge, statusText } from "./words.js";

const TABS = [
    ["", "Overview", overviewView],
    ["console", "Console", consoleView],
    ["log", "Log", logView],
    ["crashes", "Crashes", crashesView],
];

export function guestView(name, tab, model) {
    const [path, title, make] = TABS.find(each => each[0] === tab) || TABS[0];
    const badge = stateBadge(), buttons = actionButtons(name, model, true);
    const status = el("p", { class: "muted status" });
    const head = el("header", { class: "card head" },
                    el("nav", { "aria-label": "Where you are" }, el("a", { href: "#/" }, "UML guests")),
                    el("div", { class: "title" }, el("h1", {}, name), badge.element, buttons.element), status,
                    el("nav", { class: "tabs", "aria-label": `Parts of ${name}` }, ...TABS.map(([where, label]) => el(
                        "a", { href: where ? `#/${name}/${where}` : `#/${name}`, "aria-current": where === path ? "page" : null }, label))));
    const element = el("div", { class: "guest", "data-guest": name }, head);
    let view = null; /* not before the guest is known: a link may lead to any name */
    return {
        element,
        title: `${name}: ${title}`,
        update() {
            const guest = model.find(name);
            if (!guest) {
                setText(status, model.guests ? `There is no guest ${name}.` : "");
                return;
            }
            if (!view) {
                view = make(name, model);
                element.append(view.element);
            }
            badge.update(guest);
            buttons.update(guest);
            setText(status, statusText(guest));
            view.update(guest);
        },
        leave: () => view && view.leave(),
    };
}
