#!/usr/bin/env python3
"""npm's oauth4webapi: metadata (RFC 8414), introspection (RFC 7662),
revocation (RFC 7009), exchange (RFC 8693) and access tokens (RFC 9068), by its
own functions against a live issuer.  npm/oauth.mjs is who uses it."""
import pathlib
import tempfile

from interop import FOR_FILES, Interop, corrupted, main, payload
from node import Asks, Script, Thrown, install

SOURCE = pathlib.Path(__file__).resolve().parent / "npm"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
CHALLENGED = "OAUTH_WWW_AUTHENTICATE_CHALLENGE"
home = None  # where the script lies, with its packages


class OAuth(Asks, Interop):
    def setUp(self):
        super().setUp()
        self.script = Script(home / "oauth.mjs")
        self.addCleanup(self.script.close)
        self.ask = self.script.ask
        self.meta = self.ask("discover", issuer=self.mint.name)

    def exchange_of(self, token, **more):
        return {"parameters": {"subject_token": token,
                               "subject_token_type": ACCESS, **more}}


class Metadata(OAuth):
    def test_what_it_finds(self):
        self.assertEqual(self.meta["issuer"], self.mint.name)
        self.assertEqual(self.meta["grant_types_supported"],
                         ["urn:ietf:params:oauth:grant-type:token-exchange"])

    def test_another_issuers(self):
        """RFC 8414 section 3.3: what it says must be whom was asked for."""
        for expected in ("https://pat.example.org", self.mint.name + "/pat",
                         self.mint.name.replace("http:", "https:")):
            said = self.refused("OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED",
                                "discover", issuer=self.mint.name,
                                expected=expected)
            self.assertEqual(said["cause"]["attribute"], "issuer")

    def test_an_issuer_that_is_not_there(self):
        """Section 3.1 asks for it at another address: 404."""
        self.refused("OAUTH_RESPONSE_IS_NOT_CONFORM", "discover",
                     issuer=self.mint.name + "/pat")

    def test_http_has_to_be_asked_for(self):
        self.refused("OAUTH_HTTP_REQUEST_FORBIDDEN", "discover",
                     issuer=self.mint.name, secure=True)


class Introspection(OAuth):
    def setUp(self):
        super().setUp()
        self.agent_token = self.mint.mint(
            "svc", scopes=["mintmark:agent"])["token"]

    def look(self, token):
        return self.ask("introspect", token=token, by=self.agent_token)

    def test_a_good_token(self):
        t = self.mint.mint("alice", scopes=["photos:read"],
                           audience=["files"])
        said = self.look(t["token"])
        self.assertIs(said["active"], True)
        for name, value in payload(t["token"]).items():
            self.assertEqual(said[name], value, name)

    def test_all_else_is_inactive(self):
        revoked = self.mint.mint()
        self.mint.revoke(revoked["id"])
        good = self.mint.mint()["token"]
        for token in ("garbage", "a.b.c", revoked["token"],
                      *corrupted(good)):
            self.assertEqual(self.look(token), {"active": False}, token)
        self.assertIs(self.look(good)["active"], True)

    def test_who_may_ask(self):
        token = self.mint.mint()["token"]
        little = self.mint.mint("svc", scopes=["photos:read"])["token"]
        for who, status, error in (
                ({}, 401, None), ({"by": "garbage"}, 401, "invalid_token"),
                ({"by": little}, 403, "insufficient_scope"),
                ({"secret": "guessed"}, 401, None)):
            said = self.refused(CHALLENGED, "introspect", token=token, **who)
            challenge, = said["cause"]
            self.assertEqual(challenge["scheme"], "bearer")
            self.assertEqual(challenge["parameters"].get("error"), error)
            self.assertEqual(said["status"], status)


class Revocation(OAuth):
    def test_it_is_refused_from_then_on(self):
        for hint in (None, "access_token", "unheard_of"):
            t = self.mint.mint()
            self.assert_valid(t["token"], "before")
            self.assertIsNone(self.ask("revoke", token=t["token"], hint=hint))
            self.assert_refused(t["token"], "revoked", hint)

    def test_what_is_no_token(self):
        """RFC 7009 section 2.2: no error, and nothing done."""
        good = self.mint.mint()["token"]
        for token in ("garbage", *corrupted(good)):
            self.assertIsNone(self.ask("revoke", token=token))
        self.assert_valid(good, "not revoked")

    def test_a_type_that_is_not_revoked(self):
        """Section 2.2.1"""
        parent = self.mint.mint()
        token, _ = self.exchange(parent["token"], "files")
        said = self.refused("unsupported_token_type", "revoke", token=token)
        self.assertIn(parent["id"], said["cause"]["error_description"])
        self.assert_valid(token, "not revoked", *FOR_FILES)


class Exchange(OAuth):
    def setUp(self):
        super().setUp()
        self.parent = self.mint.mint(
            "alice", scopes=["photos:read", "photos:write"],
            audience=["files", "mail"])

    def test_an_access_token(self):
        said = self.ask("exchange", **self.exchange_of(
            self.parent["token"], scope="photos:read", audience="files"))
        self.assertEqual(
            (said["token_type"], said["issued_token_type"], said["scope"]),
            ("bearer", ACCESS, "photos:read"))
        self.assertGreater(said["expires_in"], 0)
        claims = self.ask("access", token=said["access_token"],
                          audience="files")
        self.assertEqual(claims, payload(said["access_token"]))
        self.assertEqual((claims["sub"], claims["client_id"]),
                         ("alice", self.parent["id"]))
        self.assert_valid(said["access_token"], "by us, too",
                          *FOR_FILES)

    def test_what_they_refuse_of_it(self):
        token = self.ask("exchange", **self.exchange_of(
            self.parent["token"], audience="files"))["access_token"]
        self.refused("OAUTH_JWT_CLAIM_COMPARISON_FAILED", "access",
                     token=token, audience="mail")
        *broken, forged = corrupted(token)
        for bad in (self.parent["token"], forged):
            self.refused("OAUTH_INVALID_RESPONSE", "access", token=bad,
                         audience="files")
        for bad in broken:  # by the signature, if it is still JSON
            with self.assertRaises(Thrown) as caught:
                self.ask("access", token=bad, audience="files")
            self.assertIn(caught.exception.word, (
                "OAUTH_PARSE_ERROR", "OAUTH_INVALID_RESPONSE"))

    def test_a_client_that_says_who_it_is(self):
        """There are no clients here, and so no secrets to be wrong: the
        metadata says none."""
        for name in ("token", "revocation"):
            self.assertEqual(
                self.meta[f"{name}_endpoint_auth_methods_supported"],
                ["none"])
        said = self.ask("exchange", secret="any", **self.exchange_of(
            self.parent["token"], audience="files"))
        self.ask("access", token=said["access_token"], audience="files")
        self.ask("revoke", secret="any", token=self.parent["token"])
        self.assert_refused(self.parent["token"], "revoked", "with a secret")

    def test_more_than_there_is(self):
        other = self.mint.mint("bob")
        self.mint.revoke(other["id"])
        for token, more, word in (
                (self.parent["token"], {"scope": "photos:read x"},
                 "invalid_scope"),
                (self.parent["token"], {"scope": "mintmark:admin"},
                 "invalid_scope"),
                (self.parent["token"], {"audience": "elsewhere"},
                 "invalid_target"),
                (self.parent["token"], {"resource": "https://elsewhere/"},
                 "invalid_target"),
                (self.parent["token"], {"actor_token": self.parent["token"],
                                        "actor_token_type": ACCESS},
                 "invalid_request"),
                (other["token"], {"audience": "files"}, "invalid_request"),
                ("garbage", {"audience": "files"}, "invalid_request")):
            said = self.refused(word, "exchange",
                                **self.exchange_of(token, **more))
            self.assertEqual(said["status"], 400)
        self.refused("unsupported_grant_type", "exchange",
                     grant="client_credentials",
                     **self.exchange_of(self.parent["token"]))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mintmark-npm-") as folder:
        home = install(SOURCE, folder)
        main()
