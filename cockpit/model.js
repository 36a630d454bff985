/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.js - what is known of the guests: asked for at the beginning and whenever something happens to one of them. What
 * changes without an event, such as the memory that is used, is asked for now and then, while somebody looks. */

import { ask, explain, follow } from "./umlctl.js";

const SOON = 150, LATER = 10000, AGAIN = 5000, SAMPLE = 9000;

export class Model extends EventTarget {
    constructor() {
        super();
        this.guests = null; /* as `umlctl list --json` prints them; null: not known yet */
        this.failure = null; /* why they could not be asked for */
        this.admin = null; /* may the user give orders? null: not known yet */
        this.rates = new Map(); /* name -> bytes per second { received, sent } */
        this.counted = new Map(); /* name -> { when, received, sent } */
        this.histories = new Map(); /* name -> samples */
        this.asked = new Map(); /* name -> when the samples were asked for */
        this.shown = new Set(); /* names of the guests whose samples are shown */
        this.asking = this.again = this.drawing = false;
        this.timer = null;
    }

    begin() {
        this.listen();
        this.refresh();
        window.setInterval(() => document.hidden || this.refresh(), LATER);
        document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
    }

    find(name) {
        return (this.guests || []).find(guest => guest.name === name) || null;
    }

    changed() {
        this.dispatchEvent(new Event("change"));
    }

    setAdmin(admin) {
        const before = this.admin;
        this.admin = admin;
        this.changed();
        if (before !== null && before !== admin) { /* more may be seen now, or less */
            this.listen();
            this.refresh();
        }
    }

    listen() {
        if (this.stop)
            this.stop();
        this.stop = follow(["events", "--follow", "--all"], [], () => this.soon(), () => {
            this.stop = null;
            window.setTimeout(() => this.stop || this.listen(), AGAIN);
        });
    }

    soon() {
        this.timer = this.timer || window.setTimeout(() => {
            this.timer = null;
            this.refresh();
        }, SOON);
    }

    /* One at a time: what is wanted meanwhile comes after it. */
    async refresh() {
        if (this.asking) {
            this.again = true;
            return;
        }
        this.asking = true;
        try {
            this.guests = await ask("list");
            this.failure = null;
            this.guests.forEach(guest => this.count(guest));
            this.forget();
        } catch (failure) {
            this.failure = explain(failure);
        }
        this.changed();
        this.askHistories();
        this.asking = false;
        if (this.again) {
            this.again = false;
            this.soon();
        }
    }

    /* Traffic since the last time, if that is long enough ago. */
    count(guest) {
        const { received, sent } = guest.network, when = Date.now() / 1000, last = this.counted.get(guest.name);

        if (received === null || sent === null) {
            this.counted.delete(guest.name);
            this.rates.delete(guest.name);
            return;
        }
        if (last && when - last.when < 2)
            return;
        if (last && received >= last.received && sent >= last.sent)
            this.rates.set(guest.name, { received: (received - last.received) / (when - last.when),
                                         sent: (sent - last.sent) / (when - last.when) });
        this.counted.set(guest.name, { when, received, sent });
    }

    /* What is known of guests that have been removed. */
    forget() {
        for (const map of [this.rates, this.counted, this.histories, this.asked])
            for (const name of map.keys())
                if (!this.find(name))
                    map.delete(name);
    }

    /* The samples of a guest are needed from now on, or no more. */
    show(name, shown) {
        if (!shown) {
            this.shown.delete(name);
            return;
        }
        this.shown.add(name);
        this.askHistories();
    }

    /* There is a new sample every ten seconds, however often something happens. */
    nextHistory() {
        return [...this.shown].find(name => this.find(name)?.pid && Date.now() - (this.asked.get(name) || 0) >= SAMPLE);
    }

    /* One guest after the other, however many there are. */
    async askHistories() {
        if (this.drawing)
            return;
        this.drawing = true;
        for (let name = this.nextHistory(); name; name = this.nextHistory()) {
            this.asked.set(name, Date.now());
            try {
                this.histories.set(name, await ask("history", name));
                this.changed();
            } catch { /* it has ended meanwhile */
            }
        }
        this.drawing = false;
    }
}
