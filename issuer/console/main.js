// main.js - which page is shown, and to whom.

import { el, focusHead, link, say } from "./ui.js";
import { signOut, whenSignedOut, whoAmI } from "./api.js";
import { go, here, href } from "./route.js";
import { auditPage } from "./page_audit.js";
import { createPage } from "./page_create.js";
import { keysPage } from "./page_keys.js";
import { overviewPage } from "./page_overview.js";
import { peoplePage } from "./page_people.js";
import { minePage, personPage } from "./page_person.js";
import { signInPage } from "./page_signin.js";
import { tokenPage } from "./page_token.js";
import { tokensPage } from "./page_tokens.js";
import { forgetShown } from "./token_shown.js";

// The pages; * is any one segment.  A page is given where one is and some
// things that it may do, and resolves to { title, node }.
const PAGES = [
	["overview", overviewPage],
	["people", peoplePage],
	["people/*", personPage],
	["people/*/new", createPage],
	["new", createPage],
	["tokens", tokensPage],
	["tokens/*", tokenPage],
	["audit", auditPage],
	["keys", keysPage],
	["mine", minePage],
	["mine/new", createPage],
];

// In the head of every page: [segment, text, for administrators only].
const NAV = [["overview", "Overview", true], ["people", "People", true],
	["audit", "Audit", true], ["keys", "Keys", true],
	["mine", "My tokens", false]];

const main = document.querySelector("main");
const door = document.getElementById("door");
const nav = document.querySelector("nav.places");
const who = document.querySelector(".who");

let me = null;

function pageOf(segments) {
	return PAGES.find(([pattern]) => {
		const parts = pattern.split("/");
		return parts.length === segments.length && parts.every((p, i) =>
			p === "*" || p === segments[i]);
	})?.[1];
}

// ---- the head ----

function showHead(place) {
	const places = NAV.filter(([, , admin]) => me.admin || !admin);
	nav.replaceChildren(...places.map(([segment, text]) => el("a", {
		href: href([segment]),
		"aria-current": segment === place ? "page" : null,
	}, text)));
	who.replaceChildren(el("span", { title: me.id && `token ${me.id}` },
		el("bdi", null, me.user || "local")),
	el("button", { type: "button", class: "quiet", click: leave },
		"Sign out"));
}

// ---- pages ----

function put(title, node, quietly) {
	const focused = main.contains(document.activeElement);
	document.title = `${title} · Mintmark`;
	main.replaceChildren(node);
	if (!quietly)
		scrollTo(0, 0);
	if (!quietly || focused)
		focusHead();
}

function refused(problem, again) {
	return el("div", { class: "narrow" },
		el("h1", { tabindex: "-1" }, problem.status === 404
			? "Not found" : problem.status === 403
				? "Not for you" : "That did not work"),
		el("p", null, problem.message),
		el("div", { class: "buttons" },
			problem.status !== 403 && problem.status !== 404
				&& el("button", { type: "button", click: again },
					"Try again"),
			link("Go to the start", "#/", "button")));
}

let turn = 0; // counts pages, so that a slow one does not replace a later

// quietly: the same page with new data, where one has scrolled to.
async function render({ quietly = false } = {}) {
	const mine = ++turn;
	const { segments, query } = here();
	const page = pageOf(segments);
	const again = () => render({ quietly: true });
	const show = ({ title = "New token", node, focus }) => {
		put(title, node);
		focus?.();
	};
	if (!segments.length)
		return go(href([me.admin ? "overview" : "mine"]), true);
	showHead(segments[0] === "tokens" || segments[0] === "new"
		? me.admin ? "people" : "mine" : segments[0]);
	main.setAttribute("aria-busy", "true");
	try {
		if (!page)
			throw Object.assign(new Error("There is no such page."),
				{ status: 404 });
		const { title, node } = await page(
			{ segments, query, me, again, show });
		if (mine === turn)
			put(title, node, quietly);
	} catch (problem) {
		if (!("status" in problem))
			console.error(problem); // a mistake of ours
		if (mine === turn && me)
			put("Mintmark", refused(problem, () => render()));
	} finally {
		main.removeAttribute("aria-busy");
	}
}

// ---- who is there ----

// The page stays behind the door as it is, half-filled forms too, and is
// there again when the same person comes back: but for a new token.
let waiting = null;
function openDoor(why) {
	waiting ??= new Promise((resolve) => {
		const before = me;
		me = null;
		main.hidden = true;
		forgetShown(main);
		document.body.classList.add("out");
		door.hidden = false;
		document.title = "Sign in · Mintmark";
		door.replaceChildren(signInPage(why, (now) => {
			const same = before !== null && before.user === now.user
				&& before.admin === now.admin;
			waiting = null;
			enter(now, same);
			resolve(same);
		}));
		door.querySelector("input").focus();
	});
	return waiting;
}

const ENDED = "Your session has ended. Sign in to go on where you were.";
let ending;

// What is on the page goes out of sight when the session ends, also when
// nobody touches anything; one that was used meanwhile ends later.
function watchEnd() {
	clearTimeout(ending);
	const left = new Date(me.session?.expires_at ?? NaN) - Date.now();
	if (Number.isNaN(left))
		return;
	ending = setTimeout(async () => {
		const now = await whoAmI().catch(() => null);
		if (!me)
			return;
		if (!now)
			return openDoor(ENDED);
		me = now;
		watchEnd();
	}, Math.min(Math.max(left, 0) + 500, 2 ** 31 - 1));
}

function enter(now, same = false) {
	me = now;
	door.hidden = true;
	door.replaceChildren();
	main.hidden = false;
	document.body.classList.remove("out");
	watchEnd();
	if (!same || !main.firstChild)
		render();
	else
		focusHead();
}

async function leave() {
	try {
		await signOut();
	} catch (problem) {
		return say(problem.message);
	}
	clearTimeout(ending);
	me = null;
	main.replaceChildren();
	history.replaceState(null, "", "#/");
	openDoor("You are signed out.");
}

whenSignedOut(() => openDoor(ENDED));
document.querySelector(".skip").addEventListener("click", (e) => {
	e.preventDefault(); // its # is no address of ours
	focusHead();
});
// A link to where one is brings the page anew; the address does not change.
main.addEventListener("click", (e) => {
	const to = e.target.closest?.("a[href]")?.getAttribute("href");
	if (to === location.hash && !e.defaultPrevented)
		render();
});
addEventListener("hashchange", () => me && render());

try {
	const now = await whoAmI();
	if (now)
		enter(now);
	else
		openDoor("");
} catch (problem) {
	main.replaceChildren(refused(problem, () => location.reload()));
}
