/* SPDX-License-Identifier: GPL-2.0-or-later */
/* curve.js - draws samples of the last hour: as a figure with axes, or as a small line. */

import { el, remake, setHidden, setText, svg } from "./dom.js";
import { clock, minute } from "./format.js";

export const HOUR = 3600;
const GAP = 30; /* seconds without a sample: the guest was not running */
const PIECE = 90; /* seconds for a point of a small line */

/* 1, 2, 5 or their like in powers of 1024, so that three lines make round numbers. */
function niceTop(value, least) {
    let unit = 1;
    const wanted = Math.max(value, least);
    while (wanted / unit >= 1024)
        unit *= 1024;
    for (const step of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
        if (wanted <= step * unit)
            return step * unit;
    return 1024 * unit;
}

function runs(points, gap) {
    const all = [];
    let last = null;
    for (const point of points) {
        if (last === null || point[0] - last > gap)
            all.push([]);
        all[all.length - 1].push(point);
        last = point[0];
    }
    return all;
}

/* Paths of a line, one for each run without a gap, and of the area below it. A single sample is a dot. */
function paths(points, x, y, bottom, kind, filled, gap) {
    return runs(points, gap || GAP).flatMap(run => {
        const line = run.map(([t, v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`).join("L");
        const first = x(run[0][0]).toFixed(1), last = x(run[run.length - 1][0]).toFixed(1);
        return [
            filled && run.length > 1 ? svg("path", { class: `area ${kind}`, d: `M${first},${bottom}L${line}L${last},${bottom}Z` }) : null,
            run.length > 1 ? svg("path", { class: `line ${kind}`, d: `M${line}` })
                : svg("circle", { class: `dot ${kind}`, cx: first, cy: y(run[0][1]).toFixed(1), r: 2 }),
        ].filter(Boolean);
    });
}

function scale(from, to, low, high) {
    return value => low + (value - from) / (to - from) * (high - low);
}

function highest(series) {
    return Math.max(0, ...series.flatMap(one => one.points.map(point => point[1])));
}

/* The highest of the points in each piece of time, for a drawing that has no space for all of them. */
function thinned(points, piece) {
    const pieces = new Map();
    for (const [t, v] of points) {
        const at = Math.floor(t / piece) * piece + piece / 2;
        pieces.set(at, Math.max(v, pieces.get(at) || 0));
    }
    return [...pieces];
}

/* A line without axes, for a table. series: as of a figure. */
export function spark(label) {
    const width = 96, height = 24, drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "spark", role: "img", "aria-label": label });
    return {
        element: drawing,
        update(series, now, least) {
            const top = niceTop(highest(series), least);
            setHidden(drawing, series.every(one => one.points.length === 0));
            remake(drawing, [series, Math.floor(now / 10), least], () => series.flatMap(
                one => paths(thinned(one.points, PIECE), scale(now - HOUR, now, 1, width - 2), scale(0, top, height - 2, 2),
                             height - 1, one.kind, series.length === 1, 1.5 * PIECE)));
        },
    };
}

const LEFT = 48, RIGHT = 8, TOP = 8, BOTTOM = 20, HEIGHT = 150;

function axes(width, top, now, format) {
    const bottom = HEIGHT - BOTTOM, y = scale(0, top, bottom, TOP), x = scale(now - HOUR, now, LEFT, width - RIGHT);
    const every = width < 480 ? 1200 : 600, first = Math.ceil((now - HOUR) / every) * every;
    const marks = [];
    for (let t = first; t <= now; t += every)
        if (x(t) > LEFT + 14 && x(t) < width - RIGHT - 14)
            marks.push(svg("text", { class: "mark", x: x(t), y: HEIGHT - 5, "text-anchor": "middle" }, minute(t)));
    return [0, top / 2, top].flatMap(value => [
        svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
        svg("text", { class: "mark", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, format(value)),
    ]).concat(marks);
}

function nearest(points, when) {
    return points.reduce((best, point) => !best || Math.abs(point[0] - when) < Math.abs(best[0] - when) ? point : best, null);
}

/* title; series: [{ name, kind }]; format: of a value; least: what the axis shows at least. */
export function figure({ title, series, format, least }) {
    const drawing = svg("svg", { role: "img", height: HEIGHT });
    const values = series.map(one => el("span", { class: "value" }));
    const when = el("span", { class: "when" });
    const legend = series.map((one, i) => el("span", { class: `key ${one.kind}` }, one.name + " ", values[i]));
    const element = el("figure", { class: "curve" }, el("figcaption", {}, el("h3", {}, title), ...legend, when), drawing);
    let shown = series.map(() => []), now = 0, pointed = null, width = 0;

    const tell = () => {
        const at = pointed === null ? null : now - HOUR + (pointed - LEFT) / (width - LEFT - RIGHT) * HOUR;
        const picked = shown.map(points => at === null ? points[points.length - 1] : nearest(points, at));
        const fresh = picked.map(point => point && (at !== null || now - point[0] < GAP) ? format(point[1]) : "–");
        values.forEach((value, i) => setText(value, fresh[i]));
        setText(when, at !== null && picked[0] ? `at ${clock(picked[0][0])}` : "");
        drawing.querySelectorAll(".pointer").forEach(line => line.remove());
        if (at !== null && picked[0]) {
            const x = scale(now - HOUR, now, LEFT, width - RIGHT)(picked[0][0]);
            drawing.append(svg("line", { class: "pointer", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
        }
    };
    const draw = () => {
        width = Math.floor(drawing.clientWidth || element.clientWidth);
        if (width < 100 || now === 0)
            return;
        const data = series.map((one, i) => ({ kind: one.kind, points: shown[i] })), top = niceTop(highest(data), least);
        const x = scale(now - HOUR, now, LEFT, width - RIGHT), y = scale(0, top, HEIGHT - BOTTOM, TOP);
        drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
        remake(drawing, [width, Math.floor(now / 10), top, shown], () => [
            ...axes(width, top, now, format),
            ...data.flatMap(one => paths(one.points, x, y, HEIGHT - BOTTOM, one.kind, series.length === 1)),
        ]);
        drawing.setAttribute("aria-label", series.map((one, i) => `${one.name}: at most ${format(highest([data[i]]))} in the last hour`).join(", "));
        tell();
    };
    drawing.addEventListener("pointermove", event => { pointed = event.offsetX; tell(); });
    drawing.addEventListener("pointerleave", () => { pointed = null; tell(); });
    new ResizeObserver(draw).observe(element);
    return {
        element,
        update(points, time) {
            shown = points;
            now = time;
            draw();
        },
    };
}

/* The points of the last hour of one key of the samples that `umlctl history` prints. */
export function pointsOf(samples, key, now) {
    return (samples || []).filter(sample => sample.time > now - HOUR).map(sample => [sample.time, sample[key]]);
}
