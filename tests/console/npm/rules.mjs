// rules.mjs - a house with rules: the form knows them before it is sent.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { arrived, browser, given, open, signIn } from "./browser.mjs";

after(() => browser.close());

const choices = (page, legend) => page.getByRole("group", { name: legend })
	.locator("label:visible").allTextContents();

test("what is not allowed cannot be chosen", async () => {
	const { page, calm } = await open();
	await signIn(page, given.admin, "#/people/bob/new");
	await arrived(page, "New token");
	const all = page.getByRole("radio", { name: /All that the person may do/ });
	assert.ok(await all.isDisabled());
	assert.ok(await page.getByRole("radio",
		{ name: /Only what I list/ }).isChecked());
	await page.getByText("Here: photos:*, node:*.").waitFor();
	await page.getByText("Here: files.").waitFor();
	await page.getByText("Auto refresh", { exact: true }).click();
	assert.deepEqual(await choices(page, "Dies when it is not used for"),
		["7 days", "Custom"]);
	await page.getByLabel("Scopes", { exact: true }).fill("photos:read");
	await page.getByLabel("Only for services", { exact: true }).fill("files");
	await page.getByRole("button", { name: "Create the token" }).click();
	await arrived(page, "Your new token");
	await calm();
});
