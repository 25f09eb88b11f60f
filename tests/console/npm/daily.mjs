// daily.mjs - what people do in the console, from the door to the last token.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { api, arrived, browser, comeIn, given, mint, open, settled, signIn, visit }
	from "./browser.mjs";

after(() => browser.close());

const named = (page, name) => page.getByRole("button", { name, exact: true });
const heard = (page, words) => page.locator("#said")
	.filter({ hasText: words }).waitFor();
const row = (page, text) => page.getByRole("row").filter({ hasText: text });
const heading = (page) => page.locator("main h1").textContent();
const focused = (page) => page.evaluate(() => {
	const e = document.activeElement;
	return e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent
		?? e.textContent;
});

// The status line of what a person pastes into a shell.
function paste(lines) {
	return execFileSync("bash", ["-c",
		lines.replace("curl ", "curl -s -o /dev/null -w '%{http_code}' ")],
	{ encoding: "utf8" });
}

async function confirm(page, button) {
	await page.getByRole("dialog").getByRole("button",
		{ name: button, exact: true }).click();
	await page.getByRole("dialog").waitFor({ state: "detached" });
	await settled(page);
}

test("the door", async () => {
	const { page, calm } = await open();
	await page.goto(`${given.url}/console`);
	await settled(page);
	assert.equal(page.url(), `${given.url}/console/`);
	assert.equal(await focused(page), "Personal access token");
	await named(page, "Sign in").click();
	await page.getByText("Paste a token here").waitFor();
	for (const bad of ["eyJnonsense", given.agent]) {
		await page.getByLabel("Personal access token").fill(bad);
		await named(page, "Sign in").click();
		await page.locator(".error:not(:empty)").waitFor();
		assert.ok(await named(page, "Sign in").isVisible());
	}
	await page.getByLabel("Whose token").fill("alice");
	await page.getByLabel("Personal access token").fill(given.admin);
	await named(page, "Sign in").click();
	await page.locator(".error:not(:empty)").waitFor();
	await page.getByLabel("Whose token").fill("root");
	await comeIn(page, given.admin);
	const script = await page.evaluate(() => document.cookie
		+ JSON.stringify([localStorage, sessionStorage]));
	assert.equal(script, "[{},{}]", "nothing for a script to find");
	await named(page, "Sign out").click();
	await page.getByText("You are signed out").waitFor();
	await page.reload();
	await settled(page);
	assert.ok(await page.getByLabel("Personal access token").isVisible());
	await calm();
});

test("a token of each model: made, copied, listed, used, removed", async () => {
	const { page, context, calm } = await open();
	await context.grantPermissions(["clipboard-read", "clipboard-write"]);
	await signIn(page, given.admin, "#/people");
	for (const [label, model, limit] of [
		["a hard limit", "Hard limit", "ends in 7 days"],
		["a sliding one", "Auto refresh", "slides until"]]) {
		await page.getByRole("link", { name: "New token" }).click();
		await arrived(page, "New token");
		if (await page.getByLabel("Whose token is it?").count())
			await page.getByLabel("Whose token is it?").fill("bea");
		await page.getByLabel("Name", { exact: true }).fill(label);
		await page.getByLabel(model).check();
		await named(page, "Create the token").click();
		await page.getByText("Copy it now").waitFor();
		assert.equal(await focused(page), "Copy: The token");

		const token = await page.getByLabel("The token", { exact: true })
			.textContent();
		await named(page, "Copy: The token").click();
		assert.equal(await page.evaluate(() =>
			navigator.clipboard.readText()), token);
		await heard(page, /copied/);
		await page.getByLabel("Where is the service?").fill(
			`${given.url}/v1/tokens/self`);
		const lines = await page.getByLabel("Lines for curl", { exact: true })
			.textContent();
		assert.ok(lines.includes(token));
		assert.equal(paste(lines), "200");

		await page.getByRole("link", { name: "I have it: done" }).click();
		await arrived(page, "bea");
		assert.match(await row(page, label).textContent(),
			new RegExp(`Active.*${limit}`));
		assert.ok(!(await page.content()).includes(token), "shown once");
		await row(page, label).getByRole("button").click();
		assert.match(await page.getByRole("dialog").textContent(),
			/No use of it has been reported|last used/);
		assert.equal(await focused(page), "Keep it");
		await page.keyboard.press("Enter");
		assert.equal(paste(lines), "200", "a hasty Enter does nothing");
		await row(page, label).getByRole("button").click();
		await confirm(page, "Remove");
		assert.equal(paste(lines), "401");
		await heard(page, /is removed/);
		assert.match(await row(page, label).textContent(), /Removed/);
	}
	await calm();
});

test("no clipboard: the token is selected", async () => {
	const { page, calm } = await open();
	await page.addInitScript(() => Object.defineProperty(navigator,
		"clipboard", { value: undefined }));
	await signIn(page, given.alice, "#/mine/new");
	await named(page, "Create the token").click();
	await named(page, "Copy: The token").click();
	await heard(page, /selected/);
	assert.equal(await page.evaluate(() => getSelection().toString()),
		await page.getByLabel("The token", { exact: true }).textContent());
	await calm();
});

test("scopes are judged while they are typed", async () => {
	const { page, calm } = await open();
	await signIn(page, given.admin, "#/people/cleo/new");
	await page.getByLabel("Only what I list").check();
	const scopes = page.getByLabel("Scopes", { exact: true });
	const error = page.locator(".error:not(:empty)");
	for (const [text, sentence] of [
		["node:1:rwx", "the permission must be r, w or rw"],
		["node:1:RW", "the permission must be r, w or rw"],
		["node::r", "has an empty part"], [":", "has an empty part"],
		["caf\u00e9", "cannot stand in a scope"], ["a\\b", "cannot stand"],
	]) {
		await scopes.fill(text);
		assert.ok((await error.textContent()).includes(sentence), text);
		assert.equal(await scopes.getAttribute("aria-invalid"), "true");
	}
	await named(page, "Create the token").click();
	assert.ok((await error.textContent()).includes("cannot stand"),
		"it is not sent, and says why");
	await scopes.fill("node:1b9d:rw");
	await page.getByText("read and write: node 1b9d").waitFor();
	assert.equal(await error.count(), 0);
	await scopes.press("Enter");
	await scopes.fill("node:2:r photos:read gone");
	await scopes.press("Enter");
	await named(page, "Take gone out").click();
	await scopes.fill("left:in:the:field");
	await named(page, "Create the token").click();
	await page.getByText("Copy it now").waitFor();
	const { tokens } = await api("GET", "/v1/tokens?user=cleo");
	assert.deepEqual(tokens[0].scopes,
		["node:1b9d:rw", "node:2:r", "photos:read", "left:in:the:field"]);
	await calm();
});

test("what the mint refuses is said beside the field", async () => {
	const { page, calm } = await open();
	await signIn(page, given.admin, "#/new");
	await named(page, "Create the token").click();
	await page.getByText("Say whose token it is.").waitFor();
	await page.getByLabel("Whose token is it?").fill("a:b");
	await named(page, "Create the token").click();
	await page.getByText("holds no colon").waitFor();
	assert.equal(await focused(page), "Whose token is it?");
	await page.getByLabel("Whose token is it?").fill("dora");
	await page.getByRole("radio", { name: "Custom" }).check();
	await page.getByLabel("Lives for: how many").fill("400");
	await named(page, "Create the token").click();
	await page.getByText("At most 365 days").waitFor();
	await page.getByLabel("Lives for: how many").fill("1.5");
	await named(page, "Create the token").click();
	await page.getByText("a whole number").waitFor();
	await page.getByLabel("Lives for: how many").fill("3");
	await page.getByText("More limits").click();
	await page.getByLabel("Only for services", { exact: true }).fill("files");
	await named(page, "Create the token").click();
	await page.getByText("Copy it now").waitFor();
	const { tokens } = await api("GET", "/v1/tokens?user=dora");
	assert.deepEqual(tokens[0].audience, ["files"]);
	assert.equal(Date.parse(tokens[0].expires_at)
		- Date.parse(tokens[0].issued_at), 3 * 86400_000);
	await calm();
});

test("a token for one place alone", async () => {
	const { page, calm } = await open();
	await signIn(page, given.admin, "#/people/jo/new");
	await page.getByText("More limits").click();
	const from = page.getByLabel("Only from addresses", { exact: true });
	for (const [text, sentence] of [["files.example.org", "is no network"],
		["192.0.2.0/33", "is no network"],
		["192.0.2.1/24", "inside of the network 192.0.2.0/24"]]) {
		await from.fill(text);
		await named(page, "Create the token").click();
		await page.locator(".error").filter({ hasText: sentence }).waitFor();
		const out = named(page, `Take ${text} out`);
		if (await out.count())
			await out.click();
	}
	await from.fill("192.0.2.0/24 ::1");
	await named(page, "Create the token").click();
	await page.getByText("Copy it now").waitFor();
	const { tokens } = await api("GET", "/v1/tokens?user=jo");
	assert.deepEqual(tokens.map((t) => t.cidr), [["192.0.2.0/24", "::1/128"]]);
	await visit(page, `#/tokens/${tokens[0].id}`);
	await page.getByText("192.0.2.0/24").waitFor();
	await calm();
});

test("who is no administrator sees their own tokens, and no more", async () => {
	const { page, calm } = await open();
	await signIn(page, given.alice);
	assert.equal(await heading(page), "My tokens");
	assert.deepEqual(await page.locator("nav.places a").allTextContents(),
		["My tokens"]);
	for (const place of ["people", "people/root", "audit", "keys", "overview"]) {
		await visit(page, `#/${place}`);
		assert.equal(await heading(page), "Not for you", place);
	}
	await visit(page, "#/tokens/1.0");
	await visit(page, "#/mine");
	await page.getByRole("link", { name: "New token" }).click();
	await page.getByLabel("Name", { exact: true }).fill("mine alone");
	await page.getByLabel("Only what I list").check();
	await page.getByLabel("Scopes", { exact: true }).fill("mintmark:admin");
	await named(page, "Create the token").click();
	await page.getByText("Only an administrator gives mintmark:admin")
		.waitFor();
	await page.getByLabel("All that the person may do").check();
	await named(page, "Create the token").click();
	await page.getByRole("link", { name: "I have it: done" }).click();
	await arrived(page, "My tokens");
	assert.match(await row(page, "mine alone").textContent(), /Active/);
	await calm();
});

test("a session that ends in the middle", async () => {
	const { page, context, calm } = await open();
	const { id, token } = await mint("root",
		{ scopes: ["mintmark:admin", "mintmark:self"] });
	await signIn(page, token, "#/people/eve/new");
	await page.getByLabel("Name", { exact: true }).fill("half typed");
	await context.clearCookies();
	await named(page, "Create the token").click();
	await page.getByText("Your session has ended").waitFor();
	assert.equal(await page.getByRole("heading", { name: "New token" })
		.isVisible(), false);
	await comeIn(page, token);
	await page.getByText("Copy it now").waitFor();
	const { tokens } = await api("GET", "/v1/tokens?user=eve");
	assert.deepEqual(tokens.map((t) => t.label), ["half typed"]);

	await visit(page, "#/people/eve");
	await api("DELETE", `/v1/tokens/${id}`); // dead with what opened it
	await page.getByRole("searchbox").fill("half");
	await page.getByText("Your session has ended").waitFor();
	// somebody else comes in: nothing of the first one's is left
	await comeIn(page, given.alice);
	assert.equal(await heading(page), "Not for you");
	await calm();
});

test("a session that ends while nobody looks", async () => {
	const { page, context, calm } = await open();
	await page.clock.install();
	await signIn(page, given.admin, "#/people/eve/new");
	await page.getByLabel("Name", { exact: true }).fill("half typed");
	await page.clock.fastForward("31:00");
	await page.waitForTimeout(300);
	assert.equal(await page.locator("#door").isVisible(), false,
		"the mint says that it goes on");
	await context.clearCookies();
	await page.clock.fastForward("31:00");
	await page.getByText("Your session has ended").waitFor();
	await comeIn(page, given.admin);
	assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(),
		"half typed");

	// what is shown once stays on no page that is left alone
	await named(page, "Create the token").click();
	await page.getByText("Copy it now").waitFor();
	const token = await page.getByLabel("The token", { exact: true })
		.textContent();
	assert.ok((await page.content()).includes(token));
	await context.clearCookies();
	await page.clock.fastForward("31:00");
	await page.getByText("Your session has ended").waitFor();
	assert.ok(!(await page.content()).includes(token));
	await comeIn(page, given.admin);
	await page.getByText("it is not shown again").waitFor();
	await page.getByRole("link", { name: "Go to the start" }).click();
	await arrived(page, "Overview");
	await calm();
});

test("A33: what others write is text, and never markup", async () => {
	const { page, calm } = await open();
	const bad = ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>",
		"\"><svg onload=alert(3)>", "javascript:alert(4)", "</title><b>",
		"{{7*7}}${7*7}"];
	for (const text of bad)
		await mint(text.replaceAll(":", ""), { label: text,
			scopes: [text.replaceAll(/["\s]/g, "").replaceAll(":", "x")] });
	await signIn(page, given.admin, "#/people?q=%3C");
	for (const text of bad) {
		const user = text.replaceAll(":", "");
		await visit(page, `#/people/${encodeURIComponent(user)}`);
		assert.equal(await heading(page), user);
		assert.ok((await page.title()).startsWith(user.trim()));
		const mine = row(page, text).first();
		await mine.getByRole("button").click();
		assert.ok((await page.getByRole("dialog").textContent())
			.includes(text));
		await page.keyboard.press("Escape");
		await mine.getByRole("link").first().click();
		await arrived(page, text);
		await visit(page, `#/people/${encodeURIComponent(user)}/new`);
		await visit(page, `#/people?q=${encodeURIComponent(text)}`);
		await visit(page, `#/${encodeURIComponent(text)}`);
	}
	assert.equal(await page.locator("main img, main script, main b > svg")
		.count(), 0);
	await calm();
});

test("by keyboard alone", async () => {
	const { page, calm } = await open();
	const keys = page.keyboard;
	async function tabTo(name) {
		for (let i = 0; i < 60; i++) {
			if ((await focused(page))?.trim().startsWith(name))
				return;
			await keys.press("Tab");
		}
		assert.fail(`no way to "${name}"`);
	}
	await page.goto(`${given.url}/console/#/people`);
	await settled(page);
	await keys.type(given.admin);
	await keys.press("Enter");
	await page.locator("main h1").waitFor();
	await settled(page);
	await tabTo("New token");
	await keys.press("Enter");
	await page.getByLabel("Whose token is it?").waitFor();
	await tabTo("Whose token is it?");
	await keys.type("fay");
	await tabTo("Name");
	await keys.type("no mouse");
	await tabTo("Hard limit");
	await keys.press("ArrowDown");
	await tabTo("7 days");
	await keys.press("ArrowRight");
	await tabTo("All that the person may do");
	await keys.press("ArrowDown");
	await tabTo("Scopes");
	await keys.type("photos:read");
	await keys.press("Enter");
	await keys.press("Enter");
	await page.getByText("Copy it now").waitFor();
	assert.equal(await focused(page), "Copy: The token");
	await tabTo("I have it: done");
	await keys.press("Enter");
	await arrived(page, "fay");
	await tabTo("Remove no mouse".replace("no mouse", "“no mouse”"));
	await keys.press("Enter");
	await tabTo("Remove");
	await keys.press("Enter");
	await page.getByText("is removed").waitFor();
	assert.notEqual(await page.evaluate(() => document.activeElement.tagName),
		"BODY", "the focus is somewhere");
	const { tokens } = await api("GET", "/v1/tokens?user=fay");
	assert.equal(tokens[0].auto_refresh, 30 * 86400);
	assert.deepEqual(tokens[0].scopes, ["photos:read"]);
	assert.equal(tokens[0].status, "revoked");
	await calm();
});

test("suspend, reinstate, rotate, remove all", async () => {
	const { page, calm } = await open();
	const { id } = await mint("gil", { label: "first" });
	const state = async () => (await api("GET", `/v1/tokens/${id}`)).status;
	const { token } = await mint("gil", { label: "second" });
	await signIn(page, given.admin, `#/tokens/${id}`);
	await named(page, "Suspend").click();
	await confirm(page, "Suspend");
	await page.getByText("is suspended").waitFor();
	await named(page, "Reinstate").click();
	await confirm(page, "Reinstate");
	await page.getByText("in force again").waitFor();
	await named(page, "Rotate").click();
	await page.getByRole("dialog").getByLabel("1 hour").check();
	await named(page, "Make the new token").click();
	await page.getByText("Copy it now").waitFor();
	await page.getByRole("link", { name: "I have it: done" }).click();
	await arrived(page, "first");
	await named(page, "Rotate").waitFor();
	assert.ok(!page.url().endsWith(`/${id}`), "at the new one");
	await visit(page, `#/tokens/${id}`);
	await page.getByText("replaced, ends in 60 minutes").first().waitFor();
	assert.equal(await named(page, "Rotate").count(), 0, "once is enough");
	await visit(page, "#/people/gil");
	assert.match(await page.locator("main .head").textContent(),
		/3 tokens in force/);
	await named(page, "Remove all tokens").click();
	await confirm(page, "Remove all");
	await heard(page, /3 tokens of gil removed/);
	assert.equal(await state(), "revoked");
	assert.equal((await api("GET", "/v1/tokens/self", { token })).status, 401);
	await calm();
});

test("remove all, of more than are counted", async () => {
	const { page, calm } = await open();
	await Promise.all(Array.from({ length: 101 }, () => mint("ida")));
	await signIn(page, given.admin, "#/people/ida");
	assert.match(await page.locator("main .head").textContent(),
		/More than 100 tokens in force/);
	await named(page, "Remove all tokens").click();
	assert.match(await page.getByRole("dialog").textContent(),
		/More than 100 tokens are in force/);
	await confirm(page, "Remove all");
	await heard(page, /101 tokens of ida removed/);
	await calm();
});

test("the overview counts, and draws", async () => {
	const { page, calm } = await open();
	const figure = async (words) => Number((await page.locator(".figure")
		.filter({ hasText: words }).locator("b").textContent())
		.replace(",", ""));
	await fetch(`${given.url}/v1/feed?after=0`,
		{ headers: { Authorization: `Bearer ${given.agent}` } });
	const { counts, feed, refusals = {} } = await api("GET", "/v1/overview");
	await signIn(page, given.admin);
	await arrived(page, "Overview");
	assert.equal(await figure("live token"), counts.live);
	assert.equal(await figure("people"), counts.users);
	const picture = page.getByRole("img", { name: "Live tokens over 90 days" });
	assert.match(await picture.getAttribute("aria-label"),
		new RegExp(`from 0 to ${counts.live}$`));
	// as tall as it is to be: the line ends at its value, nearly at the top
	const line = await picture.locator("path.line").getAttribute("d");
	const [first, last] = [line.split("L")[0], line.split("L").at(-1)]
		.map((p) => Number(p.split(" ")[1]));
	assert.equal(first, 178, "none lived at first");
	assert.ok(last < 178 && last >= 10, `some do now: ${last}`);
	assert.equal(await picture.locator("path.line, rect.hit").count(), 91);
	const agents = page.getByRole("region", { name: "Agents" });
	assert.match(await agents.textContent(), new RegExp(
		`agent.*${feed.seq} events behind.*1 agent in the last day`));
	for (const [reason, n] of Object.entries(refusals))
		assert.ok((await page.getByRole("region", { name: "Refused" })
			.textContent()).includes(`${reason.replaceAll("_", " ")}${n}`));
	await page.locator("a.figure").filter({ hasText: "people" }).click();
	await arrived(page, "People");
	await calm();
});

test("the audit has what was done here, and what was refused", async () => {
	const { page, calm } = await open();
	// a name that no hash in a line has in it by chance
	const { id } = await mint("i.v.y", { label: "<i>for the audit</i>" });
	await signIn(page, given.admin, `#/tokens/${id}`);
	await named(page, "Remove").click();
	await confirm(page, "Remove");
	assert.equal((await api("GET", "/v1/keys", { token: given.alice })).status,
		403);
	await visit(page, "#/audit");
	assert.match(await row(page, "Refused").first().textContent(),
		/alice \(token/);
	assert.match(await row(page, "i.v.y").first().textContent(),
		/Token removed.*<i>for the audit<\/i>.*of i\.v\.y.*root \(token.*127\.0\.0\.1/);
	await page.getByRole("searchbox").fill("i.v.y");
	await page.waitForFunction(() =>
		document.querySelectorAll("tbody tr").length === 2);
	await row(page, "Token created").getByText("Details").click();
	await page.getByRole("link", { name: "<i>for the audit</i>" }).first()
		.click();
	await arrived(page, "<i>for the audit</i>");
	await calm();
});

test("the keys, and their rotation", async () => {
	const { page, calm } = await open();
	const { keys } = await api("GET", "/v1/keys");
	const next = keys.find((k) => k.state === "next");
	await signIn(page, given.admin, "#/keys");
	assert.match(await row(page, next.kid).textContent(), /Next/);
	await named(page, "Rotate").click();
	const dialog = page.getByRole("dialog");
	await dialog.getByRole("button", { name: "Rotate" }).click();
	await dialog.getByText("too young to sign").waitFor();
	await dialog.getByRole("button", { name: "Cancel" }).click();
	await page.route("**/v1/keys/rotate", (r) => // as if five minutes later
		r.continue({ postData: JSON.stringify({ now: true }) }));
	await named(page, "Rotate").click();
	await confirm(page, "Rotate");
	await heard(page, `Key ${next.kid} signs now`);
	assert.match(await row(page, next.kid).textContent(), /Active/);
	assert.equal(await row(page, "Retiring").count(), 1);
	await calm();
});

test("Back goes back, and a search is an address", async () => {
	const { page, calm } = await open();
	for (const n of [1, 2, 3])
		await mint(`hal${n}`);
	await signIn(page, given.admin, "#/people");
	await page.getByRole("searchbox").fill("hal");
	await page.waitForFunction(() =>
		document.querySelectorAll("tbody tr").length === 3);
	await page.getByRole("link", { name: "hal2" }).click();
	await arrived(page, "hal2");
	await page.goBack();
	await arrived(page, "People");
	assert.equal(await page.getByRole("searchbox").inputValue(), "hal");
	assert.equal(await page.locator("tbody tr").count(), 3);
	await page.getByRole("searchbox").fill("nobody of this name");
	await page.getByText("Nothing matches").waitFor();
	await named(page, "Show all").click();
	await page.getByRole("link", { name: "hal1" }).waitFor();
	await calm();
});
