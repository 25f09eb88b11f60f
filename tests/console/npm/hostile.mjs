// hostile.mjs - a page of somebody else, in a browser that is signed in.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CONSOLE, browser, given, open, signIn } from "./browser.mjs";

after(() => browser.close());

const SITES = [`http://localhost:${given.port}`, // another site
	`http://127.0.0.1:${given.port}`]; // the same host: the cookie goes along

// A console that is signed in, and a page of `site` in the same browser.
async function beside(site) {
	const { context, page } = await open();
	await signIn(page, given.admin);
	const evil = await context.newPage();
	await evil.goto(`${site}/`);
	return { context, page, evil };
}

for (const site of SITES) {
	test(`A33: ${site.slice(7, 16)} asks by script and hears nothing`, async () => {
		const { context, evil } = await beside(site);
		const asked = await evil.evaluate(async ([url, id]) => {
			const answers = [];
			for (const [method, path, headers] of [
				["GET", "/v1/me"], ["GET", "/v1/tokens"],
				["DELETE", `/v1/tokens/${id}`],
				["POST", `/v1/tokens/${id}/suspend`],
				["POST", "/v1/tokens", { "Content-Type": "text/plain" }],
				["POST", "/v1/tokens", { "Content-Type": "application/json",
					"X-Mintmark-Console": "1" }],
				["POST", "/v1/keys/rotate"], ["DELETE", "/console/session"],
				["DELETE", "/v1/users/alice/tokens"]])
				for (const mode of ["cors", "no-cors"]) {
					const body = method === "POST"
						? '{"user":"mallory","expires_in":60}' : undefined;
					answers.push(await fetch(url + path, { method, mode,
						headers, body, credentials: "include" })
						.then((r) => r.type === "opaque" ? "opaque" : r.status,
							() => "no"));
				}
			return answers;
		}, [given.url, given.victim]);
		assert.deepEqual([...new Set(asked)].sort(), ["no", "opaque"]);
		await context.close();
	});

	test(`A33: ${site.slice(7, 16)} sends forms, and nothing is done`, async () => {
		const { context, page, evil } = await beside(site);
		for (const [path, type] of [["/v1/tokens", "text/plain"],
			[`/v1/tokens/${given.victim}/suspend`, "text/plain"],
			["/oauth/token", "application/x-www-form-urlencoded"],
			["/console/session", "text/plain"]]) {
			await evil.goto(`${site}/`);
			const [answer] = await Promise.all([
				evil.waitForResponse((r) => r.url() === given.url + path),
				evil.evaluate(([action, enctype]) => {
					const form = document.createElement("form");
					Object.assign(form, { action, enctype, method: "post" });
					const field = document.createElement("input");
					field.name = '{"user":"mallory","expires_in":60,"label":"';
					field.value = '"}';
					form.append(field);
					document.body.append(form);
					form.submit();
				}, [given.url + path, type])]);
			await evil.waitForURL(given.url + path);
			assert.ok([400, 401, 403, 415].includes(answer.status()),
				`${path}: ${answer.status()}`);
		}
		await page.reload();
		await page.locator("#door").waitFor({ state: "hidden" });
		await context.close();
	});

	test(`A33: ${site.slice(7, 16)} shows no console in a frame`, async () => {
		const { context, evil } = await beside(site);
		for (const path of ["/console/", "/console/index.html"]) {
			const words = await evil.evaluate((src) => new Promise((done) => {
				const frame = document.createElement("iframe");
				frame.onload = () => setTimeout(() => {
					let inside = "another origin";
					try {
						inside = frame.contentDocument.body.innerText;
					} catch { /* its origin is not ours: as it should be */ }
					done(inside);
				}, 50);
				frame.src = src;
				document.body.append(frame);
			}), given.url + path);
			assert.equal(typeof words, "string");
			const frame = evil.frames().at(-1);
			assert.ok(!frame.url().includes("/console"), frame.url());
		}
		await context.close();
	});

	test(`A33: ${site.slice(7, 16)} gets no hold of a window`, async () => {
		const { context, evil } = await beside(site);
		const [opened, can] = await Promise.all([
			context.waitForEvent("page"),
			evil.evaluate((url) => new Promise((done) => {
				const w = window.open(url);
				setTimeout(() => done(w === null || w.closed), 1500);
			}), CONSOLE)]);
		assert.ok(can, "Cross-Origin-Opener-Policy cuts it off");
		assert.equal(await opened.evaluate(() => window.opener), null);
		await context.close();
	});
}

test("A33: no Referer leads anywhere, and no script reads the cookie", async () => {
	const { context, page } = await open();
	await signIn(page, given.admin, "#/tokens");
	assert.equal(await page.evaluate(() => document.cookie), "");
	await page.evaluate((to) => { location.href = to; }, `${SITES[0]}/left`);
	await page.waitForURL(/left/);
	assert.equal(await page.evaluate(() => document.referrer), "");
	await context.close();
});
