// browser.mjs - a browser whose every complaint is kept, and what one does
// with the console in it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

export const given = JSON.parse(readFileSync(0, "utf8"));
export const CONSOLE = `${given.url}/console/`;

export const browser = await chromium.launch({
	executablePath: given.chromium,
	args: given.root ? ["--no-sandbox"] : [],
});

// What the network panel says when the mint refuses something: the tests ask
// for it.
const REFUSED = /Failed to load resource.*\b(400|401|403|404|409)\b/;

// A page of its own, with its own cookies.  complaints: what no page of ours
// may cause, by calm().
export async function open(options = {}) {
	const context = await browser.newContext({
		viewport: { width: 1280, height: 800 }, ...options });
	context.setDefaultTimeout(8000 * given.slow);
	const page = await context.newPage();
	const complaints = [];
	page.on("console", (m) => {
		if (["error", "warning"].includes(m.type()) && !REFUSED.test(m.text()))
			complaints.push(`${m.type()}: ${m.text()}`);
	});
	page.on("pageerror", (e) => complaints.push(`threw: ${e.stack}`));
	page.on("request", (r) => {
		if (!r.url().startsWith(`${given.url}/`))
			complaints.push(`asked elsewhere: ${r.url()}`);
	});
	page.on("dialog", (d) => {
		complaints.push(`a box: ${d.message()}`);
		d.dismiss();
	});
	await page.exposeFunction("complain", (c) => complaints.push(c));
	await page.addInitScript(() => document.addEventListener(
		"securitypolicyviolation", (e) => window.complain(
			`policy: ${e.violatedDirective} ${e.blockedURI}`)));
	return { context, page, complaints, async calm() {
		await page.waitForTimeout(50);
		assert.deepEqual(complaints, []);
		await context.close();
	} };
}

export async function signIn(page, token, at = "") {
	await page.goto(CONSOLE + at);
	await comeIn(page, token);
}

// Where the door is shown.
export async function comeIn(page, token) {
	await page.getByLabel("Personal access token").fill(token);
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.locator("#door").waitFor({ state: "hidden" });
	await settled(page);
}

// The page is there, whole.
export async function settled(page) {
	await page.waitForFunction(() =>
		document.querySelector("main h1, #door h1")
		&& !document.querySelector("[aria-busy]"));
}

// The page of this name, after a link was followed.
export async function arrived(page, name) {
	await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
	await settled(page);
}

export async function visit(page, address) {
	await page.evaluate((a) => a === location.hash || new Promise((done) => {
		addEventListener("hashchange", () => setTimeout(done), { once: true });
		location.hash = a;
	}), address);
	await settled(page);
}

// The API, without the console.
export async function api(method, path, { token = given.admin, body } = {}) {
	const r = await fetch(given.url + path, {
		method,
		headers: { Authorization: `Bearer ${token}` },
		body: body && JSON.stringify(body),
	});
	const text = await r.text();
	return { status: r.status, ...(text ? JSON.parse(text) : {}) };
}

export const mint = (user, grant = {}) => api("POST", "/v1/tokens",
	{ body: { user, ...grant.auto_refresh ? {} : { expires_in: "1d" },
		...grant } });
