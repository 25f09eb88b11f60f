// token_change.js - remove, suspend, reinstate, rotate; one or all.

import { el, say } from "./ui.js";
import { call, once, path } from "./api.js";
import { ask } from "./dialog.js";
import { choice } from "./form.js";
import { number, plural } from "./format.js";
import { called, usedLately } from "./token_words.js";

// The change is made, but verifiers could not be told yet.
const told = (answer, sentence) => answer.published === false
	? `${sentence} Services do not know yet: the mint cannot publish now.`
	: sentence;

// Who would be surprised by what this change breaks.
const OWN = "You are signed in with this one: you will be signed out";
const ownSession = (t, me, when = "") => t.id === me.id
	&& el("p", { class: "why" }, `${OWN}${when}.`);
const agents = (t) => t.scopes?.includes("mintmark:agent")
	&& el("p", { class: "why" }, "An agent follows the mint with it: cut off, "
		+ "its host goes stale, and then refuses every token.");

export async function remove(t, me, changed) {
	const done = await ask({
		title: `Remove ${called(t)}?`,
		body: [
			el("p", null, usedLately(t)),
			ownSession(t, me), agents(t),
			el("p", null, "Whatever uses it is refused from now on, ",
				"everywhere. This cannot be undone."),
		],
		yes: "Remove",
		no: "Keep it",
		kind: "danger",
		run: () => call("DELETE", path`/v1/tokens/${t.id}`),
	});
	if (!done)
		return;
	await changed();
	say(told(done, `${called(t)} is removed.`));
}

// active: how many are in force; null: more than 100.
export async function removeAll(user, active, me, changed) {
	const done = await ask({
		title: `Remove all tokens of ${user}?`,
		body: [
			el("p", null, active === 1 ? "One token is" :
				`${active === null ? "More than 100" : number(active)} `
				+ "tokens are", " in force. Whatever uses "
				+ "one of them is refused from now on, everywhere."),
			user === me.user && el("p", { class: "why" }, "You are signed in "
				+ "with one of them: you will be signed out."),
			el("p", null, "This cannot be undone. New tokens can be made "
				+ "for this person afterwards."),
		],
		yes: "Remove all",
		no: "Keep them",
		kind: "danger",
		run: () => call("DELETE", path`/v1/users/${user}/tokens`),
	});
	if (!done)
		return;
	await changed();
	say(told(done, `${plural(done.revoked, "token")} of ${user} removed.`));
}

export async function suspend(t, me, changed) {
	const done = await ask({
		title: `Suspend ${called(t)}?`,
		body: [
			el("p", null, usedLately(t)),
			ownSession(t, me), agents(t),
			el("p", null, "It is refused everywhere until you reinstate ",
				"it. Its expiry does not wait."),
		],
		yes: "Suspend",
		run: () => call("POST", path`/v1/tokens/${t.id}/suspend`),
	});
	if (!done)
		return;
	await changed();
	say(told(done, `${called(t)} is suspended.`));
}

export async function reinstate(t, changed) {
	const done = await ask({
		title: `Reinstate ${called(t)}?`,
		body: el("p", null, "Services take it again, at once."),
		yes: "Reinstate",
		run: () => call("POST", path`/v1/tokens/${t.id}/reinstate`),
	});
	if (!done)
		return;
	await changed();
	say(told(done, `${called(t)} is in force again.`));
}

const OVERLAPS = [["1h", "1 hour", 3600], ["1d", "1 day", 86400],
	["7d", "7 days", 7 * 86400]];

// Resolves to the new token as it was minted; undefined: not rotated.
export function rotate(t, me) {
	const last = t.model === "auto_refresh" ? t.expires_at : t.dies_at;
	const left = (Date.parse(last) - Date.now()) / 1000;
	const fits = OVERLAPS.filter(([, , seconds]) => seconds < left);
	const overlap = choice({
		name: "overlap",
		legend: "The old one goes on for",
		options: [["", "Not at all"], ...fits.map(([value, words]) => [value, words])],
		value: fits.length ? "1h" : "",
	});
	return ask({
		title: `Rotate ${called(t)}?`,
		body: [
			el("p", null, "You get a new token with the same name, rights "
				+ "and length of life. Put it where the old one is "
				+ "used while both are good."),
			ownSession(t, me, " when it ends"), agents(t),
			overlap.node,
		],
		yes: "Make the new token",
		run: () => once(path`/v1/tokens/${t.id}/rotate`,
			overlap.value() ? { overlap: overlap.value() } : {}),
	});
}
