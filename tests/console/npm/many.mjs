// many.mjs - how long pages take with 100,000 tokens of 10,000 people: the
// mint's part of it, and until all is drawn.
import assert from "node:assert/strict";
import { cpus, loadavg } from "node:os";
import { after, test } from "node:test";
import { browser, given, open, settled, signIn } from "./browser.mjs";

after(() => browser.close());

const TIMES = 5;
const MINT = 100, DRAWN = 400; // ms, on a machine that has nothing else to do

// How many times as long all takes here and now.
const busy = () => given.slow * Math.max(1, loadavg()[0] / cpus().length);

// Runs act() some times, each from a blank page of the console.
async function timed(page, name, act) {
	const drawn = [], asked = [];
	for (let i = 0; i < TIMES; i++) {
		await page.evaluate(() => {
			location.hash = "#/nowhere";
			performance.clearResourceTimings();
		});
		await page.getByRole("heading", { name: "Not found" }).waitFor();
		const begun = performance.now();
		await act(page);
		drawn.push(performance.now() - begun);
		asked.push(Math.max(...await page.evaluate(() =>
			performance.getEntriesByType("resource")
				.filter((e) => e.name.includes("/v1/"))
				.map((e) => e.duration))));
	}
	const [mint, all] = [asked, drawn].map((n) => Math.ceil(Math.min(...n)));
	console.log(`${name}: the mint ${mint} ms, all ${all} ms`);
	assert.ok(mint < MINT * busy(), `${name}: the mint took ${mint} ms`);
	assert.ok(all < DRAWN * busy(), `${name} took ${all} ms`);
}

const at = (address, there) => async (page) => {
	await page.evaluate((a) => location.hash = a, address);
	await page.getByRole("heading", { level: 1, name: there }).waitFor();
	await settled(page);
};

test("no page is slow", async () => {
	const { page, calm } = await open();
	await signIn(page, given.admin, "#/people");
	await timed(page, "people", at("#/people", "People"));
	await timed(page, "people, searched",
		at("#/people?q=n-04321", "People"));
	assert.equal(await page.locator("tbody tr").count(), 1);
	await timed(page, "people, from the middle",
		at("#/people?cursor=person-05000", "People"));
	assert.equal(await page.locator("tbody tr").count(), 50);
	await timed(page, "a person", at("#/people/person-00004", "person-00004"));
	await timed(page, "a person, going back",
		async (p) => {
			await p.evaluate(() => history.back());
			await p.getByRole("heading", { name: "person-00004" }).waitFor();
		});
	await timed(page, "overview", at("#/overview", "Overview"));
	await timed(page, "keys", at("#/keys", "Keys"));
	await timed(page, "audit", at("#/audit", "Audit"));
	await calm();
});

test("page by page", async () => {
	const { page, calm } = await open();
	await signIn(page, given.admin, "#/people");
	const first = () => page.locator("tbody a").first().textContent();
	const seen = [await first()];
	for (let i = 0; i < 3; i++) {
		await page.getByRole("link", { name: "Next" }).click();
		await page.waitForFunction((before) =>
			document.querySelector("tbody a")?.textContent !== before,
		seen.at(-1));
		seen.push(await first());
	}
	assert.deepEqual(seen,
		["person-00000", "person-00050", "person-00100", "person-00150"]);
	await page.getByRole("link", { name: "Previous" }).click();
	await page.waitForFunction(() => document.querySelector("tbody a")
		?.textContent === "person-00100");
	await page.goBack();
	await page.goBack();
	await page.waitForFunction(() => document.querySelector("tbody a")
		?.textContent === "person-00100");
	await calm();
});
