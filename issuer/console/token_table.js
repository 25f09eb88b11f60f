// token_table.js - tokens, a row each.

import { button, el, table, theirs } from "./ui.js";
import { time } from "./format.js";
import { remove } from "./token_change.js";
import { called, doer, ending, isAlive, lastUse, modelAndLimit, personLink, scopes,
	status, tokenLink } from "./token_words.js";

function removeButton(t, me, changed) {
	const act = button("Remove", () => remove(t, me, changed), "quiet danger");
	act.setAttribute("aria-label", `Remove ${called(t)}`);
	return act;
}

// changed() is called after one of them was.  `whose`: they are of several.
export function tokenTable(caption, tokens, me, changed,
	{ whose = false } = {}) {
	return table(caption,
		["Token", "Status", "Expires", "Scopes", "Last used", "Created", ""],
		tokens.map((t) => [
			[tokenLink(t), el("code", { class: "soft" }, t.id),
				whose && el("small", { class: "soft" }, "of ",
					personLink(t.user))],
			status(t),
			[ending(t), el("small", { class: "soft" }, modelAndLimit(t))],
			scopes(t),
			lastUse(t),
			[time(t.issued_at),
				el("small", { class: "soft" }, "by ", doer(t.created_by))],
			isAlive(t) && removeButton(t, me, changed),
		]));
}
