// page_people.js - who has tokens.

import { addLink, el, head, link, table, theirs } from "./ui.js";
import { get } from "./api.js";
import { number } from "./format.js";
import { searchedList } from "./pages.js";
import { href } from "./route.js";

function row(u) {
	return [
		link(theirs(u.user), href(["people", u.user]), "strong"),
		number(u.active_tokens),
		el("span", { class: "soft" }, number(u.tokens)),
	];
}

async function load(query) {
	const { users, next_cursor } = await get("/v1/users",
		{ q: query.q, cursor: query.cursor, limit: 50 });
	return {
		shown: users.length ? table("People who have tokens",
			["Person", "In force", "Ever made"], users.map(row),
			"") : null,
		next: next_cursor,
	};
}

export async function peoplePage({ query }) {
	return {
		title: "People",
		node: el("div", { class: "people" },
			head("People", {
				below: "Everybody who has, or had, a token; and how many.",
				actions: addLink("New token", href(["new"])),
			}),
			await searchedList({
				at: (q) => href(["people"], q),
				query,
				label: "Find a person, or a token’s id",
				load,
				nothing: "Nobody has a token yet. Make the first one.",
			})),
	};
}
