/* SPDX-License-Identifier: GPL-2.0-or-later */
/* actions.js - the buttons that start and end guests, and what went wrong with that. */

import { el, setHidden, setText } from "./dom.js";
import { explain, order } from "./umlctl.js";

const under = new Set(); /* guests of which an order is being carried out */

/* When an order can be given, and what is asked before: text of the question and of the button. */
const ACTIONS = [
    { verb: "start", label: "Start", when: guest => !guest.pid && !["preparing", "booting", "stopping"].includes(guest.state) },
    { verb: "restart", label: "Restart", when: guest => guest.state === "running",
      question: name => [`Restart ${name}?`, "It is shut down cleanly and started again. Connections to it are lost."] },
    { verb: "stop", label: "Stop", when: guest => !["stopped", "failed"].includes(guest.state),
      question: name => [`Stop ${name}?`, "It is shut down cleanly. Nothing answers on its ports until it is started again."] },
    { verb: "kill", label: "Kill", rare: true, when: guest => Boolean(guest.pid),
      question: name => [`Kill ${name}?`, "It ends as in a power failure, and stays down. What it has not written to its disk is lost."] },
];

export function report(title, text) {
    const box = el("div", { class: "problem" },
                   el("div", {}, el("strong", {}, title), el("pre", {}, text)),
                   el("button", { type: "button", "aria-label": "Dismiss", onclick: () => box.remove() }, "✕"));
    document.getElementById("problems").replaceChildren(box);
}

function confirmed(question, label) {
    const dialog = document.getElementById("question"), [title, text] = question;
    document.getElementById("question-title").textContent = title;
    document.getElementById("question-text").textContent = text;
    document.getElementById("question-yes").textContent = label;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise(resolve => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

async function carryOut(action, name, model) {
    if (action.question && !await confirmed(action.question(name), action.label))
        return;
    under.add(name + action.verb);
    model.changed();
    try {
        await order(action.verb, name);
        document.getElementById("problems").replaceChildren();
    } catch (failure) {
        report(`${name}: ${action.verb} failed`, explain(failure));
    }
    under.delete(name + action.verb);
    model.soon();
}

/* A row of buttons; rare: with those that are seldom needed. */
export function actionButtons(name, model, rare) {
    const buttons = ACTIONS.filter(action => rare || !action.rare).map(action => ({
        action,
        element: el("button", { type: "button", "data-verb": action.verb, "aria-describedby": "limited", "aria-label": `${action.label} ${name}`,
                                onclick: () => carryOut(action, name, model) }, action.label),
    }));
    return {
        element: el("div", { class: "buttons" }, ...buttons.map(button => button.element)),
        update(guest) {
            for (const { action, element } of buttons) {
                const running = under.has(name + action.verb);
                setHidden(element, !running && !action.when(guest));
                element.disabled = running || !model.admin;
                setText(element, running ? `${action.label} …` : action.label);
                element.classList.toggle("primary", action.verb === "start");
                element.classList.toggle("danger", action.verb === "kill");
            }
        },
    };
}
