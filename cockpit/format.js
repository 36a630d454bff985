/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.js - sizes, times and spans for people, as umlctl writes them. */

const UNITS = ["B", "K", "M", "G", "T"];

export function size(bytes) {
    if (bytes === null || bytes === undefined)
        return "–";
    let unit = 0;
    while (bytes >= 1024 && unit < UNITS.length - 1) {
        bytes /= 1024;
        unit++;
    }
    return (bytes >= 100 || unit === 0 ? Math.round(bytes) : Math.round(bytes * 10) / 10) + UNITS[unit];
}

export function rate(bytes) {
    return bytes === null || bytes === undefined ? "–" : size(bytes) + "/s";
}

export function span(seconds) {
    if (seconds === null || seconds === undefined)
        return "–";
    if (seconds < 1)
        return Math.round(seconds * 1000) + "ms";
    const s = Math.floor(seconds);
    const parts = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
    const first = parts.findIndex(part => part[0] > 0);
    return parts.slice(first, first + 2).filter(part => part[0] > 0).map(part => part[0] + part[1]).join(" ");
}

export function clock(seconds) {
    return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
}

export function minute(seconds) {
    return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit" });
}

export function day(seconds) {
    const date = new Date(seconds * 1000), two = n => String(n).padStart(2, "0");
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(seconds)}`;
}
