// token_words.js - a token in words: what it is called, how long it lives,
// what it may do.

import { el, link, theirs } from "./ui.js";
import { date, dateAndTime, length, relative, time, withinHour }
	from "./format.js";
import { href } from "./route.js";

const STATUS = {
	active: "Active",
	suspended: "Suspended",
	revoked: "Removed",
	expired: "Expired",
	idle: "Died unused",
	unknown_key: "Key is gone",
};

export function name(t) {
	return t.label ? theirs(t.label) : el("i", null, "no name");
}

// For sentences: never empty.
export const called = (t) => t.label ? `“${t.label}”` : `token ${t.id}`;

export const isAlive = (t) => t.status === "active" || t.status === "suspended";

export function status(t) {
	return el("span", { class: `status ${t.status}` },
		STATUS[t.status] ?? t.status);
}

export const model = (t) =>
	t.model === "auto_refresh" ? "Auto refresh" : "Hard limit";

// When it dies, or died.
export function ending(t) {
	if (t.status === "unknown_key")
		return el("span", null, "refused: what signed it is gone");
	if (!isAlive(t))
		return t.changed_at && t.status === "revoked"
			? el("span", null, "removed ", time(t.changed_at))
			: el("span", null, "ended ", time(t.dies_at));
	if (t.replaced)
		return el("span", null, "replaced, ends ", time(t.dies_at));
	return t.model === "auto_refresh"
		? el("span", null, "slides until ", time(t.dies_at, date))
		: el("span", null, "ends ", time(t.dies_at));
}

export function modelAndLimit(t) {
	return t.model === "auto_refresh"
		? el("span", null, `Auto refresh, ${length(t.auto_refresh)} · at the `,
			"latest ", time(t.expires_at, date))
		: el("span", null, "Hard limit · ", time(t.expires_at, date));
}

// At most `most` of them, and how many more there are.
export function scopes(t, most = 3) {
	if (!t.scopes)
		return el("span", { class: "soft" }, "all that the person may do");
	const more = t.scopes.length - most;
	return el("ul", { class: "chips" },
		t.scopes.slice(0, most).map((s) => el("li", null,
			el("code", null, s))),
		more > 0 && el("li", { class: "soft" }, `and ${more} more`));
}

// As far as it was reported.  Most uses are kept by the hour's beginning: all
// that is known is that hour, or its part since the token was made.
const HOUR = 3600_000;
function used(t) {
	const at = Date.parse(t.last_used_at);
	return at % HOUR !== 0 ? { at, said: relative }
		: { at: Math.max(at, Date.parse(t.issued_at)), said: withinHour };
}

export function lastUse(t) {
	if (!t.last_used_at)
		return el("span", { class: "soft short" }, "no use seen");
	const { at, said } = used(t);
	return said === relative ? time(at)
		: el("time", { datetime: t.last_used_at,
			title: `${dateAndTime(at)}, or in the rest of that hour` },
		said(at));
}

// What a removal breaks, as far as anybody can know.
export function usedLately(t) {
	if (!t.last_used_at)
		return "No use of it has been reported so far.";
	const { at, said } = used(t);
	return `It was last used ${said(at)}`
		+ `${t.last_used_door ? ` at ${t.last_used_door}` : ""}`
		+ `${t.last_used_from ? `, from ${t.last_used_from}` : ""}.`;
}

export const personLink = (user) => el("a", { href: href(["people", user]) },
	theirs(user));
export const tokenLink = (t) => link(name(t), href(["tokens", t.id]), "strong");

// Who did it, as the mint writes it: "me (token 3.1)" leads to that token.
export function doer(text) {
	const [, user, id] = text.match(/^(.*) \(token (\d+\.\d+)\)$/s) ?? [];
	return id ? [theirs(user), " (", link(`token ${id}`,
		href(["tokens", id])), ")"] : theirs(text);
}
