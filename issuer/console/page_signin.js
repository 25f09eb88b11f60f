// page_signin.js - the door.

import { el } from "./ui.js";
import { signIn } from "./api.js";
import { form, textField } from "./form.js";

const COMMAND = "mintmark token create -u YOU -e 7d -q";

// done(me) is called when somebody came in; why: why he was sent here.
export function signInPage(why, done) {
	const token = textField({ name: "token", type: "password",
		label: "Personal access token", autocomplete: "current-password",
		hint: "An administrator’s (scope mintmark:admin) opens everything. "
			+ "Anybody else’s opens their own tokens, if it has the scope "
			+ "mintmark:self or no scopes." });
	const user = textField({ name: "user", label: "Whose token (optional)",
		autocomplete: "username",
		hint: "Then only this person’s token is taken." });
	return el("div", { class: "door" },
		el("h1", { tabindex: "-1" }, "Sign in"),
		el("p", { class: "soft" }, "Create, find and remove personal access "
			+ "tokens."),
		el("p", { class: "why", role: "status" }, why),
		form({
			parts: [token.node, user.node],
			fields: [token, user],
			submit: "Sign in",
			async send() {
				if (!token.value()) {
					token.wrong("Paste a token here: it begins with eyJ.");
					token.focus();
					return;
				}
				done(await signIn(token.value(), user.value()));
			},
		}),
		el("details", null,
			el("summary", null, "No token yet?"),
			el("p", null, "Ask an administrator of this mint for one, or "
				+ "whoever runs it: made on the mint’s host, by the "
				+ "first line it opens your own tokens, by the second "
				+ "it is an administrator’s."),
			el("pre", { tabindex: "0" }, `${COMMAND} -s mintmark:self\n${
				COMMAND} -s mintmark:admin -s mintmark:self`),
			el("p", { class: "hint" }, "Which mint is meant is said by "
				+ "MINTMARK_SOCKET, the admin.sock in its data folder, or "
				+ "by --data with that folder. What ./run prints at the "
				+ "end sets it.")));
}
