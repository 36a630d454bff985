/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umlctl.js - runs umlctl on the host, through Cockpit's bridge: as root where the user has administrative access, else
 * as the user, who sees what members of group umld may see. */

const cockpit = window.cockpit;

export const NOT_RUNNING = 3, NOT_PERMITTED = 77;

/* What to tell people of a failure: umlctl's own words. */
export function explain(failure) {
    if (failure.problem === "not-found")
        return "umlctl is not installed on this host";
    if (failure.problem === "access-denied" || failure.problem === "authentication-failed")
        return "this needs administrative access";
    if (failure.problem === "disconnected" || failure.problem === "terminated")
        return "the connection to the host is lost";
    const text = (failure.message || String(failure)).trim();
    return text.replace(/^umlctl: /gm, "") || `umlctl failed with status ${failure.exit_status}`;
}

function spawn(words, options) {
    return cockpit.spawn(["umlctl", ...words], { superuser: "try", err: "message", environ: ["LC_ALL=C.UTF-8"], ...options });
}

/* Names are behind "--": one that begins with a dash is not an option. */
export function ask(verb, ...names) {
    return spawn([verb, "--json", "--", ...names]).then(text => JSON.parse(text));
}

export function order(verb, name) {
    return spawn([verb, "--", name], { superuser: "require" });
}

/* Calls line(object) for each line of JSON, and end(failure or null) when there will be no more. Returns a function that
 * ends it. */
export function follow(words, names, line, end) {
    let rest = "", closed = false;
    const process = spawn([...words, "--json", "--", ...names]);

    process.stream(data => {
        const lines = (rest + data).split("\n");
        rest = lines.pop();
        if (!closed)
            lines.filter(text => text).forEach(text => line(JSON.parse(text)));
    });
    process.then(() => closed || end(null), failure => closed || end(failure));
    return () => {
        closed = true;
        process.close("terminated");
    };
}

/* umlctl console, in a terminal of this size. */
export function terminal(name, columns, rows) {
    return cockpit.channel({ payload: "stream", spawn: ["umlctl", "console", "--", name], environ: ["TERM=xterm-256color", "LC_ALL=C.UTF-8"],
                             pty: true, superuser: "try", window: { rows, cols: columns } });
}

/* Calls changed(allowed) as soon as it is known whether the user has administrative access, and whenever that changes. */
export function followPermission(changed) {
    const permission = cockpit.permission({ admin: true });
    const tell = () => permission.allowed === null || changed(permission.allowed);

    permission.addEventListener("changed", tell);
    tell();
}
