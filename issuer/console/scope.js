// scope.js - what a scope may look like: the rules of common/scope.c, said
// while somebody types.  PROTOCOL.md section 3.  The mint has the last word.

const ILLEGAL = /[^\x21\x23-\x5B\x5D-\x7E]/u;
const PERMS = new Map([["r", "read"], ["w", "write"],
	["rw", "read and write"]]);

// Scopes that the mint itself looks at.
const OWN = new Map([
	["mintmark:admin", "an administrator of this mint: everything"],
	["mintmark:agent", "an agent, which verifies tokens on a host"],
	["mintmark:self", "manages the person’s own tokens here"],
]);

// What is wrong with one word; null: nothing.
export function wrongScope(word) {
	const bad = word.match(ILLEGAL);
	const last = word.split(":")[2];
	if (bad)
		return `“${bad[0]}” cannot stand in a scope: letters, digits `
			+ "and signs can, but no \" and no \\.";
	if (/^:|::|:$/.test(word))
		return `“${word}” has an empty part: write something on both `
			+ "sides of each colon.";
	if (/^[^:]+:[^:]+:[rwxd]+$/i.test(word) && !PERMS.has(last))
		return `“${word}” ends in “${last}”: the permission must be `
			+ "r, w or rw.";
	return null;
}

// What a word means, as far as the mint knows.
export function meaning(word) {
	const [type, id, perm, more] = word.split(":");
	if (PERMS.has(perm) && more === undefined)
		return `${PERMS.get(perm)}: ${type} ${id}, and what is inside`;
	return OWN.get(word) ?? (word.includes(",")
		? "one right, with its comma: a space is what separates two"
		: "a named right: services look for just this word");
}
