// looks.mjs - each page in light and dark, at a desk's and at a phone's width:
// a picture, nothing beyond the edge, and what axe-core has to say of it.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import { browser, CONSOLE, given, open, settled, signIn, visit }
	from "./browser.mjs";

after(() => browser.close());

const AXE = readFileSync(createRequire(import.meta.url)
	.resolve("axe-core/axe.min.js"), "utf8");

// [name, address, what is done there before the picture]
const PAGES = [
	["overview", "#/overview"],
	["people", "#/people"],
	["people-none", "#/people?q=nobody%20of%20this%20name"],
	["person", "#/people/alice"],
	["tokens", "#/tokens"],
	["token", `#/tokens/${given.token}`],
	["create", "#/people/alice/new"],
	["create-full", "#/new", async (page) => {
		await page.getByLabel("Whose token is it?").fill("alice");
		await page.getByLabel("Auto refresh").check();
		await page.getByLabel("Only what I list").check();
		const scopes = page.getByLabel("Scopes", { exact: true });
		await scopes.fill("node:1b9d:rw photos:read");
		await scopes.press("Enter");
		await scopes.fill("node:1b9d:rwx");
		await page.getByText("More limits").click();
	}],
	["remove", "#/people/alice?status=active", async (page) =>
		page.getByRole("row", { name: "backup job" }).getByRole("button")
			.click()],
	["shown-once", "#/people/bob/new", async (page) => {
		await page.getByLabel("Name", { exact: true }).fill("backup job");
		await page.getByRole("button", { name: "Create the token" }).click();
		await page.getByText("Copy it now").waitFor();
	}],
	["long-names", "#/people/a-very-long-user-name-without-any-place-to-break"
		+ "-it%40department.of.long.names.example.org"],
	["audit", "#/audit"],
	["keys", "#/keys"],
	["mine", "#/mine"],
	["refused", "#/nowhere"],
];

async function look(page, name) {
	await page.screenshot({ fullPage: true,
		path: `${given.pictures}/${name}.png` });
	assert.ok(await page.evaluate(() =>
		document.scrollingElement.scrollWidth <= innerWidth),
	`${name} is wider than the window`);
	// into a world of its own, that the page's policy does not govern
	const { violations } = await page.evaluate(`(() => { ${AXE};
		return axe.run(document, { resultTypes: ["violations"] }); })()`);
	const bad = violations.map((v) => `${name}: ${v.impact} ${v.id}: ${
		v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
	assert.deepEqual(bad, []);
}

mkdirSync(given.pictures, { recursive: true });
for (const colorScheme of ["light", "dark"])
	for (const width of [1280, 390])
		test(`${colorScheme}, ${width} pixels`, async (t) => {
			const { page, calm } = await open({ colorScheme,
				viewport: { width, height: 800 }, reducedMotion: "reduce" });
			const tail = `-${colorScheme}-${width}`;
			await page.goto(CONSOLE);
			await settled(page);
			await look(page, `sign-in${tail}`);
			await signIn(page, given.admin);
			for (const [name, address, act] of PAGES) {
				await t.test(name, async () => {
					await visit(page, address);
					await act?.(page);
					await look(page, name + tail);
					await page.keyboard.press("Escape");
				});
			}
			await calm();
		});
