#!/usr/bin/env python3
"""npm's jose: it reads what we sign, our keys and our status lists over HTTP,
and we what it signs.  npm/jose.mjs is the service that uses it."""
import json
import pathlib
import tempfile
import time
import unittest

from interop import (FOR_FILES, Interop, b64, corrupted, header, main, payload,
                     wait_for)
from node import Asks, Script, Thrown, assert_pinned, install
from signs import ALGORITHMS, Signer, Signs, changed

SOURCE = pathlib.Path(__file__).resolve().parent / "npm"
BAD_SIGNATURE = "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
BAD_CLAIM = "ERR_JWT_CLAIM_VALIDATION_FAILED"
home = None  # where the script lies, with its packages


class Jose(Asks, Interop):
    def setUp(self):
        super().setUp()
        self.script = Script(home / "jose.mjs")
        self.addCleanup(self.script.close)

    def ask(self, task, **given):
        return self.script.ask(task, issuer=self.mint.name, **given)

    def they_refuse(self, word, **given):
        """What jose says of it, and its word for it must be this."""
        return self.refused(word, "verify", **given)

    def mint_one(self, user="alice", **grant):
        return self.mint.mint(user, allow_long=True, **grant)


class KeysAhead(Jose):
    """Published ahead of their turn, so that a set that jose has in hand, and
    does not ask for again within 30 s, has the next keys, too."""

    def setUp(self):
        super().setUp()
        for alg in ALGORITHMS[1:]:
            self.key_command("generate", "--alg", alg)


class TheyRead(KeysAhead):
    def test_tokens_of_each_algorithm(self):
        for alg in ALGORITHMS:
            self.sign_with(alg)
            token = self.mint_one(scopes=["photos:read"])["token"]
            said = self.ask("verify", token=token, typ="JWT",
                            algorithms=[alg])
            self.assertEqual((said["header"], said["payload"]),
                             (header(token), payload(token)))
            self.assertEqual(said["header"]["alg"], alg)
            self.they_refuse("ERR_JOSE_ALG_NOT_ALLOWED", token=token,
                             algorithms=["PS256"])
        # the last ones are too long for a password
        self.mint.admin("POST", "/v1/tokens", {
            "user": "alice", "expires_in": 60}, expect=(400,))

    def test_access_tokens(self):
        """RFC 9068 section 4"""
        parent = self.mint.mint("alice", scopes=["photos:read"])
        token, _ = self.exchange(parent["token"], "files")
        said = self.ask("verify", token=token, typ="at+jwt",
                        audience="files", requiredClaims=[
                            "exp", "sub", "client_id", "iat", "jti"])
        self.assertEqual(said["payload"]["client_id"], parent["id"])
        for bad, claim in (({"typ": "JWT"}, "typ"),
                           ({"audience": "mail"}, "aud"),
                           ({"subject": "bob"}, "sub")):
            said = self.they_refuse(BAD_CLAIM, token=token, **bad)
            self.assertEqual(said["claim"], claim)

    def test_expired_ones(self):
        token = self.mint.mint(expires_in=3)["token"]
        self.ask("verify", token=token)
        time.sleep(3.1)
        self.they_refuse("ERR_JWT_EXPIRED", token=token)

    def test_corrupted_ones(self):
        for alg in ALGORITHMS:
            self.sign_with(alg)
            token = self.mint_one()["token"]
            head, *rest = corrupted(token)
            with self.assertRaises(Thrown) as caught:
                self.ask("verify", token=head)
            self.assertRegex(caught.exception.word, "^ERR_J")
            for bad in rest:
                self.they_refuse(BAD_SIGNATURE, token=bad)

    def test_thumbprints_name_the_keys(self):
        for alg in ALGORITHMS[1:]:
            self.sign_with(alg)
        keys = self.jwks()["keys"]
        self.assertEqual({k["alg"] for k in keys}, set(ALGORITHMS))
        for key in keys:
            self.assertEqual(self.ask("thumbprint", jwk=key)[:11], key["kid"])


class TheyReadTheStatusList(KeysAhead):
    def status(self, token):
        said = self.ask("status", token=token)
        self.assertEqual((said["type"], said["bits"]),
                         ("application/statuslist+jwt", 2))
        return said["value"]

    def change(self, token, verb, value):
        self.mint.admin("POST", f"/v1/tokens/{token['id']}/{verb}")
        wait_for(f"the list to say {value}",
                 lambda: self.status(token["token"]) == value)

    def test_valid_revoked_suspended(self):
        for alg in ALGORITHMS:
            self.sign_with(alg)
            valid, revoked, suspended = (self.mint_one() for _ in range(3))
            for t in (valid, revoked, suspended):
                self.assertEqual(self.status(t["token"]), 0)
            self.mint.revoke(revoked["id"])
            wait_for("the list to say revoked",
                     lambda: self.status(revoked["token"]) == 1)
            self.change(suspended, "suspend", 2)
            self.assertEqual(self.status(valid["token"]), 0)
            self.change(suspended, "reinstate", 0)
            self.assertEqual(self.status(revoked["token"]), 1)

    def test_it_is_no_token(self):
        signed, _ = self.status_list(self.mint.mint()["token"])
        said = self.they_refuse(BAD_CLAIM, token=signed, typ="JWT")
        self.assertEqual(said["claim"], "typ")


class TheyFetch(Jose):
    """As fetch() sees it: what is packed, what is kept, what pages may see."""

    def setUp(self):
        super().setUp()
        self.token = self.mint.mint()
        self.urls = [
            payload(self.token["token"])["status"]["status_list"]["uri"],
            *(self.mint.url + path for path in (
                "/.well-known/jwks.json", "/s",
                "/.well-known/oauth-authorization-server"))]

    def get(self, url, **headers):
        return self.ask("get", url=url, headers=headers)

    def test_packed_or_not_it_is_the_same(self):
        for url in self.urls:
            packed = self.get(url)  # fetch() itself asks for gzip
            plain = self.get(url, **{"Accept-Encoding": "identity"})
            self.assertEqual(packed["headers"]["content-encoding"], "gzip")
            self.assertNotIn("content-encoding", plain["headers"])
            self.assertEqual(packed["body"], plain["body"], url)
            self.assertLess(int(packed["headers"]["content-length"]),
                            int(plain["headers"]["content-length"]), url)
            self.assertNotEqual(packed["headers"]["etag"],
                                plain["headers"]["etag"], url)
            for reply in (packed, plain):
                self.assertEqual(reply["headers"]["vary"], "Accept-Encoding")

    def test_not_modified_until_it_is(self):
        for url in self.urls:
            tag = self.get(url)["headers"]["etag"]
            again = self.get(url, **{"If-None-Match": tag})
            self.assertEqual((again["status"], again["body"]), (304, ""))
            self.assertEqual(again["headers"]["etag"], tag)
        tag = self.get(self.urls[0])["headers"]["etag"]
        self.mint.revoke(self.token["id"])
        time.sleep(0.3)  # no list is made again within 250 ms
        changed = self.get(self.urls[0], **{"If-None-Match": tag})
        self.assertEqual(changed["status"], 200)
        self.assertNotEqual(changed["headers"]["etag"], tag)

    def test_any_page_may_read_them(self):
        """A plain GET, so nothing is asked before (Fetch, section 4.8)."""
        for url in self.urls:
            reply = self.get(url, Origin="https://app.example")
            self.assertEqual(
                reply["headers"]["access-control-allow-origin"], "*", url)
            self.assertNotIn("access-control-allow-credentials",
                             reply["headers"])
        private = self.get(f"{self.mint.url}/v1/tokens",
                           Origin="https://app.example")
        self.assertEqual(private["status"], 401)
        self.assertNotIn("access-control-allow-origin", private["headers"])


class TheySign(Signs, Signer, Jose):
    def sign(self, claims=None, key=None, **head):
        return self.ask("sign", **(key or {"pem": self.pem.decode()}),
                        claims=claims or self.claims,
                        header=changed(self.head, head))

    def test_access_tokens(self):
        self.begin("ES256")
        token, _ = self.exchange(self.ours["token"], "files")
        access = payload(token)
        self.assert_valid(self.sign(access, typ="at+jwt"), "by jose",
                          *FOR_FILES)
        self.assert_refused(self.sign(access, typ="at+jwt"), "malformed",
                            "as a token")
        self.assert_refused(self.sign(access), "malformed", "called a token",
                            *FOR_FILES)

    def test_algorithms_that_are_not_the_keys(self):
        """RFC 8725 section 3.1"""
        self.begin("ES256")
        public = json.dumps(self.jwk(self.kid))
        self.assert_refused(self.sign(key={"secret": public}, alg="HS256"),
                            "bad_signature", "HS256")
        es256 = self.kid
        unsecured = self.ask("unsecured", claims=self.claims)
        self.assert_refused(unsecured, "malformed", "no signature")
        none = b64(json.dumps({**self.head, "alg": "none"}).encode())
        self.assert_refused(f"{none}.{unsecured.split('.')[1]}.",
                            "malformed", "alg none")
        self.begin("EdDSA")
        self.assert_refused(self.sign(kid=es256), "bad_signature",
                            "EdDSA by the kid of an ES256 key")


class Packages(unittest.TestCase):
    def test_lock(self):
        assert_pinned(self, SOURCE, "jose", "oauth4webapi")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mintmark-npm-") as folder:
        home = install(SOURCE, folder)
        main()
