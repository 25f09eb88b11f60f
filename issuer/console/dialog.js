// dialog.js - a question before something is done.
//
// The browser's own <dialog>: it keeps the focus inside, Escape answers no,
// and when it closes the focus goes back to where it was, or to the head of
// the page when that is gone.

import { button, el, focusHead, newId } from "./ui.js";

// Resolves to what run() gave, or to undefined when the answer was no.  What
// run() throws is said in the dialog, and it can be tried again.
export function ask({ title, body, yes, no = "Cancel", kind = "main", run }) {
	return new Promise((resolve) => {
		const before = document.activeElement;
		const id = newId();
		let result;
		const error = el("p", { class: "error whole", role: "alert" });
		const act = el("button", { type: "submit", class: kind }, yes);
		const box = el("dialog", { "aria-labelledby": id,
			"aria-describedby": `${id}b` },
		el("form", { method: "dialog", submit },
			el("h2", { id }, title),
			el("div", { id: `${id}b` }, body), error,
			el("div", { class: "buttons" }, act,
				button(no, () => box.close()))));

		async function submit(e) {
			e.preventDefault();
			act.disabled = true;
			error.textContent = "";
			try {
				result = await run();
				box.close();
			} catch (problem) {
				error.textContent = problem.message;
			} finally {
				act.disabled = false;
			}
		}
		// It is about the page that it stands on.  What is under way is
		// waited for: what it gives may be shown this once.
		const left = () => act.disabled || box.close();
		addEventListener("hashchange", left);
		box.addEventListener("close", () => {
			removeEventListener("hashchange", left);
			box.remove();
			if (before?.isConnected)
				before.focus();
			else
				focusHead();
			resolve(result);
		});
		document.body.append(box);
		box.showModal();
		if (kind === "danger") // what a hasty Enter does is nothing
			box.querySelector("button:not([type=submit])").focus();
	});
}
