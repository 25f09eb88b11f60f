// network.js - what an address or a network may look like, while somebody
// types it: the rules of common/cidr.c.  The mint has the last word.

// The bytes of an address; null: it is none.
function bytesOf(text) {
	return text.includes(":") ? bytesOf6(text)
		: /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split(".").every(
			(n) => n <= 255) ? text.split(".").map(Number) : null;
}

// As the browser reads it: in groups of hexadecimal digits, the longest row
// of zeros left out.
function bytesOf6(text) {
	if (!URL.canParse(`http://[${text}]`))
		return null;
	const [head, tail] = new URL(`http://[${text}]`).hostname.slice(1, -1)
		.split("::").map((part) => part.split(":").filter(Boolean));
	const zeros = Array(8 - head.length - (tail?.length ?? 0)).fill("0");
	return [...head, ...zeros, ...tail ?? []].flatMap((group) =>
		[parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}

function written(bytes) {
	if (bytes.length === 4)
		return bytes.join(".");
	const groups = Array.from({ length: 8 }, (_, i) =>
		(bytes[2 * i] << 8 | bytes[2 * i + 1]).toString(16));
	return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

// What is wrong with one word; null: nothing.
export function wrongNetwork(text) {
	const [address, bits, more] = text.split("/");
	const bytes = bytesOf(address);
	if (!bytes || more !== undefined || (bits !== undefined
		&& !(/^\d{1,3}$/.test(bits) && bits <= 8 * bytes.length)))
		return `“${text}” is no network: it looks like 192.0.2.0/24 or `
			+ "2001:db8::/32, or is one address.";
	const net = written(bytes.map((b, i) => b & 0xff00 >> Math.min(8,
		Math.max(0, (bits ?? 128) - 8 * i)) & 255));
	return net === written(bytes) ? null : `“${text}” is an address inside `
		+ `of the network ${net}/${bits}: write that, or the address alone.`;
}

// Could it become one, when more is typed?
export function begunNetwork(text) {
	if (text.endsWith("/"))
		return bytesOf(text.slice(0, -1)) !== null;
	const numbers = text.split(".");
	return !bytesOf(text) && (/^[\da-f:]*$/i.test(text)
		|| (/^[\d.]*$/.test(text) && numbers.length <= 4
			&& numbers.every((n) => n <= 255)));
}
