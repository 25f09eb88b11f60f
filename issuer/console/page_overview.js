// page_overview.js - how the mint is: pictures first.

import { addLink, card, el, head, link, theirs } from "./ui.js";
import { get } from "./api.js";
import { barList, columnChart, lineChart } from "./chart.js";
import { number, plural, relative, time } from "./format.js";
import { href } from "./route.js";
import { tokenLink } from "./token_words.js";

const DAY = 86400_000;
const SHOWN = 6; // tokens of a list

const DATE = new Intl.DateTimeFormat("en-GB",
	{ day: "numeric", month: "short", timeZone: "UTC" });

function perDay(days, numbers) {
	const first = Date.parse(days.first);
	return numbers.map((value, i) =>
		({ value, label: DATE.format(first + i * DAY) }));
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

const tokens = (show) => href(["tokens"], { show });

function figure(value, words, to) {
	const parts = [el("b", null, number(value)), el("span", null, words)];
	return to ? el("a", { class: "figure", href: to }, parts)
		: el("p", { class: "figure" }, parts);
}

function figures({ live, users, expiring_7d, expiring_30d, never_used,
	suspended }) {
	return el("div", { class: "figures" },
		figure(live, live === 1 ? "live token" : "live tokens",
			tokens("active")),
		figure(users, users === 1 ? "person" : "people", href(["people"])),
		figure(expiring_7d, "end in 7 days", tokens("7d")),
		figure(expiring_30d, "end in 30 days", tokens("30d")),
		figure(never_used, "never used", tokens("unused")),
		figure(suspended, "suspended", tokens("suspended")));
}

// ---- over time ----

function wide(one) {
	one.classList.add("wide");
	return one;
}

function liveCard(days) {
	const first = days.live[0], last = days.live.at(-1);
	return wide(card("Live tokens", lineChart(`Live tokens over ${
		days.live.length} days: from ${number(first)} to ${number(last)}`,
	perDay(days, days.live))));
}

function dailyCard(days, member, title, word) {
	const all = sum(days[member]);
	const today = days[member].at(-1);
	return card(title, columnChart(`${title}, over ${days[member].length
	} days: ${number(all)}, of them ${number(today)} today`,
	perDay(days, days[member])),
	el("p", { class: "hint under" }, `${number(all)} ${word}, ${
		number(today)} of them today`));
}

// ---- what somebody should look at ----

function tokenCard(title, some, all, show, when, nothing) {
	const more = all - Math.min(some.length, SHOWN);
	return card(title, some.length
		? el("ul", { class: "rows" }, some.slice(0, SHOWN).map((t) =>
			el("li", null,
				el("span", null, tokenLink(t),
					el("small", { class: "soft" }, "of ", link(
						theirs(t.user), href(["people", t.user])))),
				when(t))))
		: el("p", { class: "soft" }, nothing),
	more > 0 && el("p", { class: "hint under" },
		link(`and ${number(more)} more`, tokens(show))));
}

const STATES = { active: "signs", next: "waits", retiring: "retires" };

function keysCard(keys) {
	const age = (k) => Date.now() - Date.parse(k.created_at);
	return card("Keys", barList(keys.map((k) => ({
		label: [el("code", null, k.kid), ` ${STATES[k.state] ?? k.state}`],
		value: age(k),
		shown: ["made ", time(k.created_at)],
		kind: k.state === "active" ? "" : "faint",
	}))), el("p", { class: "hint under" }, link("All about keys",
		href(["keys"]))));
}

function agentRow(a) {
	return el("li", null,
		el("span", null,
			el("span", { class: `status ${a.connected ? "active" : "lost"}` },
				theirs(a.user)),
			el("small", { class: "soft" }, "token ",
				link(a.id, href(["tokens", a.id])),
				a.address && [" from ", theirs(a.address)])),
		el("span", null, a.lag === 0 ? "up to date"
			: `${plural(a.lag, "event")} behind`,
		el("small", { class: "soft" }, a.connected ? "asked " : "silent, asked ",
			relative(a.seen_at))));
}

function agentsCard({ agents, agent_count, feed, store }) {
	const silent = agents.filter((a) => !a.connected).length;
	return card("Agents", agents.length
		? el("ul", { class: "rows" }, agents.slice(0, 2 * SHOWN)
			.map(agentRow))
		: el("p", { class: "soft" }, store.shared
			? "None follows the feed of this issuer. Others have theirs."
			: "None follows the feed. Each host that checks tokens by "
				+ "itself has one."),
	agents.length > 0 && el("p", { class: "hint under" },
		`${plural(agent_count, "agent")} in the last day`,
		store.shared && " of this issuer",
		silent > 0 && `, ${number(silent)} silent now`,
		` · the feed is at event ${number(feed.seq)}`));
}

// By reason, the most frequent first.
function refusalsCard(refusals) {
	const all = Object.entries(refusals).sort(([, a], [, b]) => b - a);
	return wide(card("Refused at the mint", all.length
		? barList(all.map(([reason, n]) => ({ label: el("span", null,
			reason.replaceAll("_", " ")), value: n, shown: number(n),
		kind: "bad" })))
		: el("p", { class: "soft" }, "Nothing, since it was started."),
	all.length > 0 && el("p", { class: "hint under" }, "Tokens that were "
		+ "shown to the mint itself since it was started. Services count "
		+ "their own.")));
}

export async function overviewPage() {
	const o = await get("/v1/overview");
	return {
		title: "Overview",
		node: el("div", null,
			head("Overview", {
				below: ["As of ", time(o.at)],
				actions: addLink("New token", href(["new"])),
			}),
			figures(o.counts),
			el("div", { class: "grid" },
				liveCard(o.days),
				dailyCard(o.days, "minted", "Created each day", "created"),
				dailyCard(o.days, "died", "Ended each day",
					"expired, removed or unused"),
				tokenCard("Ending soon", o.expiring, o.counts.expiring_30d, "30d",
					(t) => time(t.dies_at), "No token in force ends."),
				tokenCard("Never used", o.never_used, o.counts.never_used,
					"unused",
					(t) => el("span", null, "made ", time(t.issued_at)),
					"Every token in force has been used."),
				keysCard(o.keys),
				agentsCard(o),
				o.refusals && refusalsCard(o.refusals))),
	};
}
