// copy.js - text that is there to be copied.

import { button, el, say } from "./ui.js";

function select(node) {
	const range = document.createRange();
	range.selectNodeContents(node);
	const selection = getSelection();
	selection.removeAllRanges();
	selection.addRange(range);
}

// There is no clipboard on pages that came over plain http, and it may say
// no: then the text is selected, and a key away.
async function copy(node, what) {
	try {
		await navigator.clipboard.writeText(node.textContent);
		say(`${what} is copied.`);
	} catch {
		select(node);
		node.focus();
		say(`${what} is selected: copy it with Ctrl+C, or ⌘C.`);
	}
}

// A block of text with a button.  `what` names it: "The token".
export function copyBlock(what, text, { kind = "", label = "Copy" } = {}) {
	const pre = el("pre", { tabindex: "0", "aria-label": what, role: "group" },
		text);
	const act = button(label, () => copy(pre, what), kind);
	act.setAttribute("aria-label", `${label}: ${what}`);
	return {
		node: el("div", { class: "copy" }, pre, act),
		set: (now) => pre.textContent = now,
		focus: () => act.focus(),
	};
}
