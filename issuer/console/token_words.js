// token_words.js - a token in words: what it is called, how long it lives,
// what it may do.

import { el, link, theirs } from "./ui.js";
import { date, length, relative, time } from "./format.js";
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

// As far as it was reported: { at, door, from } of the last use.
function seen(t) {
	return t.last_used_at && {
		at: t.last_used_at,
		door: t.last_used_door,
		from: t.last_used_from,
	};
}

// Most uses are kept by the hour's beginning: in this hour is all that is
// known of the latest.
const HOUR = 3600_000;
function sinceUse(at, now = Date.now()) {
	const then = Date.parse(at);
	return then % HOUR === 0 && now - then < HOUR ? "within the last hour"
		: relative(at, now);
}

export function lastUse(t) {
	const use = seen(t);
	return use ? time(use.at, sinceUse)
		: el("span", { class: "soft short" }, "no use seen");
}

// What a removal breaks, as far as anybody can know.
export function usedLately(t) {
	const use = seen(t);
	if (!use)
		return "No use of it has been reported so far.";
	return `It was last used ${sinceUse(use.at)}`
		+ `${use.door ? ` at ${use.door}` : ""}`
		+ `${use.from ? `, from ${use.from}` : ""}.`;
}

export const personLink = (user) => el("a", { href: href(["people", user]) },
	theirs(user));
export const tokenLink = (t) => link(name(t), href(["tokens", t.id]), "strong");
