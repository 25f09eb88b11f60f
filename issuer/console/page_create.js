// page_create.js - "+": a new token.

import { crumbs, el, head, link, theirs } from "./ui.js";
import { once } from "./api.js";
import { checkField, choice, form, textField, wordsField, Wrong }
	from "./form.js";
import { dateAndTime, length } from "./format.js";
import { lifeField } from "./life.js";
import { begunNetwork, wrongNetwork } from "./network.js";
import { href } from "./route.js";
import { meaning, wrongScope } from "./scope.js";
import { shownOnce } from "./token_shown.js";

const wrongWord = (word) => /[\s"\\]/.test(word)
	? `“${word}” is not one word.` : null;

// What the house allows, behind a hint; "" where it has no rule.
const allowed = (words) => words?.length
	? ` Here: ${words.join(", ")}.` : "";

// The fields; `told` is a line that says when the token would die.
function fieldsOf(user, limits, rules, told) {
	const f = {};
	const listed = rules.require_scopes || rules.allowed_scopes?.length > 0;
	f.user = !user && textField({ name: "user", label: "Whose token is it?",
		hint: "The user name, as services know it.", required: true });
	f.label = textField({ name: "label", label: "Name",
		hint: "What it is for, so that you find it again: “backup job”.",
		maxlength: 255, spellcheck: "true" });
	f.model = choice({ name: "model", legend: "Expiration", kind: "cards",
		value: "fixed", changed: showModel, options: [
			["fixed", "Hard limit",
				"It ends at a fixed time, used or not."],
			["auto_refresh", "Auto refresh",
				"It stays while it is used, and dies when it is not."],
		] });
	f.life = lifeField({ name: "expires_in", legend: "Lives for",
		longest: limits.max_life, changed: showEnd });
	f.window = lifeField({ name: "auto_refresh",
		legend: "Dies when it is not used for",
		longest: rules.max_window ?? limits.max_life, changed: showEnd });
	f.cap = lifeField({ name: "expires_in", legend: "But ends at the latest "
		+ "after", longest: limits.max_life, changed: showEnd,
	presets: [30, 90, 180], whole: true });
	f.reach = choice({ name: "reach", legend: "What may it do?",
		kind: "cards", value: listed ? "some" : "all", changed: showReach,
		options: [
			["all", "All that the person may do",
				listed ? "Not allowed here." : "Like signing in.", listed],
			["some", "Only what I list",
				"One folder, or reading only, say."],
		] });
	f.scopes = wordsField({ name: "scopes", label: "Scopes",
		hint: "A right by its name (photos:read), or one on a resource: "
			+ `type:id:r, :w or :rw.${allowed(rules.allowed_scopes)}`,
		example: "node:1b9d:rw", check: wrongScope, tell: meaning });
	f.audience = wordsField({ name: "audience", label: "Only for services",
		hint: "Their names, as their administrators set them."
			+ (allowed(rules.allowed_audiences) || " None: for all."),
		example: "files", check: wrongWord });
	f.cidr = wordsField({ name: "cidr",
		label: "Only from addresses",
		hint: "Networks that it may be used from. None: from everywhere.",
		example: "192.0.2.0/24", check: wrongNetwork,
		begun: begunNetwork });
	f.long = checkField({ name: "allow_long", label: "It may be long",
		hint: "Tick it when the mint says that the token is too long. Over "
			+ "511 characters it is no password for SFTP any more." });

	function showModel() {
		const slides = slidesOf(f);
		f.life.node.hidden = slides;
		f.window.node.hidden = f.cap.node.hidden = !slides;
		showEnd();
	}
	function showReach() {
		f.scopes.node.hidden = f.reach.value() === "all";
	}
	function showEnd() {
		const wrong = wrongLife(f, limits);
		[f.life, f.window, f.cap].forEach((field) =>
			field.wrong(wrong.get(field)));
		told.textContent = wrong.size ? "" : endWords(f, limits);
	}
	showModel();
	showReach();
	return f;
}

const slidesOf = (f) => f.model.value() === "auto_refresh";

// What is wrong with the lengths of time, by their fields.
function wrongLife(f, limits) {
	const shown = slidesOf(f) ? [f.window, f.cap] : [f.life];
	const wrong = new Map(shown.map((field) => [field, field.problem()])
		.filter(([, sentence]) => sentence));
	if (slidesOf(f) && !wrong.size
		&& f.window.value() > (f.cap.value() ?? limits.max_life))
		wrong.set(f.window, "This is longer than its whole life: shorten it, "
			+ "or let the token live longer.");
	return wrong;
}

// When it would die, as a sentence.
function endWords(f, limits) {
	const slides = slidesOf(f);
	const life = slides ? f.cap.value() ?? limits.max_life : f.life.value();
	const window = f.window.value();
	const end = dateAndTime(Date.now() + life * 1000);
	return slides
		? `It dies ${length(window)} after its last use, and on ${end} at `
			+ "the latest."
		: `It ends on ${end}, used or not.`;
}

// What goes to the mint; throws a Wrong.
function grantOf(f, user) {
	const slides = slidesOf(f);
	const grant = {
		user: user ?? f.user.value(),
		label: f.label.value(),
		allow_long: f.long.value(),
	};
	if (!grant.user)
		throw new Wrong("user", "Say whose token it is.");
	if (slides)
		grant.auto_refresh = f.window.need();
	grant.expires_in = slides ? f.cap.need() : f.life.need();
	for (const field of [f.reach.value() === "some" && f.scopes, f.audience,
		f.cidr].filter(Boolean)) {
		const sentence = field.add();
		if (sentence)
			throw new Wrong(field.name, sentence);
		grant[field.name] = field.value();
	}
	if (f.reach.value() === "some" && !grant.scopes)
		throw new Wrong("scopes", "Name what it may do, or choose all.");
	return grant;
}

// A refusal that speaks of a member of the API: here it is a box.
function nameTheBox(problem) {
	problem.message = problem.message.replace("set allow_long for Bearer only",
		"tick “It may be long” below, for Bearer only");
	throw problem;
}

// Also for oneself: then the base is ["mine"].
export async function createPage({ segments, me, show }) {
	const base = segments.slice(0, -1);
	const mine = base[0] === "mine";
	const user = mine ? me.user : base[1];
	const told = el("p", { class: "told", "aria-live": "polite" });
	const f = fieldsOf(user, me.limits, me.rules, told);
	const back = user ? href(base) : href(["people"]);

	async function send() {
		const made = await once("/v1/tokens", grantOf(f, user))
			.catch(nameTheBox);
		show(shownOnce(made, user ? back : href(["people", made.user])));
	}
	return {
		title: "New token",
		node: el("div", { class: "narrow" },
			head("New token", {
				above: mine ? crumbs(link("My tokens", back), "New token")
					: crumbs(link("People", href(["people"])),
						user && link(theirs(user), back), "New token"),
				below: user && !mine && ["For ", el("b", null,
					theirs(user))],
			}),
			form({
				parts: [f.user && f.user.node, f.label.node, f.model.node,
					f.life.node, f.window.node, f.cap.node, told,
					f.reach.node, f.scopes.node,
					el("details",
						{ open: me.rules.allowed_audiences.length > 0 },
						el("summary", null, "More limits"),
						f.audience.node, f.cidr.node, f.long.node)],
				fields: Object.values(f).filter(Boolean),
				submit: "Create the token",
				cancel: link("Cancel", back, "button"),
				send,
			})),
	};
}
