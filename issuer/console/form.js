// form.js - fields that say what is wrong with them, beside themselves.
//
// A field is { name, node, value(), wrong(sentence), focus() }.  value() is
// what the API takes, undefined when nothing was given; wrong(null) is well.

import { button, el, newId } from "./ui.js";

// Label, hint and a place for what is wrong, around an input.
function dressed(name, label, hint, input, extra) {
	const id = newId();
	const error = el("p", { class: "error", id: `${id}e` });
	input.id = id;
	input.setAttribute("aria-describedby",
		`${id}e${hint ? ` ${id}h` : ""}`);
	return {
		name,
		input,
		node: el("div", { class: "field" },
			el("label", { for: id }, label),
			hint && el("p", { class: "hint", id: `${id}h` }, hint),
			input, error, extra),
		wrong(sentence) {
			error.textContent = sentence ?? "";
			input.toggleAttribute("aria-invalid", Boolean(sentence));
			if (sentence)
				input.setAttribute("aria-invalid", "true");
		},
		focus: () => input.focus(),
	};
}

export function textField({ name, label, hint, value = "", ...attributes }) {
	const input = el("input", { type: "text", name, value, autocomplete: "off",
		spellcheck: "false", autocapitalize: "none", ...attributes });
	const field = dressed(name, label, hint, input);
	input.addEventListener("input", () => field.wrong(null));
	return { ...field, value: () => input.value.trim() || undefined };
}

// A yes or no.
export function checkField({ name, label, hint }) {
	const input = el("input", { type: "checkbox", name });
	const field = dressed(name, label, hint, input);
	field.node.classList.add("check");
	return { ...field, value: () => input.checked || undefined };
}

// One of a few.  Options: [value, label, hint]; kind "cards" or "pills".
export function choice({ name, legend, options, value, kind = "pills",
	changed = () => {} }) {
	const error = el("p", { class: "error", id: newId() });
	const group = newId();
	const inputs = options.map(([v, , , off]) => el("input", {
		type: "radio", name: group, value: v, id: newId(),
		checked: v === value, disabled: off, change: () => changed(v) }));
	const node = el("fieldset", { class: `field ${kind}`,
		"aria-describedby": error.id },
	el("legend", null, legend),
	el("div", { class: "options" }, options.map(([, label, hint], i) =>
		el("label", { for: inputs[i].id }, inputs[i],
			el("span", null, el("b", null, label),
				hint && el("small", null, hint))))),
	error);
	return {
		name,
		node,
		value: () => inputs.find((i) => i.checked)?.value,
		wrong: (sentence) => error.textContent = sentence ?? "",
		focus: () => (inputs.find((i) => i.checked) ?? inputs[0]).focus(),
	};
}

// Several words: each is one, and that is not always what was meant.
function tellWords(words, tell) {
	if (words.length > 1)
		return `${words.length} words, each by itself: ${words.join(" and ")}`;
	return words.length && tell ? tell(words[0]) : "";
}

// Words that are added one by one; check(word) says what is wrong with one,
// tell(word) what it means; begun(word): it may become right, so that nothing
// is said while it is typed.
export function wordsField({ name, label, hint, example, check, tell,
	begun = () => false, changed = () => {} }) {
	const words = [];
	const list = el("ul", { class: "words", "aria-label": `${label}: added` });
	const told = el("p", { class: "hint told", "aria-live": "polite" });
	const input = el("input", { type: "text", name, placeholder: example,
		autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
	const row = el("div", { class: "with-button" });
	const field = dressed(name, label, hint, input, [told, list]);
	input.replaceWith(row);
	row.append(input, button("Add", add));

	function judge() {
		const typed = input.value.trim().split(/\s+/).filter(Boolean);
		const sentence = typed.filter((word, i) => i < typed.length - 1
			|| !begun(word)).map(check).find(Boolean);
		field.wrong(sentence);
		told.textContent = sentence ? "" : tellWords(typed, tell);
	}
	function show() {
		list.replaceChildren(...words.map((word, i) => el("li", null,
			el("code", null, word),
			tell && el("small", null, tell(word)),
			el("button", { type: "button", class: "quiet",
				"aria-label": `Take ${word} out`,
				click: () => take(i) }, "×"))));
		changed(words);
	}
	function take(i) {
		words.splice(i, 1);
		show();
		input.focus();
	}
	// All that stands in the input, up to the first that is wrong: returns
	// what is wrong with that one, null when none was.
	function add() {
		const typed = input.value.trim().split(/\s+/).filter(Boolean);
		while (typed.length && !check(typed[0])) {
			const word = typed.shift();
			if (!words.includes(word))
				words.push(word);
		}
		input.value = typed.join(" ");
		const sentence = typed.length ? check(typed[0]) : null;
		show();
		judge();
		field.wrong(sentence);
		input.focus();
		return sentence;
	}

	input.addEventListener("input", judge);
	input.addEventListener("keydown", (e) => {
		if (e.key !== "Enter" || !input.value.trim())
			return;
		e.preventDefault(); // adds, and does not send the form yet
		add();
	});
	return {
		...field,
		add,
		value: () => words.length ? [...words] : undefined,
	};
}

// A form: what its fields say goes to send(); what the mint says against it
// stands beside the field that it names.
export function form({ parts, fields, submit, cancel, send }) {
	const error = el("p", { class: "error whole", role: "alert" });
	const go = el("button", { type: "submit", class: "main" }, submit);
	const node = el("form", { novalidate: true },
		parts, error,
		el("div", { class: "buttons" }, go, cancel));

	function refuse(e) {
		const field = fields.find((f) => f.name === e.field
			&& !f.node.hidden);
		if (field) {
			field.node.closest("details")?.setAttribute("open", "");
			field.wrong(e.message);
			field.focus();
		} else {
			error.textContent = e.message;
		}
	}
	node.addEventListener("submit", async (e) => {
		e.preventDefault();
		if (go.disabled)
			return;
		fields.forEach((f) => f.wrong(null));
		error.textContent = "";
		go.disabled = true;
		try {
			await send();
		} catch (problem) {
			refuse(problem);
		} finally {
			go.disabled = false;
		}
	});
	return node;
}

// What a form finds wrong itself, thrown as the mint would say it.
export class Wrong extends Error {
	constructor(field, sentence) {
		super(sentence);
		this.field = field;
	}
}
