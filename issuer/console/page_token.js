// page_token.js - all there is to know about a token, and to do with it.

import { button, card, crumbs, el, head, link, theirs } from "./ui.js";
import { get, path } from "./api.js";
import { dateAndTime, time } from "./format.js";
import { href } from "./route.js";
import { reinstate, remove, rotate, suspend } from "./token_change.js";
import { shownOnce } from "./token_shown.js";
import { doer, ending, isAlive, lastUse, modelAndLimit, name, personLink, scopes,
	status } from "./token_words.js";

function end(t) {
	if (!isAlive(t))
		return ending(t);
	const when = time(t.dies_at, dateAndTime);
	return t.model === "auto_refresh" && t.dies_at !== t.expires_at
		&& !t.replaced
		? [when, ", unless it is used before"]
		: [when, " · ", ending(t)];
}

function facts(t) {
	const lines = [
		["Id", el("code", null, t.id)],
		["Person", personLink(t.user)],
		["Status", status(t)],
		["Expires", end(t)],
		["Model", modelAndLimit(t)],
		["Scopes", scopes(t, 64)],
		["For services", t.audience
			? el("ul", { class: "chips" }, t.audience.map((a) =>
				el("li", null, el("code", null, a))))
			: "all of them"],
		t.cidr?.length && ["From addresses", el("ul", { class: "chips" },
			t.cidr.map((c) => el("li", null, el("code", null, c))))],
		["Last used", [lastUse(t), t.last_used_door && ` at ${
			t.last_used_door}`, t.last_used_from
			&& `, from ${t.last_used_from}`]],
		["Created", [time(t.issued_at, dateAndTime), " by ",
			doer(t.created_by)]],
		t.changed_at && ["Changed", [time(t.changed_at, dateAndTime),
			t.changed_by && [" by ", doer(t.changed_by)]]],
		["Signed by key", el("code", null, t.key)],
	].filter(Boolean);
	return el("dl", { class: "facts" }, lines.map(([term, value]) =>
		el("div", null, el("dt", null, term), el("dd", null, value))));
}

function actions(t, { me, again, show }) {
	if (!isAlive(t))
		return null;
	async function rotateNow() {
		const made = await rotate(t, me);
		if (made)
			show(shownOnce(made, href(["tokens", made.id]), me.admin
				? href(["people", made.user]) : href(["mine"])));
	}
	return [
		t.status === "active" ? [
			!t.replaced && button("Rotate", rotateNow),
			button("Suspend", () => suspend(t, me, again)),
		] : button("Reinstate", () => reinstate(t, again)),
		button("Remove", () => remove(t, me, again), "danger"),
	];
}

export async function tokenPage(ctx) {
	const t = await get(path`/v1/tokens/${ctx.segments[1]}`);
	const mine = !ctx.me.admin;
	return {
		title: t.label || t.id,
		node: el("div", { class: "narrow" },
			head(name(t), {
				above: mine
					? crumbs(link("My tokens", href(["mine"])), t.id)
					: crumbs(link("People", href(["people"])),
						personLink(t.user), t.id),
				actions: actions(t, ctx),
			}),
			card("Token", facts(t))),
	};
}
