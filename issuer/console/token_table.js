// token_table.js - tokens, a row each.

import { button, el, table, theirs } from "./ui.js";
import { time } from "./format.js";
import { remove } from "./token_change.js";
import { called, ending, isAlive, lastUse, modelAndLimit, scopes, status,
	tokenLink } from "./token_words.js";

function removeButton(t, me, changed) {
	const act = button("Remove", () => remove(t, me, changed), "quiet danger");
	act.setAttribute("aria-label", `Remove ${called(t)}`);
	return act;
}

// changed() is called after one of them was.
export function tokenTable(caption, tokens, me, changed) {
	return table(caption,
		["Token", "Status", "Expires", "Scopes", "Last used", "Created", ""],
		tokens.map((t) => [
			[tokenLink(t), el("code", { class: "soft" }, t.id)],
			status(t),
			[ending(t), el("small", { class: "soft" }, modelAndLimit(t))],
			scopes(t),
			lastUse(t),
			[time(t.issued_at),
				el("small", { class: "soft" }, "by ", theirs(t.created_by))],
			isAlive(t) && removeButton(t, me, changed),
		]));
}
