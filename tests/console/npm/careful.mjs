// careful.mjs - what the console says is so, and what it warns of.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { api, arrived, browser, given, mint, open, settled, signIn, visit }
	from "./browser.mjs";

after(() => browser.close());

const named = (page, name) => page.getByRole("button", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");

test("a last use is said at its grain", async () => {
	const { page, calm } = await open({ timezoneId: "UTC" });
	await signIn(page, given.admin);
	const said = (now, last_used_at, issued_at) => page.evaluate(
		async ([t, token]) => {
			const real = Date.now;
			Date.now = () => t;
			const words = await import("./token_words.js");
			const sentence = words.usedLately(token);
			Date.now = real;
			return [sentence, words.lastUse(token).title];
		}, [Date.parse(now), { last_used_at, issued_at }]);
	const hour = "2026-11-28T17:00:00Z", long = "2026-11-01T00:00:00Z";
	for (const [now, words, issued = long, used = hour] of [
		["2026-11-28T17:59:00Z", "in the last hour"],
		["2026-11-28T18:01:00Z", "in the last 2 hours"],
		["2026-11-28T18:10:00Z", "in the last hour", "2026-11-28T17:40:00Z"],
		["2026-11-28T21:00:00Z", "today, 17:00 to 18:00"],
		["2026-11-28T21:00:00Z", "today, 17:40 to 18:00",
			"2026-11-28T17:40:00Z"],
		["2026-11-29T03:00:00Z", "yesterday, 17:00 to 18:00"],
		["2026-12-02T17:00:00Z", "4 days ago"],
		["2026-11-28T18:01:00Z", "61 minutes ago", long,
			"2026-11-28T17:00:01Z"], // the very time
	]) {
		const [sentence] = await said(now, used, issued);
		assert.equal(sentence, `It was last used ${words}.`, now);
	}
	assert.match((await said("2026-11-28T18:01:00Z", hour, long))[1],
		/28 Nov 2026, 17:00, or in the rest of that hour/);
	await calm();
});

test("a question goes with the page that it stands on", async () => {
	const { page, calm } = await open();
	const { id } = await mint("ada", { label: "asked about" });
	await signIn(page, given.admin, "#/people/ada");
	await visit(page, `#/tokens/${id}`);
	await named(page, "Remove").click();
	await dialog(page).waitFor();
	await page.goBack();
	await arrived(page, "ada");
	assert.equal(await dialog(page).count(), 0);
	assert.equal((await api("GET", `/v1/tokens/${id}`)).status, "active");
	await calm();
});

test("a warning, where a change shuts oneself or a host out", async () => {
	const { page, calm } = await open();
	const own = await mint("root", { scopes: ["mintmark:admin"] });
	const other = await mint("root", { label: "another of mine" });
	const agent = await mint("host", { scopes: ["mintmark:agent"] });
	await signIn(page, own.token, `#/tokens/${own.id}`);
	const warned = async (button, words) => {
		await named(page, button).first().click();
		const said = (await dialog(page).locator(".why").allTextContents())
			.join();
		await page.keyboard.press("Escape");
		assert.match(said, words, button);
	};
	await warned("Remove", /^You are signed in with this one: .* out\.$/);
	await warned("Suspend", /^You are signed in with this one/);
	await warned("Rotate", /^You are signed in .* when it ends/);
	await visit(page, `#/tokens/${other.id}`);
	await warned("Remove", /^$/);
	await visit(page, `#/tokens/${agent.id}`);
	await warned("Remove", /^An agent follows the mint with it/);
	await visit(page, "#/people/host");
	await warned("Remove all tokens", /^$/);
	await visit(page, "#/mine");
	await warned("Remove all tokens", /^You are signed in with one of them/);
	await visit(page, `#/tokens/${own.id}`);
	await named(page, "Remove").click();
	await dialog(page).getByRole("button", { name: "Remove" }).click();
	await page.getByText("Your session has ended").waitFor();
	assert.equal(await dialog(page).count(), 0);
	await calm();
});

test("no token goes on for longer than it lives", async () => {
	const { page, calm } = await open();
	for (const [life, ...words] of [["30m", "Not at all"],
		["2h", "Not at all", "1 hour"],
		["2d", "Not at all", "1 hour", "1 day"],
		["8d", "Not at all", "1 hour", "1 day", "7 days"]]) {
		const { id } = await mint("bob", { expires_in: life });
		await (page.url() === "about:blank" ? signIn(page, given.admin,
			`#/tokens/${id}`) : visit(page, `#/tokens/${id}`));
		await named(page, "Rotate").click();
		assert.deepEqual(await dialog(page).locator("label")
			.allTextContents(), words);
		assert.equal(await dialog(page).getByRole("radio", { checked: true })
			.count(), 1);
		await page.keyboard.press("Escape");
	}
	await calm();
});

test("a token is found by its id", async () => {
	const { page, calm } = await open();
	const { id } = await mint("cem", { label: "by its id" });
	await signIn(page, given.admin, "#/people");
	const search = page.getByRole("searchbox");
	await search.fill("999999.1");
	await page.getByText("Nothing matches").waitFor();
	for (const at of ["#/people", "#/people/cem", "#/tokens"]) {
		await visit(page, at);
		await search.fill(id);
		await page.locator(".found").filter({ hasText: id }).waitFor();
		await search.press("Enter");
		await arrived(page, "by its id");
	}
	await visit(page, `#/people?q=${id}`);
	await page.locator(".found").getByRole("link").click();
	await arrived(page, "by its id");
	// and who made it is a token as well
	const admin = await api("GET", "/v1/me");
	await page.getByRole("link", { name: `token ${admin.id}` }).click();
	await arrived(page, "the administrator's own");
	await calm();
});

test("what is counted can be looked at", async () => {
	const { page, calm } = await open();
	for (let i = 0; i < 27; i++)
		await mint(`dee${i}`, { expires_in: "5d", label: `soon ${i}` });
	await mint("dee", { expires_in: "90d", label: "far away" }); // the newest
	const { id } = await mint("dee", { label: "halted" });
	await api("POST", `/v1/tokens/${id}/suspend`);
	await signIn(page, given.admin, "#/overview");
	const rows = async () => (await page.locator("tbody tr").allTextContents());
	const look = async (words) => {
		await visit(page, "#/overview");
		await page.getByRole("link", { name: words }).first().click();
		await arrived(page, "Tokens of everybody");
	};
	await look(/suspended$/);
	assert.equal((await rows()).length, 1);
	assert.match((await rows())[0], /halted.*of dee/);
	await look(/end in 7 days/);
	assert.equal((await rows()).length, 25);
	assert.ok((await rows()).every((r) => !r.includes("far away")));
	await page.getByRole("link", { name: "Next" }).click();
	await page.waitForFunction(() =>
		document.querySelectorAll("tbody tr").length < 25);
	await look(/never used/);
	assert.equal((await rows()).length, 20);
	await look(/live tokens/);
	await page.getByRole("searchbox").fill("soon 13");
	await page.waitForFunction(() =>
		document.querySelectorAll("tbody tr").length === 1);
	await look(/^and \d+ more/);
	assert.match((await page.locator("[aria-current=page]")
		.allTextContents()).join(), /End in 30 days/);
	await calm();
});

test("what is wrong is said before Create", async () => {
	const { page, calm } = await open();
	await signIn(page, given.admin, "#/people/eli/new");
	const errors = async () => (await page.locator(".error:not(:empty):visible")
		.allTextContents()).join();
	await page.getByText("More limits").click();
	const from = page.getByLabel("Only from addresses", { exact: true });
	for (const [text, said] of [["192.0.2.", ""], ["192.0.2.0/", ""],
		["192.0.2.0/24", ""], ["192.0.2.7", ""], ["2001:db8", ""],
		["2001:db8::/32", ""], ["::/0", ""], ["0.0.0.0/0", ""],
		["192.0.2.1/24", "inside of the network 192.0.2.0/24"],
		["2001:db8::1/32", "inside of the network 2001:db8::/32"],
		["256.0.2.0", "is no network"], ["1.2.3.4.5", "is no network"],
		["192.0.2.0/33", "is no network"], ["1::2::3/64", "is no network"],
		["files.example.org", "is no network"]]) {
		await from.fill(text);
		assert.ok(said ? (await errors()).includes(said)
			: await errors() === "", `${text}: ${await errors()}`);
	}
	await from.fill("");

	await page.getByLabel("Only what I list").check();
	const scopes = page.getByLabel("Scopes", { exact: true });
	await scopes.fill("photos:read,photos:write");
	await page.getByText("one right, with its comma").waitFor();
	await scopes.fill("photos read");
	await page.getByText("2 words, each by itself: photos and read").waitFor();

	const preview = page.getByText(/^It (ends on|dies \d)/);
	await page.getByRole("radio", { name: "Custom" }).first().check();
	await preview.waitFor();
	const life = page.getByLabel("Lives for: how many");
	for (const [n, said] of [["4000", /^At most/], ["", /whole number/],
		["0", /whole number/]]) {
		await life.fill(n);
		assert.match(await errors(), said);
		assert.equal(await preview.count(), 0);
	}
	await life.fill("3");
	await preview.waitFor();
	await page.getByLabel("Auto refresh").check();
	assert.equal(await errors(), "");
	await page.getByRole("group", { name: "Dies when" }).getByLabel("90 days")
		.check();
	await page.getByRole("group", { name: "But ends" }).getByLabel("30 days")
		.check();
	assert.match(await errors(), /longer than its whole life/);
	assert.equal(await preview.count(), 0);
	await page.getByRole("group", { name: "But ends" }).getByLabel("180 days")
		.check();
	assert.equal(await errors(), "");

	await scopes.fill(`a:${"x".repeat(200)} b:${"x".repeat(200)}`);
	await named(page, "Create the token").click();
	await page.getByText(/tick “It may be long” below/).waitFor();
	await page.getByLabel("It may be long").check();
	await named(page, "Create the token").click();
	await page.getByText("Copy it now").waitFor();
	await calm();
});

test("the door says how to get a token", async () => {
	const { page, calm } = await open();
	await page.goto(`${given.url}/console/`);
	await settled(page);
	await page.getByLabel("Whose token (optional)").waitFor();
	await page.getByText("No token yet?").click();
	const lines = await page.locator("#door pre").textContent();
	assert.deepEqual(lines.split("\n").map((l) => l.match(/mintmark:\w+/g)
		.join(" ")), ["mintmark:self", "mintmark:admin mintmark:self"]);
	await page.getByText("MINTMARK_SOCKET").waitFor();
	await calm();
});
