/* SPDX-License-Identifier: GPL-2.0-or-later */
/* app.js - begins, and shows what the location says: the list at /, a guest at /NAME, its parts at /NAME/PART. */

import { el, setText } from "./dom.js";
import { guestView } from "./guest.js";
import { listView } from "./list.js";
import { Model } from "./model.js";
import { followTheme } from "./theme.js";
import { followPermission } from "./umlctl.js";

const cockpit = window.cockpit;
const page = document.getElementById("page");
const model = new Model();
const failure = el("p", { class: "failure", role: "alert" });
const limited = el("p", { class: "limited", id: "limited" }, "To start, restart or stop guests you need administrative access.");
let view = null, shown = null;

function choose() {
    const [name, tab] = cockpit.location.path, key = JSON.stringify([name, tab]);
    if (key === shown)
        return;
    shown = key;
    if (view)
        view.leave();
    view = name ? guestView(name, tab || "", model) : listView(model);
    page.replaceChildren(failure, limited, view.element);
    document.title = view.title;
    update();
}

function update() {
    if (!model.guests && !model.failure)
        return;
    if (!view) {
        choose();
        return;
    }
    setText(failure, model.failure ? `The guests cannot be asked for: ${model.failure}` : "");
    failure.hidden = !model.failure;
    limited.hidden = model.admin !== false;
    view.update();
}

/* Links lead within the page, which Cockpit shows in its own address. */
function followLink(event) {
    const link = event.target.closest("a[href^='#/']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey)
        return;
    event.preventDefault();
    cockpit.location.go(link.getAttribute("href").slice(2).split("/").filter(Boolean));
}

followTheme();
document.addEventListener("click", followLink);
model.addEventListener("change", update);
cockpit.addEventListener("locationchanged", () => view && choose());
followPermission(admin => model.setAdmin(admin));
model.begin();
