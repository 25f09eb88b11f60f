// pages.js - long lists, a page at a time: the mint gives a cursor for the
// next one, and it stands in the address, so that Back goes back.

import { button, el, link, theirs } from "./ui.js";
import { get, path } from "./api.js";
import { go, href, note } from "./route.js";
import { tokenLink } from "./token_words.js";

const isId = (text) => /^\d+\.\d+$/.test(text ?? "");

// A way to the token of this id; null where there is none, or not for whom
// asks.
async function tokenFound(id) {
	const t = isId(id) && await get(path`/v1/tokens/${id}`).catch(() => null);
	return t && el("p", { class: "found" }, "Token ",
		el("code", null, t.id), ": ", tokenLink(t), " of ", theirs(t.user));
}

const trail = new Map(); // the address of a page -> that of the one before

// at(query) is the address of this list with that query.
function turning(at, query, next) {
	const here = at(query);
	const first = at({ ...query, cursor: "" });
	const before = trail.get(here) ?? (query.cursor ? first : null);
	const after = next && at({ ...query, cursor: next });
	if (after)
		trail.set(after, here);
	return (before || after) && el("nav", { class: "turning",
		"aria-label": "Pages of this list" },
	before && link("← Previous", before, "button"),
	after && link("Next →", after, "button"));
}

// A list that can be searched.  load(query) asks the mint and resolves to
// { shown, next }: a node (or null: nothing found) and the next cursor.
// filters are [name, label, [[value, text], ...]].  Without a label there is
// nothing to choose by.  What looks like a token's id leads to it.
export async function searchedList({ at, query, label, filters = [], load,
	nothing }) {
	const place = el("div", { class: "list" });
	const told = el("p", { class: "unseen", role: "status" });
	let latest = 0;

	async function show() {
		const mine = ++latest;
		place.setAttribute("aria-busy", "true");
		const [{ shown, next }, found] = await Promise.all([load(query),
			tokenFound(query.q)]);
		if (mine !== latest)
			return; // something else was typed meanwhile
		place.removeAttribute("aria-busy");
		place.replaceChildren(...[
			found, shown ?? (!found && empty()),
			turning(at, query, next)].filter(Boolean));
	}
	function tell() {
		const rows = place.querySelectorAll("tbody tr, .found").length;
		told.textContent = !rows ? "Nothing found."
			: `${rows} shown${place.querySelector("nav")
				? ", and there are more" : ""}.`;
	}
	function empty() {
		if (!query.q)
			return el("p", { class: "nothing" }, nothing);
		return el("p", { class: "nothing" }, "Nothing matches “",
			theirs(query.q), "”. ", button("Show all", () => {
				search.value = "";
				change({ q: "" });
				search.focus();
			}, "inline"));
	}
	function change(by) {
		query = { ...query, ...by, cursor: "" };
		note(at(query));
		show().then(tell).catch((e) => {
			place.removeAttribute("aria-busy");
			place.replaceChildren(el("p", { class: "error whole",
				role: "alert" }, e.message));
		});
	}

	let soon;
	const search = label && el("input", { type: "search", value: query.q,
		"aria-label": label, placeholder: label, spellcheck: "false",
		autocomplete: "off", input: () => {
			clearTimeout(soon);
			soon = setTimeout(() => change({ q: search.value.trim() }), 200);
		},
		keydown: (e) => {
			const id = search.value.trim();
			if (e.key === "Enter" && isId(id) && place.querySelector(".found"))
				go(href(["tokens", id]));
		} });
	await show();
	return el("div", null,
		label && el("div", { class: "tools", role: "search" }, search,
			filters.map(([name, what, options]) => el("select", {
				"aria-label": what,
				change: (e) => change({ [name]: e.target.value }),
			}, options.map(([value, text]) => el("option", { value,
				selected: value === (query[name] ?? "") }, text))))),
		told, place);
}
