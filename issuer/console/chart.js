// chart.js - pictures of numbers, drawn as SVG.
//
// Each is an image with a name that says what it shows, for who does not
// see it; the numbers themselves are behind its parts, on hovering.

import { el, svg } from "./ui.js";
import { number } from "./format.js";

const LEFT = 40, RIGHT = 8, TOP = 10, BOTTOM = 22; // pixels around the plot

// Drawn anew for each width, so that letters keep their size.
function drawn(height, name, draw) {
	const picture = svg("svg", { class: "chart", role: "img",
		"aria-label": name, height });
	let before = 0;
	new ResizeObserver(() => {
		const width = Math.floor(picture.clientWidth);
		if (width <= 0 || width === before)
			return;
		before = width;
		picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
		picture.replaceChildren(...draw(width, height).flat(Infinity)
			.filter(Boolean));
	}).observe(picture);
	return picture;
}

// The next of 1, 2, 4, 10, 20, 40, 100, ... at or above; 4 at least, so
// that half of it is whole.
function roundUp(n) {
	const ten = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
	return Math.max(4, [1, 2, 4, 10].find((m) => m * ten >= n) * ten);
}

const SHORT = new Intl.NumberFormat("en", { notation: "compact" });

// Lines at the halves of the height, and what they stand for.
function scale(top, width, height) {
	const plot = height - TOP - BOTTOM;
	return [0, .5, 1].map((part) => {
		const y = TOP + plot * (1 - part);
		return [
			svg("line", { class: "grid-line", x1: LEFT, x2: width - RIGHT,
				y1: y, y2: y }),
			svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" },
				SHORT.format(top * part)),
		];
	});
}

// The first, the last and one between, below.
function days(points, x, height) {
	const last = points.length - 1;
	const places = last < 2 ? [0] : [0, Math.round(last / 2), last];
	return places.map((i) => svg("text", { x: x(i), y: height - 4,
		"text-anchor": i === 0 ? "start" : i === last ? "end" : "middle" },
	points[i].label));
}

// What each point is, on hovering its column.
function hits(points, x, step, height) {
	return points.map((p, i) => svg("rect", { class: "hit",
		x: x(i) - step / 2, y: TOP, width: step,
		height: height - TOP - BOTTOM },
	svg("title", null, `${p.label}: ${number(p.value)}`)));
}

// points: [{ label, value }], evenly spaced.  A line over an area.
export function lineChart(name, points, height = 200) {
	return drawn(height, name, (width) => {
		const top = roundUp(Math.max(...points.map((p) => p.value)));
		const step = (width - LEFT - RIGHT) / Math.max(points.length - 1, 1);
		const x = (i) => LEFT + i * step;
		const y = (v) => TOP + (height - TOP - BOTTOM) * (1 - v / top);
		const line = points.map((p, i) =>
			`${i ? "L" : "M"}${x(i).toFixed(1)} ${y(p.value).toFixed(1)}`)
			.join("");
		return [scale(top, width, height),
			svg("path", { class: "area", d: `${line}V${y(0)}H${LEFT}Z` }),
			svg("path", { class: "line", d: line }),
			days(points, x, height), hits(points, x, step, height)];
	});
}

// The same as columns; `kind` "bad": of what one would rather not have.
export function columnChart(name, points, { height = 160, kind = "" } = {}) {
	return drawn(height, name, (width) => {
		const top = roundUp(Math.max(...points.map((p) => p.value)));
		const step = (width - LEFT - RIGHT) / points.length;
		const x = (i) => LEFT + (i + .5) * step;
		const plot = height - TOP - BOTTOM;
		return [scale(top, width, height), points.map((p, i) => {
			const tall = p.value ? Math.max(plot * p.value / top, 2) : 0;
			return svg("rect", { class: `bar ${kind}`,
				x: x(i) - step * .34, width: step * .68, rx: Math.min(2,
					step / 5), y: TOP + plot - tall, height: tall });
		}), days(points, x, height), hits(points, x, step, height)];
	});
}

// Names with a bar each: [{ label, value, shown, kind }].  label may be a
// node; shown is what stands at the right.
export function barList(items) {
	const top = Math.max(1, ...items.map((i) => i.value));
	return el("ul", { class: "bars" }, items.map((i) => el("li", null,
		el("span", null, i.label), el("span", { class: "soft" }, i.shown),
		svg("svg", { class: "chart", height: 6, "aria-hidden": "true" },
			svg("rect", { class: `bar ${i.kind ?? ""}`, height: 6, rx: 3,
				width: `${Math.max(100 * i.value / top, 1)}%` })))));
}
