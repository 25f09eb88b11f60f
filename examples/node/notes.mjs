// notes.mjs - notes over HTTP, opened by personal access tokens.
//
//   node notes.mjs ISSUER PORT
//
//   GET    /notes              your notes: named scope notes:list
//   GET    /notes/travel/rome  one of them: node:ID:r
//   PUT    /notes/travel/rome  write it: node:ID:w
//   DELETE /notes/travel/rome  the same
//
// ID is the note's own path, /travel/rome, or that of a folder around it,
// /travel, or root.  Which notes are yours says the token's user; its scopes
// only narrow that.
//
// Serves plain HTTP on 127.0.0.1: put a TLS proxy in front.
import { createServer, STATUS_CODES } from 'node:http';
import { allows, hasScope, Refused, Verifier } from './mintmark.mjs';

const REALM = 'realm="notes"';
const NOTE_MAX = 4096; // bytes of a note
const NOTES_MAX = 64; // notes of all users
const PATH_MAX = 127;
// Letters, digits and "._-" only, and no name that is empty or begins with a
// dot or dash: nothing here can be misread, in a scope or a header.
const PLAIN = /^(\/[A-Za-z0-9_][A-Za-z0-9._-]*){1,8}$/;

// The notes themselves, by user and path: a stand-in for your database.
const notes = new Map();
const keyOf = (user, path) => JSON.stringify([user, path]);

// ---- what the routes do, once the token may ----

function listNotes(user) {
  const mine = [...notes.values()].filter((note) => note.user === user);
  return { status: 200, body: mine.map(({ path }) => `${path}\n`).join('') };
}

function readNote(user, path) {
  const note = notes.get(keyOf(user, path));
  return note === undefined ? { status: 404 }
    : { status: 200, body: note.text };
}

function writeNote(user, path, text) {
  const isNew = !notes.has(keyOf(user, path));
  if (isNew && notes.size >= NOTES_MAX)
    return { status: 507 };
  notes.set(keyOf(user, path), { user, path, text });
  return { status: isNew ? 201 : 204 };
}

function deleteNote(user, path) {
  return { status: notes.delete(keyOf(user, path)) ? 204 : 404 };
}

// scope: the named scope that opens it; perm: what is needed on the note.
const LIST = {
  GET: { act: listNotes, scope: 'notes:list' },
  HEAD: { act: listNotes, scope: 'notes:list' },
};
const NOTE = {
  GET: { act: readNote, perm: 'r' },
  HEAD: { act: readNote, perm: 'r' },
  PUT: { act: writeNote, perm: 'w' },
  DELETE: { act: deleteNote, perm: 'w' },
};

function routesOf(path) {
  if (path === '/notes')
    return LIST;
  return path.startsWith('/notes/') ? NOTE : undefined;
}

// ---- who asks? ----

async function readCredentials(verifier, sent, address) {
  // Who sends two may mean either: a proxy in front may have judged the
  // other one, so neither is believed.
  const [, scheme, credentials] =
    (sent.length === 1 && /^(\S+) (.*)$/.exec(sent[0])) || [];
  switch (scheme?.toLowerCase()) {
    case 'bearer': // RFC 6750 section 2.1
      return verifier.verify(credentials, address);
    case 'basic': { // RFC 7617: the token as the password
      const pair = Buffer.from(credentials, 'base64');
      if (pair.toString('base64') !== credentials)
        throw new Refused('malformed');
      const [user, ...token] = pair.toString().split(':');
      return verifier.verifyUser(user, token.join(':'), address);
    }
    default:
      throw new Refused('malformed');
  }
}

// A stranger gets one answer, whatever was wrong with the token: the reason is
// for the log (RFC 6750 section 3.1).
function refusal(reason, presented, scope) {
  const error = presented ? ', error="invalid_token"' : '';
  switch (reason) {
    case 'stale': // our trouble, not the token's
    case 'unavailable':
      return { status: 503, headers: { 'Retry-After': '10' } };
    case 'insufficient_scope':
      return { status: 403, headers: { 'WWW-Authenticate':
        `Bearer ${REALM}, error="insufficient_scope", scope="${scope}"` } };
    default:
      return { status: 401, headers: { 'WWW-Authenticate': [
        `Bearer ${REALM}${error}`, `Basic ${REALM}, charset="UTF-8"`] } };
  }
}

// ---- may they? ----

// /travel/rome lies in /travel, and that in root.  (Services whose folders
// move use ids that stay: the chain then comes from the database.)
function chain(path) {
  const ids = [];
  for (; path !== ''; path = path.slice(0, path.lastIndexOf('/')))
    ids.push(path);
  return [...ids, 'root'];
}

function checkScope(claims, route, path) {
  const may = route.scope !== undefined ? hasScope(claims, route.scope)
    : allows(claims, 'node', chain(path), route.perm);
  if (!may)
    throw new Refused('insufficient_scope');
}

// The token's id may be logged; the token, and the client's own text, not.
function log(method, route, claims, said) {
  console.error('%s %s id=%s %s', method, route.scope ? '/notes' : '/notes/',
    claims?.jti ?? '-', said);
}

async function guarded(verifier, route, request, path) {
  const sent = request.headersDistinct.authorization ?? [];
  let claims;
  try {
    // Behind a proxy this is the proxy's; its client's is the last one in
    // X-Forwarded-For, if that proxy writes it.
    claims = await readCredentials(verifier, sent,
      request.socket.remoteAddress);
    if (!route.scope && (path.length > PATH_MAX || !PLAIN.test(path)))
      return { status: 400 };
    checkScope(claims, route, path);
  } catch (error) {
    if (!(error instanceof Refused))
      throw error;
    log(request.method, route, claims, sent.length ? error.reason
      : 'no_token');
    return refusal(error.reason, sent.length !== 0,
      route.scope ?? `node:${path}:${route.perm}`);
  }
  log(request.method, route, claims, 'ok');
  const body = await readBody(request);
  return body === undefined ? { status: 413 }
    : route.act(claims.sub, path, body);
}

// undefined: it is too large, and was thrown away.
async function readBody(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length <= NOTE_MAX)
      parts.push(part);
  }
  return length <= NOTE_MAX ? Buffer.concat(parts) : undefined;
}

async function answer(verifier, request) {
  const [full] = request.url.split('?');
  const routes = routesOf(full);
  if (routes === undefined)
    return { status: 404 };
  if (!Object.hasOwn(routes, request.method))
    return { status: 405, headers: { Allow: Object.keys(routes).join(', ') } };
  return guarded(verifier, routes[request.method], request,
    full.slice('/notes'.length));
}

async function onRequest(verifier, request, response) {
  let reply;
  try {
    reply = await answer(verifier, request);
  } catch (error) {
    console.error(error.name); // not its text, which may quote the client
    reply = { status: 500 };
  }
  const { status, headers, body = `${STATUS_CODES[status]}\n` } = reply;
  response.writeHead(status, {
    'Content-Type': 'text/plain', 'Cache-Control': 'no-store', ...headers,
    ...(status === 204 ? {} : { 'Content-Length': Buffer.byteLength(body) }),
  });
  response.end(status === 204 ? undefined : body);
  request.resume(); // what was not read of it
}

const [issuer, port] = process.argv.slice(2);
if (!/^https?:\/\/\S*[^/]$/.test(issuer) || !/^\d+$/.test(port)) {
  console.error('usage: notes.mjs ISSUER PORT');
  process.exit(2);
}
const verifier = new Verifier(issuer, 'notes');
const server = createServer((request, response) =>
  onRequest(verifier, request, response));
server.listen(Number(port), '127.0.0.1', () =>
  console.error(`notes: http://127.0.0.1:${port}/notes`));
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    server.close(); // answers under way are finished
    server.closeIdleConnections();
  });
