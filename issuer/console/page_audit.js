// page_audit.js - who did what, the newest first.

import { el, head, link, table, theirs } from "./ui.js";
import { get } from "./api.js";
import { dateAndTime, relative, time } from "./format.js";
import { searchedList } from "./pages.js";
import { href } from "./route.js";
import { doer } from "./token_words.js";

const LINES = 50; // of a page

const EVENTS = {
	"token.mint": "Token created",
	"token.again": "Token shown again",
	"token.rotate": "Token rotated",
	"token.revoke": "Token removed",
	"token.suspend": "Token suspended",
	"token.reinstate": "Token reinstated",
	"token.idle": "Token died unused",
	"token.revive": "Token was used in time",
	"key.new": "Key announced",
	"key.sign": "Key begins to sign",
	"key.retire": "Key retired",
	"key.compromise": "Key compromised",
	"warning.sent": "Warned of its end",
	"console.sign_in": "Signed in",
	"console.sign_out": "Signed out",
	"console.refused": "Sign-in refused",
	"call.refuse": "Refused",
	"audit.mended": "Guards of the audit put back",
	"store.restore": "Backup put back",
};

// Members that have a column, or are for machines.
const SHOWN = new Set(["at", "event", "by", "id", "user", "label", "address",
	"before"]);

function rest(line) {
	return el("details", null,
		el("summary", null, "Details"),
		el("dl", { class: "facts" }, [["event", line.event],
			...Object.entries(line).filter(([k]) => !SHOWN.has(k))]
			.map(([k, v]) => el("div", null, el("dt", null, k),
				el("dd", null, theirs(typeof v === "string" ? v
					: JSON.stringify(v)))))));
}

function concerned(line) {
	if (!line.id)
		return line.key && el("code", null, line.key);
	return [link(line.label ? theirs(line.label) : line.id,
		href(["tokens", line.id])),
	line.user && el("small", { class: "soft" }, "of ",
		link(theirs(line.user), href(["people", line.user])))];
}

function row(line) {
	return [
		[time(line.at, dateAndTime),
			el("small", { class: "soft" }, relative(line.at))],
		el("span", { class: /refuse/.test(line.event) ? "refused" : null },
			EVENTS[line.event] ?? line.event),
		concerned(line),
		[line.by && doer(line.by), line.address
			&& el("small", { class: "soft" }, "from ", theirs(line.address))],
		rest(line),
	];
}

async function load({ q, cursor }) {
	const lines = await get("/v1/audit",
		{ q, before: cursor, limit: LINES + 1 });
	return {
		shown: lines.length ? table("What was done",
			["When", "What", "Concerning", "By", ""],
			lines.slice(0, LINES).map(row)) : null,
		next: lines.length > LINES ? lines[LINES - 1].seq : null,
	};
}

export async function auditPage({ query }) {
	return {
		title: "Audit",
		node: el("div", { class: "audit" },
			head("Audit", { below: "Every change, who made it, and what was "
				+ "refused. What is written here stays as it is." }),
			await searchedList({
				at: (q) => href(["audit"], q),
				query,
				label: "Find a person, an id, an address",
				load,
				nothing: "Nothing has happened yet.",
			})),
	};
}
