// route.js - addresses within the console: #/people/alice?status=active
//
// They are what the browser's Back and a bookmark know; everything that
// decides what is shown is in them, and nothing secret is.

export function href(segments, query = {}) {
	const given = Object.entries(query).filter(([, v]) => v);
	const tail = given.length ? `?${new URLSearchParams(given)}` : "";
	return `#/${segments.map(encodeURIComponent).join("/")}${tail}`;
}

function decode(segment) {
	try {
		return decodeURIComponent(segment);
	} catch {
		return segment; // a bad escape: there will be no such page
	}
}

export function here() {
	const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
	return {
		segments: path.split("/").filter(Boolean).map(decode),
		query: Object.fromEntries(new URLSearchParams(query)),
	};
}

// Go there; a page that is left by this is not one to come back to when
// `instead`.
export function go(to, instead = false) {
	if (instead)
		location.replace(to);
	else
		location.hash = to;
}

// The address changes (a search, a filter), the page stays.
export function note(to) {
	history.replaceState(null, "", to);
}
