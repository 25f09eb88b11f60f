// page_tokens.js - everybody's tokens: what the overview counts, to look at.

import { el, head } from "./ui.js";
import { get } from "./api.js";
import { searchedList } from "./pages.js";
import { href } from "./route.js";
import { tokenTable } from "./token_table.js";

const DAY = 86400;
const SOON = "The first to end comes first. Of those that refresh themselves, "
	+ "the ones that use no longer keeps, or that are near to dying unused.";
const SHOWS = [
	["active", "In force", "Active, and not at their end."],
	["7d", "End in 7 days", SOON],
	["30d", "End in 30 days", SOON],
	["unused", "Never used", "The oldest 20 of which no use has been "
		+ "reported."],
	["suspended", "Suspended", "Refused until they are reinstated."],
	["expired", "Expired", "Ended by themselves."],
	["revoked", "Removed", "Refused for good."],
	["unknown_key", "Key is gone", "Refused: what signed them is gone."],
];
const ENDING = { "7d": 7 * DAY, "30d": 30 * DAY };

async function ask({ show, q, cursor }) {
	if (show === "unused")
		return { tokens: (await get("/v1/overview")).never_used };
	return get("/v1/tokens", ENDING[show]
		? { expiring: ENDING[show], cursor, limit: 25 }
		: { status: show, q, cursor, limit: 25 });
}

async function load(query, me, changed) {
	const { tokens, next_cursor } = await ask(query);
	return {
		shown: tokens.length ? tokenTable("Tokens of everybody", tokens, me,
			changed, { whose: true }) : null,
		next: next_cursor,
	};
}

export async function tokensPage({ query, me, again }) {
	const [show, , words] = SHOWS.find(([s]) => s === query.show) ?? SHOWS[0];
	const all = ENDING[show] || show === "unused"; // not to be searched
	return {
		title: "Tokens",
		node: el("div", null,
			head("Tokens of everybody", { below: words }),
			el("nav", { class: "shows", "aria-label": "Which tokens" },
				SHOWS.map(([s, text]) => el("a", {
					href: href(["tokens"], { show: s }),
					class: "button",
					"aria-current": s === show ? "page" : null }, text))),
			await searchedList({
				at: (q) => href(["tokens"], q),
				query: { ...query, show },
				label: all ? null : "Find a token by its name, or its id",
				load: (q) => load(q, me, again),
				nothing: "There are none.",
			})),
	};
}
