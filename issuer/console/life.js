// life.js - choosing a length of time: a few that are usual, the shortest
// first, or one's own.

import { choice, Wrong } from "./form.js";
import { el, newId } from "./ui.js";
import { length } from "./format.js";

const DAY = 86400;
const UNITS = [["hours", 3600], ["days", DAY], ["weeks", 7 * DAY]];

// `presets` are days; what is longer than `longest` seconds cannot be chosen.
// With `whole`, also "as long as allowed", which it begins with: value() is
// undefined then.
export function lifeField({ name, legend, longest = Infinity,
	presets = [7, 30, 60, 90], whole = false, changed }) {
	const count = el("input", { type: "number", min: 1, step: 1, value: 14,
		inputmode: "numeric", "aria-label": `${legend}: how many`,
		input: () => {
			field.wrong(null);
			changed();
		} });
	const unit = el("select", { "aria-label": `${legend}: unit`,
		change: () => {
			field.wrong(null);
			changed();
		} }, UNITS.map(([text, size]) => el("option", { value: size,
		selected: size === DAY }, text)));
	const own = el("div", { class: "own", id: newId(), hidden: true },
		count, unit);
	const fits = presets.filter((d) => d * DAY <= longest);
	const first = whole ? "" : fits.length ? String(fits[0] * DAY) : "own";
	const field = choice({ name, legend, value: first, options: [
		...fits.map((d) => [String(d * DAY), `${d} days`]),
		whole && ["", Number.isFinite(longest)
			? `${length(longest)}, the longest` : "As long as allowed"],
		["own", "Custom"]].filter(Boolean),
	changed: (v) => {
		own.hidden = v !== "own";
		field.wrong(null);
		changed();
		if (v === "own")
			count.focus();
	} });
	own.hidden = first !== "own";
	field.node.querySelector(".options").after(own);

	const chosen = field.value;
	// In seconds; NaN: the custom one is no number.
	field.value = () => chosen() === "" ? undefined
		: chosen() !== "own" ? Number(chosen())
			: /^[1-9]\d{0,9}$/.test(count.value)
				? count.value * unit.value : NaN;
	// What is wrong with it; null: nothing.
	field.problem = () => {
		const seconds = field.value();
		return Number.isNaN(seconds)
			? "Write how many as a whole number, 1 or more."
			: seconds > longest
				? `At most ${length(longest)} are allowed here.` : null;
	};
	// value(), but a Wrong when it cannot be.
	field.need = () => {
		const sentence = field.problem();
		if (sentence)
			throw new Wrong(name, sentence);
		return field.value();
	};
	field.focus = () => (own.hidden
		? field.node.querySelector("input:checked") : count).focus();
	return field;
}
