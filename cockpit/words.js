/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words.js - what is said of a guest in several places. */

import { el, remake } from "./dom.js";
import { day, span } from "./format.js";

/* How serious a state is. */
const KINDS = { running: "good", preparing: "busy", booting: "busy", stopping: "busy", backoff: "warning", failed: "bad" };

export function stateKind(guest) {
    if (guest.error)
        return "bad";
    if (guest.state === "running" && guest.health.state !== null && !["good", "busy", "unknown"].includes(guest.health.state))
        return "warning";
    return KINDS[guest.state] || "idle";
}

export function stateText(guest) {
    return stateKind(guest) === "warning" && guest.state === "running" ? `running, ${guest.health.state}` : guest.state;
}

export function stateBadge() {
    const badge = el("span");
    return {
        element: badge,
        update: guest => remake(badge, [stateText(guest), stateKind(guest)], () => {
            badge.className = `badge ${stateKind(guest)}`;
            return [stateText(guest)];
        }),
    };
}

export function verdictText(guest) {
    const { verdict, detail } = guest.last_exit;
    if (!verdict || verdict === "none")
        return "";
    return detail ? `${verdict}: ${detail}` : verdict;
}

export function verdictWithTime(guest) {
    const text = verdictText(guest);
    return text && guest.last_exit.when ? `${text} (${day(guest.last_exit.when)})` : text || "has not ended yet";
}

export function uptimeText(guest) {
    return guest.uptime === null ? "–" : span(Math.max(1, guest.uptime));
}

/* The conditions that somebody should look at. */
export function troubles(guest) {
    return guest.conditions.filter(condition => condition.state === "warning" || condition.state === "broken");
}

/* What it is doing, or why it is not running. */
export function statusText(guest) {
    return guest.error || guest.waiting_for && `waiting for ${guest.waiting_for}` || guest.status || "";
}
