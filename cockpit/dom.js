/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dom.js - makes and changes elements. Text of guests is only ever set as text. */

const SVG = "http://www.w3.org/2000/svg";

function apply(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
        if (name.startsWith("on"))
            element.addEventListener(name.slice(2), value);
        else if (value === true)
            element.setAttribute(name, "");
        else if (value !== false && value !== null && value !== undefined)
            element.setAttribute(name, value);
    }
    element.append(...children.flat().filter(child => child !== null && child !== undefined));
    return element;
}

export function el(name, attributes, ...children) {
    return apply(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
    return apply(document.createElementNS(SVG, name), attributes, children);
}

/* Changes the text only if it is another one, so that what somebody has selected stays so. */
export function setText(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

export function setHidden(element, hidden) {
    element.toggleAttribute("hidden", hidden); /* drawings have it, too */
}

/* Replaces the children if what they are made from has changed since the last time. */
export function remake(element, from, make) {
    const key = JSON.stringify(from);
    if (element.madeFrom === key)
        return;
    element.madeFrom = key;
    element.replaceChildren(...make());
}

/* One child of parent for each item, in their order; an item that was there before keeps its element, and with that
 * the keyboard focus. views: a Map from key to { element, update(item) }. */
export function keyed(parent, views, items, key, make) {
    const seen = new Set(items.map(key));
    for (const [name, view] of views)
        if (!seen.has(name)) {
            view.element.remove();
            views.delete(name);
        }
    items.forEach((item, i) => {
        let view = views.get(key(item));
        if (!view) {
            view = make(item);
            views.set(key(item), view);
        }
        if (parent.children[i] !== view.element)
            parent.insertBefore(view.element, parent.children[i] || null);
        view.update(item);
    });
}
