/* SPDX-License-Identifier: GPL-2.0-or-later */
/* theme.js - dark where Cockpit's menu says so or, if that leaves it to the browser, where the browser does. The class
 * is the one that Cockpit's own pages have. */

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function choose(style) {
    const chosen = style || localStorage.getItem("shell:style") || "auto";
    document.documentElement.classList.toggle("pf-theme-dark", chosen === "dark" || (chosen === "auto" && dark.matches));
}

export function followTheme() {
    window.addEventListener("storage", event => event.key === "shell:style" && choose());
    window.addEventListener("cockpit-style", event => choose(event.detail.style));
    dark.addEventListener("change", () => choose());
    choose();
}
