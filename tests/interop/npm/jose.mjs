// jose.mjs - the `jose` package, as a service that knows nothing of Mintmark
// would use it.
import { inflateSync } from 'node:zlib';
import {
  SignJWT, UnsecuredJWT, calculateJwkThumbprint, createRemoteJWKSet,
  importPKCS8, jwtVerify,
} from 'jose';
import { serve } from './lines.mjs';

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'];
const sets = new Map();

// Kept, as a service keeps it, with jose's own idea of how long.
function keysOf(issuer) {
  if (!sets.has(issuer))
    sets.set(issuer, createRemoteJWKSet(
      new URL(`${issuer}/.well-known/jwks.json`)));
  return sets.get(issuer);
}

async function verify({ issuer, token, ...options }) {
  const { payload, protectedHeader } = await jwtVerify(
    token, keysOf(issuer), { algorithms: ALGORITHMS, issuer, ...options });
  return { payload, header: protectedHeader };
}

async function sign({ pem, secret, header, claims }) {
  const key = secret ? new TextEncoder().encode(secret)
    : await importPKCS8(pem, header.alg);
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}

// draft-ietf-oauth-status-list, sections 8.1 and 8.3
async function status({ issuer, token }) {
  const { payload } = await verify({ issuer, token, typ: 'JWT' });
  const { idx, uri } = payload.status.status_list;
  const response = await fetch(uri, {
    headers: { accept: 'application/statuslist+jwt' },
  });
  const list = await verify({
    issuer,
    token: await response.text(),
    typ: 'statuslist+jwt',
    subject: uri,
    requiredClaims: ['iat', 'exp', 'ttl', 'status_list'],
  });
  const { bits, lst } = list.payload.status_list;
  const bytes = inflateSync(Buffer.from(lst, 'base64url'));
  const a_byte = 8 / bits;
  return {
    type: response.headers.get('content-type'),
    bits,
    value: bytes[Math.floor(idx / a_byte)] >> idx % a_byte * bits &
      2 ** bits - 1,
  };
}

async function get({ url, headers }) {
  const response = await fetch(url, { headers });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

await serve({
  verify, sign, status, get,
  thumbprint: ({ jwk }) => calculateJwkThumbprint(jwk),
  unsecured: ({ claims }) => new UnsecuredJWT(claims).encode(),
});
