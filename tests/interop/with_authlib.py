#!/usr/bin/env python3
"""Authlib: its OAuth client (RFC 8414, 7662, 7009, 8693) against a live issuer,
and its JOSE.

One thing it does not take: of the metadata's response_types_supported, which
RFC 8414 requires, it wants one at least.  Mintmark has no authorization
endpoint, so none is true, and section 3.2, which has empty arrays left out,
does not say what then becomes of a required one.  It is there, and empty, for
those clients that look for an array.
"""
import json
import os
import unittest

from interop import FOR_FILES, Interop, corrupted, main, payload
from signs import ALGORITHMS, WRONG_HEADERS, Signer, Signs, changed

# http is for the test's loopback: it has to be asked for.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
try:
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.requests_client import OAuth2Auth, OAuth2Session
    from authlib.jose import (JsonWebKey, JsonWebSignature, JsonWebToken,
                              errors)
    from authlib.oauth2.rfc8414 import (AuthorizationServerMetadata,
                                        get_well_known_url)
except ImportError:
    JsonWebToken = None

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPES = "urn:ietf:params:oauth:token-type:"
missing = unittest.skipIf(JsonWebToken is None,
                          "python3-authlib or python3-requests is missing")


class Client(Interop):
    def setUp(self):
        super().setUp()
        self.session = OAuth2Session(
            "a-client", token_endpoint_auth_method="none",
            revocation_endpoint_auth_method="none")
        self.session.trust_env = False  # nobody's proxy
        self.addCleanup(self.session.close)
        self.meta = AuthorizationServerMetadata(self.session.get(
            get_well_known_url(self.mint.name, external=True),
            withhold_token=True).json())

    def exchange_by_client(self, token, **more):
        return self.session.fetch_token(
            self.meta["token_endpoint"], grant_type=EXCHANGE,
            subject_token=token, subject_token_type=TYPES + "jwt", **more)


@missing
class Metadata(Client):
    def test_each_member(self):
        self.assertEqual(self.meta["issuer"], self.mint.name)
        for name in self.meta.REGISTRY_KEYS:
            if name != "response_types_supported":
                getattr(self.meta, f"validate_{name}")()
        self.assertEqual(self.meta["response_types_supported"], [])
        with self.assertRaises(ValueError):
            self.meta.validate_response_types_supported()

    def test_what_is_wrong_would_be_seen(self):
        for name, wrong in (("issuer", self.mint.name + "?x"),
                            ("token_endpoint", None),
                            ("grant_types_supported", EXCHANGE)):
            with self.assertRaises(ValueError, msg=name):
                bad = AuthorizationServerMetadata({**self.meta, name: wrong})
                getattr(bad, f"validate_{name}")()


@missing
class Introspection(Client):
    def look(self, token, by):
        return self.session.introspect_token(
            self.meta["introspection_endpoint"], token, auth=OAuth2Auth(
                {"access_token": by, "token_type": "Bearer"}))

    def test_good_and_garbage(self):
        agent = self.mint.mint("svc", scopes=["mintmark:agent"])["token"]
        good = self.mint.mint("alice", scopes=["photos:read"])["token"]
        said = self.look(good, agent).json()
        self.assertIs(said["active"], True)
        self.assertEqual(changed(said, {
            "active": None, "username": None, "token_type": None}),
            payload(good))
        for token in ("garbage", *corrupted(good)):
            self.assertEqual(self.look(token, agent).json(),
                             {"active": False}, token)

    def test_who_may_ask(self):
        good = self.mint.mint("alice", scopes=["photos:read"])["token"]
        for by, status in ((good, 403), ("garbage", 401)):
            said = self.look(good, by)
            self.assertEqual(said.status_code, status)
            self.assertNotIn("active", said.json())


@missing
class Revocation(Client):
    def revoke(self, token, **more):
        return self.session.revoke_token(self.meta["revocation_endpoint"],
                                         token, **more)

    def test_it_is_refused_from_then_on(self):
        for hint in (None, "access_token", "refresh_token"):
            token = self.mint.mint()["token"]
            self.assert_valid(token, "before")
            self.assertEqual(self.revoke(
                token, token_type_hint=hint).status_code, 200)
            self.assert_refused(token, "revoked", hint)
        self.assertEqual(self.revoke("garbage").status_code, 200)

    def test_a_type_that_is_not_revoked(self):
        access, _ = self.exchange(self.mint.mint()["token"], "files")
        said = self.revoke(access)
        self.assertEqual((said.status_code, said.json()["error"]),
                         (400, "unsupported_token_type"))
        self.assert_valid(access, "not revoked", *FOR_FILES)


@missing
class Exchange(Client):
    def test_an_access_token(self):
        parent = self.mint.mint("alice", audience=["files"],
                                scopes=["photos:read", "photos:write"])
        said = self.exchange_by_client(parent["token"], scope="photos:read")
        self.assertEqual(
            (said["token_type"], said["issued_token_type"], said["scope"]),
            ("Bearer", TYPES + "access_token", "photos:read"))
        self.assert_valid(said["access_token"], "by us", *FOR_FILES, "--need", "photos:read")
        self.assert_refused(said["access_token"], "insufficient_scope",
                            "not asked for", *FOR_FILES,
                            "--need", "photos:write")

    def test_more_than_there_is(self):
        some = self.mint.mint("alice", audience=["files"],
                              scopes=["photos:read"])["token"]
        for token, more, word in (
                (some, {"scope": "photos:write"}, "invalid_scope"),
                (some, {"audience": "mail"}, "invalid_target"),
                (some, {"requested_token_type": TYPES + "saml2"},
                 "invalid_request"),
                ("garbage", {}, "invalid_request")):
            with self.assertRaises(OAuthError) as caught:
                self.exchange_by_client(token, **more)
            self.assertEqual(caught.exception.error, word)


@missing
class TheyRead(Interop):
    def read(self, token, **options):
        """The claims, checked: by the key that the kid names."""
        keys = JsonWebKey.import_key_set(self.jwks())
        claims = JsonWebToken(ALGORITHMS).decode(
            token, keys, claims_options={
                "iss": {"essential": True, "value": self.mint.name},
                **options})
        claims.validate()
        return claims

    def test_tokens_of_each_algorithm(self):
        for alg in ALGORITHMS:
            self.sign_with(alg)
            token = self.mint.mint(audience=["files"],
                                   allow_long=True)["token"]
            files, mail = ({"essential": True, "value": value}
                           for value in ("files", "mail"))
            self.assertEqual(self.read(token, aud=files), payload(token))
            with self.assertRaises(errors.InvalidClaimError):
                self.read(token, aud=mail)
            *broken, forged = corrupted(token)
            with self.assertRaises(errors.BadSignatureError):
                self.read(forged)
            for bad in broken:
                with self.assertRaises((errors.JoseError, ValueError)):
                    self.read(bad)

    def test_thumbprints_name_the_keys(self):
        for alg in ALGORITHMS[1:]:
            self.key_command("generate", "--alg", alg)
        for key in JsonWebKey.import_key_set(self.jwks()).keys:
            self.assertEqual(key.thumbprint()[:11], key.kid)


@missing
class TheySign(Signs, Signer):
    # a crit that it does not know it will not write, either
    HEADERS = [h for h in WRONG_HEADERS if "crit" not in h[0]]

    def sign(self, claims=None, **head):
        # JsonWebToken writes typ JWT whatever it is told
        return JsonWebSignature(ALGORITHMS).serialize_compact(
            changed(self.head, head),
            json.dumps(claims or self.claims).encode(), self.pem).decode()


if __name__ == "__main__":
    main()
