// page_person.js - somebody's personal access tokens; also one's own.

import { addLink, button, crumbs, el, head, link, theirs } from "./ui.js";
import { get } from "./api.js";
import { searchedList } from "./pages.js";
import { href } from "./route.js";
import { removeAll } from "./token_change.js";
import { tokenTable } from "./token_table.js";

const STATES = [["", "In any state"], ["active", "Active"],
	["suspended", "Suspended"], ["expired", "Expired"],
	["revoked", "Removed"], ["unknown_key", "Key is gone"]];

// How many are in force; null when there are too many to count here.
async function countActive(user) {
	const { tokens, next_cursor } = await get("/v1/tokens",
		{ user, status: "active", limit: 100 });
	return next_cursor ? null : tokens.length;
}

function words(active) {
	if (active === null)
		return "More than 100 tokens in force";
	return active === 1 ? "One token in force"
		: `${active || "No"} tokens in force`;
}

async function load(user, query, me, changed) {
	const { tokens, next_cursor } = await get("/v1/tokens",
		{ user, q: query.q, status: query.status, cursor: query.cursor,
			limit: 25 });
	return {
		shown: tokens.length
			? tokenTable(`Tokens of ${user}`, tokens, me, changed) : null,
		next: next_cursor,
	};
}

async function tokensOf(user, base, { query, me, again, above, title }) {
	const active = await countActive(user);
	return el("div", null,
		head(title, {
			above,
			below: `Personal access tokens · ${words(active)}`,
			actions: addLink("New token", href([...base, "new"])),
		}),
		await searchedList({
			at: (q) => href(base, q),
			query,
			label: "Find a token by its name, or its id",
			filters: [["status", "Show", STATES]],
			load: (q) => load(user, q, me, again),
			nothing: "No tokens here yet.",
		}),
		active !== 0 && el("div", { class: "ending" },
			button("Remove all tokens",
				() => removeAll(user, active, me, again),
				"quiet danger")));
}

export async function personPage(ctx) {
	const user = ctx.segments[1];
	return {
		title: user,
		node: await tokensOf(user, ["people", user], {
			...ctx,
			title: theirs(user),
			above: crumbs(link("People", href(["people"])), theirs(user)),
		}),
	};
}

export async function minePage(ctx) {
	return {
		title: "My tokens",
		node: await tokensOf(ctx.me.user, ["mine"],
			{ ...ctx, title: "My tokens" }),
	};
}
