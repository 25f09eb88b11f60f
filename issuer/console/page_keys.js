// page_keys.js - the keys that tokens are signed with.

import { button, el, head, say, table } from "./ui.js";
import { call, get } from "./api.js";
import { ask } from "./dialog.js";
import { date, number, time } from "./format.js";

const STATE = {
	next: ["Next", "waits until every service knows it"],
	active: ["Active", "signs new tokens"],
	retiring: ["Retiring", "signs nothing; its tokens are still good"],
};

function row(k) {
	const [word, what] = STATE[k.state] ?? [k.state, ""];
	return [
		[el("code", { class: "strong" }, k.kid),
			el("small", { class: "soft" }, k.alg,
				k.offline && " · its private half is kept elsewhere")],
		[el("span", { class: `status ${k.state}` }, word),
			el("small", { class: "soft" }, what)],
		time(k.created_at),
		number(k.live_tokens),
		k.last_exp ? time(k.last_exp, date)
			: el("span", { class: "soft" }, "signed none"),
	];
}

async function rotate(again) {
	const done = await ask({
		title: "Rotate the signing key?",
		body: [
			el("p", null, "The next key begins to sign, and a new one is made "
				+ "to follow it."),
			el("p", null, "No token is touched: what the old key signed "
				+ "stays good until it expires."),
		],
		yes: "Rotate",
		run: () => call("POST", "/v1/keys/rotate"),
	});
	if (!done)
		return;
	await again();
	say(done.rotated ? `Key ${done.active} signs now.`
		: "No key was waiting. One is made now: it signs after the next "
			+ "rotation.");
}

export async function keysPage({ again }) {
	const { keys } = await get("/v1/keys");
	const order = ["active", "next", "retiring"];
	keys.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
	return {
		title: "Keys",
		node: el("div", null,
			head("Keys", {
				below: "What tokens are signed with, and what every service "
					+ "checks them by.",
				actions: button("Rotate", () => rotate(again)),
			}),
			table("Signing keys",
				["Key", "State", "Made", "Live tokens", "Needed until"],
				keys.map(row)),
			el("p", { class: "hint" }, "A key was stolen, or may have been? "
				+ "On the mint’s host, ", el("code", null,
				"mintmark key compromise KID"), " refuses all that it "
				+ "signed.")),
	};
}
