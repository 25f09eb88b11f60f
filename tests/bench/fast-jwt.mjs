// fast-jwt.mjs - npm's fast-jwt on the tokens that bench measured: the
// nearest thing elsewhere to a cache of verified tokens.
//
//	build/dev/tests/bench/bench --tokens /tmp/tokens verify libjwt
//	mkdir /tmp/fast-jwt && cd /tmp/fast-jwt && npm install fast-jwt
//	node .../tests/bench/fast-jwt.mjs /tmp/tokens
//
// Prints rows like those of bench -o json: nanoseconds an operation, the
// median, least and greatest of 15 rounds.  fast-jwt.hot_1k asks about
// 1,000 tokens that it has verified before, in another order, with cache:
// true (which holds just 1,000); fast-jwt.es256 verifies each anew.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ROUNDS = 15;
const SAMPLE_NS = 50e6; // a figure is never of less than that
const WARM_NS = 500e6;  // for the compiler to have done its work

const folder = process.argv[2];
if (folder === undefined) {
	console.error('fast-jwt.mjs: usage: node fast-jwt.mjs FOLDER');
	process.exit(2);
}
// From where it was installed: the folder that we are in.
const require = createRequire(join(process.cwd(), '/'));
const { createVerifier } = require('fast-jwt');
const { version } = require('fast-jwt/package.json');

const key = readFileSync(join(folder, 'key.pem'), 'utf8');
const tokens = readFileSync(join(folder, 'tokens.txt'), 'utf8')
	.split('\n').filter((line) => line !== '');

// mulberry32: the same order on every run.
function shuffled(list, seed) {
	const out = [...list];
	for (let left = out.length; left > 1; left--) {
		seed = (seed + 0x6d2b79f5) | 0;
		let x = Math.imul(seed ^ (seed >>> 15), seed | 1);
		x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
		const pick = ((x ^ (x >>> 14)) >>> 0) % left;
		[out[pick], out[left - 1]] = [out[left - 1], out[pick]];
	}
	return out;
}

function passes(verify, list, atLeast) {
	const from = process.hrtime.bigint();
	let done = 0;
	let took = 0;
	do {
		for (const token of list)
			verify(token);
		done += list.length;
		took = Number(process.hrtime.bigint() - from);
	} while (took < atLeast);
	return took / done;
}

function measure(name, options) {
	const verify = createVerifier({ key, algorithms: ['ES256'], ...options });
	for (const token of tokens)
		if (verify(token).sub !== 'alice')
			throw new Error('not the token that was signed');
	const order = shuffled(tokens, 1);
	passes(verify, order, WARM_NS);
	const ns = [];
	for (let i = 0; i < ROUNDS; i++)
		ns.push(passes(verify, order, SAMPLE_NS));
	ns.sort((a, b) => a - b);
	return { name, ns: ns[ROUNDS >> 1], min: ns[0], max: ns[ROUNDS - 1] };
}

console.log(JSON.stringify({
	machine: `node ${process.version}, fast-jwt ${version}`,
	rows: [measure('fast-jwt.hot_1k', { cache: true }),
		measure('fast-jwt.es256', {})],
}));
