// mintmark.mjs - verify Mintmark's tokens with nothing but open standards:
// its JWKS (RFC 7517), JWT (RFC 7519, 8725) and status lists
// (draft-ietf-oauth-status-list).  The part to take into your own service.
//
// What that gives, and what it does not:
//
// - A revoked token is refused within the ttl of its status list (60 s unless
//   the issuer says otherwise), not within a moment.
// - Nobody hears of uses.  A token that refreshes itself and is used here
//   alone dies idle; one that is also used at a libmintmark lives.  Its
//   window is not to be computed here: only the issuer knows its last use,
//   and puts the death of an idle token into the list, as revoked.
// - With the issuer out of reach nothing can be said once keys and lists are
//   older than they may be: `unavailable`.
//
// An agent on this host, and libmintmark, have none of these limits.
import { BlockList, isIP } from 'node:net';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const inflate = promisify(zlib.inflate);

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'];
const FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const TOKEN_MAX = 4096; // bytes
const LIST_BYTES = 2 ** 20 / 4; // 2^20 tokens, 2 bits each
const LIST_JWT_BYTES = 2 ** 20; // the same, signed, if nothing can be packed
const SKEW = 60; // seconds that clocks may differ
const TIMEOUT = 5000; // ms for an answer of the issuer
const KEYS_MAX_AGE = 60_000; // ms for which a withdrawn key is still believed

// Why a token was refused, in Mintmark's words: for the log.  A stranger gets
// one answer for all of them.
export class Refused extends Error {
  constructor(reason, cause) {
    super(reason, { cause });
    this.reason = reason;
  }
}

const REASONS = {
  ERR_JWKS_NO_MATCHING_KEY: 'unknown_key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'bad_signature',
  ERR_JOSE_ALG_NOT_ALLOWED: 'bad_signature',
  ERR_JWT_EXPIRED: 'expired',
  ERR_JOSE_GENERIC: 'unavailable', // no JWKS, or not a usable one
  ERR_JWKS_INVALID: 'unavailable',
  ERR_JWKS_TIMEOUT: 'unavailable',
};
const CLAIMS = { iss: 'wrong_issuer', nbf: 'not_yet_valid' };

function reasonOf(error) {
  if (!(error instanceof errors.JOSEError))
    return 'unavailable'; // of the network
  return REASONS[error.code] ?? CLAIMS[error.claim] ?? 'malformed';
}

const now = () => Date.now() / 1000;

function need(condition, reason) {
  if (!condition)
    throw new Refused(reason);
}

// The body of an answer, but never more of it than that.
async function readCapped(response, limit) {
  const parts = [];
  let length = 0;
  for await (const part of response.body) {
    length += part.length;
    if (length > limit)
      throw new Error('too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

// ---- status lists ----

// Each list is fetched when a token first asks for it, and again when it has
// grown as old as its ttl.
class StatusLists {
  #issuer;
  #keys;
  #held = new Map(); // address: { iat, exp, until, bits }
  #asked = new Map(); // address: promise, so that a crowd asks once

  constructor(issuer, keys) {
    this.#issuer = issuer;
    this.#keys = keys;
  }

  // 0 valid, 1 revoked, 2 suspended; undefined past the end.
  async status(uri, index) {
    const { bits } = await this.#list(uri);
    const byte = bits[Math.floor(index / 4)]; // >> would cut it to 32 bits
    return byte === undefined ? undefined : (byte >> index % 4 * 2) & 3;
  }

  #list(uri) {
    const held = this.#held.get(uri);
    if (held !== undefined && now() < held.until)
      return held;
    if (!this.#asked.has(uri))
      this.#asked.set(uri, this.#renew(uri, held).finally(
        () => this.#asked.delete(uri)));
    return this.#asked.get(uri);
  }

  async #renew(uri, held) {
    const list = await this.#fetch(uri);
    // An older one than we had would bring revoked tokens back.
    need(held === undefined || list.iat >= held.iat, 'unavailable');
    this.#held.set(uri, list);
    for (const [other, { exp }] of this.#held)
      if (exp <= now()) // nobody asked for it since
        this.#held.delete(other);
    return list;
  }

  async #fetch(uri) {
    const response = await fetch(uri, {
      headers: { accept: 'application/statuslist+jwt' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    need(response.ok, 'unavailable');
    const { payload } = await jwtVerify(
      await readCapped(response, LIST_JWT_BYTES), this.#keys, {
        algorithms: ALGORITHMS,
        typ: 'statuslist+jwt',
        issuer: this.#issuer,
        subject: uri, // or any other list would do
        requiredClaims: ['iat', 'exp', 'ttl', 'status_list'],
      });
    return readList(payload);
  }
}

async function readList({ iat, exp, ttl, status_list: { bits, lst } }) {
  need(bits === 2 && Number.isInteger(ttl) && ttl > 0, 'unavailable');
  need(iat <= now() + SKEW, 'unavailable');
  // The issuer makes lists anew in time: this one lay about somewhere.
  need(now() <= iat + ttl + SKEW, 'stale');
  return {
    iat,
    exp,
    until: Math.min(iat, now()) + ttl,
    bits: await inflate(Buffer.from(lst, 'base64url'),
      { maxOutputLength: LIST_BYTES }),
  };
}

// ---- tokens ----

// Is the address in one of the networks of the claim cidr?  Of one that is
// not known it is not.  IPv4 that came in over IPv6 is IPv4.
function isInside(cidr, address) {
  const bare = (address ?? '').replace(/%.*$/, '')
    .replace(/^::ffff:(?=[0-9.]+$)/i, '');
  const family = isIP(bare);
  return family !== 0 && cidr.split(' ').some((word) => {
    const [net, bits] = word.split('/');
    if (isIP(net) !== family)
      return false;
    const list = new BlockList();
    list.addSubnet(net, Number(bits), `ipv${family}`);
    return list.check(bare, `ipv${family}`);
  });
}

function isNetwork(word) {
  const [net, bits, ...more] = word.split('/');
  return more.length === 0 && /^[0-9]{1,3}$/.test(bits ?? '') &&
    Number(bits) <= { 0: -1, 4: 32, 6: 128 }[isIP(net)];
}

function checkCidr(cidr, address) {
  if (cidr === undefined)
    return;
  need(typeof cidr === 'string' && cidr.split(' ').every(isNetwork),
    'malformed');
  need(isInside(cidr, address), 'wrong_address');
}

function checkClaims(claims, issuer, audience) {
  const { sub, aud, iat, jti, scope } = claims;
  need(typeof sub === 'string' && typeof jti === 'string', 'malformed');
  need(scope === undefined || typeof scope === 'string', 'malformed');
  // A token without aud is good for any audience of its issuer.
  need(aud === undefined || [aud].flat().includes(audience),
    'wrong_audience');
  need(iat <= now() + SKEW, 'not_yet_valid');
  // The address is the issuer's own: nobody's token sends us elsewhere.
  const { idx, uri } = claims.status?.status_list ?? {};
  need(Number.isInteger(idx) && idx >= 0, 'malformed');
  const list = jti.split('.')[0];
  need(jti === `${list}.${idx}` && /^[1-9][0-9]{0,9}$/.test(list) &&
    uri === `${issuer}/s/${list}`, 'malformed');
}

export class Verifier {
  #issuer;
  #audience;
  #keys;
  #lists;

  constructor(issuer, audience) {
    this.#issuer = issuer;
    this.#audience = audience;
    this.#keys = createRemoteJWKSet(
      new URL(`${issuer}/.well-known/jwks.json`),
      { cacheMaxAge: KEYS_MAX_AGE, timeoutDuration: TIMEOUT });
    this.#lists = new StatusLists(issuer, this.#keys);
  }

  // The claims of a good token; else Refused.  What it may do is yet to be
  // asked: hasScope(), allows().  `address` is the other end of the
  // connection, or what our own proxy says of it.
  async verify(token, address) {
    const claims = await this.#signed(token);
    checkClaims(claims, this.#issuer, this.#audience);
    const { idx, uri } = claims.status.status_list;
    let status;
    try {
      status = await this.#lists.status(uri, idx);
    } catch (error) {
      // Whatever is wrong with the list is not the token's fault.
      throw error instanceof Refused ? error
        : new Refused('unavailable', error);
    }
    need(status !== 2, 'suspended');
    need(status === 0, 'revoked'); // past the end, too
    checkCidr(claims.cidr, address);
    return claims;
  }

  // The same for Basic, where the token must also be the user's.
  async verifyUser(user, token, address) {
    const claims = await this.verify(token, address);
    need(claims.sub === user, 'wrong_user');
    return claims;
  }

  async #signed(token) {
    // jose passes over what is not of the alphabet: we do not.
    need(token.length <= TOKEN_MAX && FORM.test(token), 'malformed');
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        algorithms: ALGORITHMS,
        typ: 'JWT', // a status list is no token (RFC 8725 section 3.11)
        issuer: this.#issuer,
        requiredClaims: ['sub', 'iat', 'exp', 'jti', 'status'],
      });
      return payload;
    } catch (error) {
      throw new Refused(reasonOf(error), error);
    }
  }
}

// ---- scopes ----

// No scope claim: all that the user may do.  Any: only what is listed.
const words = (claims) => claims.scope.split(' ');

export function hasScope(claims, name) {
  return claims.scope === undefined || words(claims).includes(name);
}

// May it do that ('r' or 'w') on the resource ids[0]?  The others are the
// folders around it: a folder's scope covers what is inside it.
export function allows(claims, type, ids, perm) {
  return claims.scope === undefined || words(claims).some((word) => {
    const [t, id, perms, ...more] = word.split(':');
    return more.length === 0 && t === type && ids.includes(id) &&
      ['r', 'w', 'rw'].includes(perms) && perms.includes(perm);
  });
}
