// page_signin.js - the door.

import { el } from "./ui.js";
import { signIn } from "./api.js";
import { form, textField } from "./form.js";

// done(me) is called when somebody came in; why: why he was sent here.
export function signInPage(why, done) {
	const token = textField({ name: "token", type: "password",
		label: "Personal access token", autocomplete: "current-password",
		hint: "An administrator’s opens everything, anybody else’s opens "
			+ "their own tokens." });
	const user = textField({ name: "user", label: "User name, if you like",
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
			el("p", null, "Whoever runs the mint makes the first one, on its "
				+ "host. For an administrator:"),
			el("pre", { tabindex: "0" }, "mintmark token create -u YOU -e 7d "
				+ "-s mintmark:admin -q")));
}
