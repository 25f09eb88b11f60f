// token_shown.js - the one time that a token is shown, and how to use it.

import { card, crumbs, el, head, link, theirs } from "./ui.js";
import { copyBlock } from "./copy.js";
import { textField } from "./form.js";
import { ending, modelAndLimit } from "./token_words.js";

const PASSWORD_MAX = 511; // bytes: what PAM takes (PROTOCOL.md section 2)

// Lines to paste.  The token goes in by standard input, a variable or a
// file, never as an argument: those can be seen by everybody on a host.
const EXAMPLES = [
	["curl", "REST", (url, t) => `curl -H @- ${quoted(url)} <<'END'
Authorization: Bearer ${t.token}
END`],
	["rclone", "WebDAV", (url, t) =>
		`export RCLONE_WEBDAV_URL=${quoted(url)}
export RCLONE_WEBDAV_BEARER_TOKEN=${t.token}
rclone lsf :webdav:`],
	["davfs2", "WebDAV, mounted; as root", (url, t) =>
		`mkdir -p /mnt/files
cat >>/etc/davfs2/davfs2.conf <<'END'
[/mnt/files]
add_header Authorization "Bearer ${t.token}"
use_locks 0
END
mount -t davfs ${quoted(url)} /mnt/files </dev/null`],
	["sftp", "the token is the password", (url, t) =>
		`sftp ${quoted(`${t.user}@${new URL(url).hostname}`)}`],
];

// One word for a shell.
const quoted = (text) => /^[\w@.:/+-]+$/.test(text) ? text
	: `'${text.replaceAll("'", "'\\''")}'`;

function address(text) {
	try {
		const url = new URL(text);
		return /^https?:$/.test(url.protocol) && url.origin + url.pathname;
	} catch {
		return null;
	}
}

function examples(t) {
	const where = textField({ name: "url", type: "url",
		label: "Where is the service?", value: "https://files.example.org",
		hint: "The lines below are for this address." });
	const first = address(where.value());
	const blocks = EXAMPLES.map(([what, hint, write]) => ({
		write, hint, what,
		block: copyBlock(`Lines for ${what}`, write(first, t)),
	}));
	where.input.addEventListener("input", () => {
		const url = address(where.value() ?? "");
		where.wrong(url ? null : "An address begins with https:// .");
		if (url)
			blocks.forEach(({ block, write }) => block.set(write(url, t)));
	});
	return card("Use it", where.node, blocks.map(({ block, what, hint }) =>
		el("section", { class: "example" },
			el("h3", null, what, el("small", null, hint)),
			block.node)),
	el("p", { class: "hint" }, "In programs that ask for a user and a "
		+ "password: the user is ", el("b", null, theirs(t.user)),
	", and the password is the token. cadaver cannot: it cuts passwords "
		+ "at 255 characters."),
	t.token.length > PASSWORD_MAX && el("p", { class: "hint" },
		"This token is too long for a password of SFTP."));
}

// The session has ended: whoever finds the page does not find a token on it.
export function forgetShown(page) {
	if (page.querySelector(".once"))
		page.replaceChildren(el("div", { class: "narrow" },
			el("h1", { tabindex: "-1" }, "Your new token"),
			el("p", null, "You had to sign in again, and it is not shown "
				+ "again. If you have not copied it, remove it and make "
				+ "another."),
			el("div", { class: "buttons" },
				link("Go to the start", "#/", "button main"))));
}

// t is what the mint answered; back is where one goes from here, list where
// that person's tokens are.
export function shownOnce(t, back, list = back) {
	const block = copyBlock("The token", t.token,
		{ kind: "main", label: "Copy" });
	const node = el("div", { class: "narrow" },
		head("Your new token", {
			above: crumbs(link(theirs(t.user), list), "New token"),
			below: [el("b", null, theirs(t.label || t.id)), " · ",
				ending(t), " · ", modelAndLimit(t)],
		}),
		el("div", { class: "once" },
			el("p", null, el("b", null, "Copy it now."),
				" It is kept nowhere, and is not shown again."),
			block.node),
		examples(t),
		el("div", { class: "buttons" },
			link("I have it: done", back, "button main")));
	return { node, focus: block.focus };
}
