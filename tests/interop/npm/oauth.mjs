// oauth.mjs - the `oauth4webapi` package, as a client and a resource server
// would use it.  http is for the test's loopback: it has to be asked for.
import * as oauth from 'oauth4webapi';
import { serve } from './lines.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const insecure = { [oauth.allowInsecureRequests]: true };
const client = { client_id: 'a-client' };
let server; // its metadata, once discovered

// RFC 6750: the Bearer of the metadata's introspection_endpoint_auth_methods.
const bearer = (token) => (as, who, body, headers) =>
  headers.set('authorization', `Bearer ${token}`);

function authentication({ by, secret }) {
  if (by)
    return bearer(by);
  return secret ? oauth.ClientSecretBasic(secret) : oauth.None();
}

// Asked of one issuer, expected of another: the same unless the test lies.
async function discover({ issuer, expected, secure }) {
  const response = await oauth.discoveryRequest(new URL(issuer), {
    algorithm: 'oauth2', ...(secure ? {} : insecure),
  });
  server = await oauth.processDiscoveryResponse(
    new URL(expected ?? issuer), response);
  return server;
}

async function introspect({ token, ...who }) {
  const response = await oauth.introspectionRequest(
    server, client, authentication(who), token, insecure);
  return oauth.processIntrospectionResponse(server, client, response);
}

async function revoke({ token, hint, ...who }) {
  const response = await oauth.revocationRequest(
    server, client, authentication(who), token, {
      ...insecure,
      ...(hint && { additionalParameters: { token_type_hint: hint } }),
    });
  await oauth.processRevocationResponse(response);
}

async function exchange({ grant, parameters, ...who }) {
  const response = await oauth.genericTokenEndpointRequest(
    server, client, authentication(who), grant ?? EXCHANGE, parameters,
    insecure);
  return oauth.processGenericTokenEndpointResponse(server, client, response);
}

// RFC 9068 section 4, by the keys of the metadata's jwks_uri
const access = ({ token, audience }) => oauth.validateJwtAccessToken(
  server, new Request('http://127.0.0.1/notes', {
    headers: { authorization: `Bearer ${token}` },
  }), audience, insecure);

await serve({ discover, introspect, revoke, exchange, access });
