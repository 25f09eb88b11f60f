// api.js - talking to the mint.  PROTOCOL.md section 7.
//
// Who asks is in a cookie that no script can read; the header says that the
// console asks, which a form on somebody else's page cannot.

// Where the mint is, also behind a proxy that serves it under a path.
const ROOT = new URL("../", document.baseURI);

// A refusal, in the words of RFC 9457: `message` is its sentence.
class Problem extends Error {
	constructor(status, { detail, title, field, reason } = {}) {
		super(sentence(detail ?? title ?? `The mint answered ${status}.`));
		this.status = status;
		this.field = field;
		this.reason = reason;
	}
}

function sentence(text) {
	const s = text.charAt(0).toUpperCase() + text.slice(1);
	return /[.!?)]$/.test(s) ? s : `${s}.`;
}

// path`/v1/tokens/${id}`, with what is put in escaped.
export function path(parts, ...values) {
	return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

export function query(to, params) {
	const given = Object.entries(params).filter(([, v]) => v);
	return given.length ? `${to}?${new URLSearchParams(given)}` : to;
}

// Asked when the session has ended: resolves when there is one again, of
// the same person, and what was refused can be asked once more.
let again = async () => false;
export function whenSignedOut(run) {
	again = run;
}

async function send(method, to, body, headers) {
	const init = {
		method,
		headers: { "X-Mintmark-Console": "1", ...headers },
		credentials: "same-origin",
		cache: "no-store",
	};
	if (body !== undefined) {
		init.headers["Content-Type"] = "application/json";
		init.body = JSON.stringify(body);
	}
	try {
		return await fetch(new URL(to.slice(1), ROOT), init);
	} catch {
		throw new Problem(0, {
			detail: "the mint cannot be reached: try again in a moment",
		});
	}
}

// A line each is an array.
function parse(type, text) {
	return type?.startsWith("application/x-ndjson")
		? text.split("\n").filter(Boolean).map((line) => JSON.parse(line))
		: text ? JSON.parse(text) : null;
}

async function read(response) {
	const text = await response.text();
	let json;
	try {
		json = parse(response.headers.get("Content-Type"), text);
	} catch {
		json = null; // a proxy's page, say
	}
	if (!response.ok)
		throw new Problem(response.status, json ?? {});
	return json;
}

// What it answers, as an object; else throws a Problem.
export async function call(method, to, body, headers) {
	let response = await send(method, to, body, headers);
	if (response.status === 401 && await again())
		response = await send(method, to, body, headers);
	return read(response);
}

export const get = (to, params = {}) => call("GET", query(to, params));

// A request that must not be done twice, although it may be sent twice:
// when no answer came it is asked for once more.
export async function once(to, body) {
	const key = Array.from(crypto.getRandomValues(new Uint8Array(18)),
		(b) => b.toString(16).padStart(2, "0")).join("");
	const ask = () => call("POST", to, body, { "Idempotency-Key": key });
	try {
		return await ask();
	} catch (e) {
		if (e.status !== 0)
			throw e;
		return ask();
	}
}

// ---- the session ----

export async function signIn(token, user) {
	return read(await send("POST", "/console/session",
		user ? { token, user } : { token }));
}

export async function signOut() {
	await read(await send("DELETE", "/console/session"));
}

// Who is signed in; null: nobody.
export async function whoAmI() {
	const response = await send("GET", "/v1/me");
	return response.status === 401 ? null : read(response);
}
