// ui.js - building the page, and saying things on it.
//
// Text is only ever set as text: nothing that a label or a user's name says
// can become markup.  (The page's policy forbids innerHTML as well.)

const SVG = "http://www.w3.org/2000/svg";

// Functions among props are listeners, true is an attribute without a
// value; null and false, also among children, are left out.
function fill(node, props, children) {
	for (const [name, value] of Object.entries(props ?? {})) {
		if (typeof value === "function")
			node.addEventListener(name, value);
		else if (value !== false && value != null)
			node.setAttribute(name, value === true ? "" : value);
	}
	node.append(...children.flat(Infinity)
		.filter((c) => c != null && c !== false));
	return node;
}

export function el(tag, props, ...children) {
	return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
	return fill(document.createElementNS(SVG, tag), props, children);
}

// What somebody else has written: its direction stays its own.
export function theirs(text, props) {
	return el("bdi", props, text);
}

let ids = 0;
export function newId() {
	return `i${++ids}`;
}

// ---- small parts that many pages have ----

export function button(text, run, kind = "") {
	return el("button", { type: "button", class: kind, click: run }, text);
}

export function link(text, href, kind) {
	return el("a", { href, class: kind }, text);
}

const PLUS = "M8 2.5v11M2.5 8h11";

export function addLink(text, href) {
	return el("a", { href, class: "button main" },
		svg("svg", { viewBox: "0 0 16 16", class: "icon",
			"aria-hidden": "true" },
		svg("path", { d: PLUS })), text);
}

// The head of a page: where one is, what can be done here.
export function head(title, { above, below, actions } = {}) {
	return el("header", { class: "head" },
		el("div", null, above,
			el("h1", { tabindex: "-1" }, title),
			below && el("p", { class: "soft" }, below)),
		actions && el("div", { class: "actions" }, actions));
}

export function crumbs(...links) {
	return el("nav", { class: "crumbs", "aria-label": "You are here" },
		el("ol", null, links.filter(Boolean).map((l) => el("li", null, l))));
}

export function card(title, ...children) {
	const id = newId();
	return el("section", { class: "card", "aria-labelledby": id },
		el("h2", { id }, title), children);
}

// A table.  Where it `stacks`, a narrow window lays the cells of a row out
// below each other, with their heads beside them; for screen readers it is a
// table all the same.
export function table(caption, heads, rows, kind = "stacks") {
	const cell = (content, i) => el("td", { role: "cell" },
		heads[i] && el("span", { class: "head-of", "aria-hidden": "true" },
			heads[i]),
		el("div", { class: "content" }, content));
	return el("table", { role: "table", class: kind },
		el("caption", { class: "unseen" }, caption),
		el("thead", { role: "rowgroup" },
			el("tr", { role: "row" }, heads.map((h) =>
				el("th", { role: "columnheader", scope: "col" },
					h || el("span", { class: "unseen" },
						"Change"))))),
		el("tbody", { role: "rowgroup" }, rows.map((cells) =>
			el("tr", { role: "row" }, cells.map(cell)))));
}

// ---- saying ----

// What was done, in words: shown for a while, and read out.
let silence;
export function say(text) {
	const box = document.getElementById("said");
	clearTimeout(silence);
	box.textContent = text;
	silence = setTimeout(() => box.textContent = "", 8000);
}

// Where the focus goes when what had it is gone.
export function focusHead() {
	document.querySelector("main:not([hidden]) h1")?.focus();
}
