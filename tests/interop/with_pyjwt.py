#!/usr/bin/env python3
"""PyJWT verifies what we sign, and we judge what PyJWT signs."""
import json
import unittest
import zlib

from interop import (FOR_FILES, Interop, corrupted, header, hs256, main, payload, unb64,
                     wait_for)
from signs import REQUIRED, Signer, Signs, changed

try:
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError:
    jwt = None


def public_key(jwk):
    return jwt.algorithms.ECAlgorithm.from_jwk(json.dumps(jwk))


@unittest.skipIf(jwt is None, "python3-jwt or python3-cryptography missing")
class TheyRead(Interop):
    def test_a_token_from_its_jwks(self):
        token = self.mint.mint("alice", scopes=["photos:read"],
                               audience=["files"])["token"]
        key = public_key(self.jwk(header(token)["kid"]))
        said = jwt.decode(token, key, algorithms=["ES256"], audience="files",
                          issuer=self.mint.name,
                          options={"require": list(REQUIRED)})
        self.assertEqual((said["sub"], said["scope"]),
                         ("alice", "photos:read"))
        with self.assertRaises(jwt.InvalidAudienceError):
            jwt.decode(token, key, algorithms=["ES256"], audience="mail",
                       issuer=self.mint.name)

    def test_the_key_is_found_by_its_kid(self):
        token = self.mint.mint()["token"]
        client = jwt.PyJWKClient(f"{self.mint.url}/.well-known/jwks.json")
        key = client.get_signing_key_from_jwt(token)
        self.assertEqual(
            jwt.decode(token, key.key, algorithms=["ES256"])["sub"], "alice")

    def test_an_access_token(self):
        """RFC 9068 section 4, with nothing but what RFC 8414 tells."""
        parent = self.mint.mint("alice", scopes=["photos:read"])
        token, meta = self.exchange(parent["token"], "files")
        self.assertEqual(header(token)["typ"], "at+jwt")
        key = jwt.PyJWKClient(meta["jwks_uri"]).get_signing_key_from_jwt(token)
        said = jwt.decode(token, key.key, algorithms=["ES256"],
                          audience="files", issuer=meta["issuer"],
                          options={"require": [*REQUIRED, "client_id"]})
        self.assertEqual((said["sub"], said["scope"], said["client_id"]),
                         ("alice", "photos:read", parent["id"]))
        self.assert_valid(token, "by us, too", *FOR_FILES)

    def test_corrupted_tokens(self):
        token = self.mint.mint()["token"]
        key = public_key(self.jwk(header(token)["kid"]))
        for bad in corrupted(token):
            with self.assertRaises(jwt.InvalidTokenError, msg=bad):
                jwt.decode(bad, key, algorithms=["ES256"])
        waiting, = [k for k in self.jwks()["keys"]
                    if k["kid"] != header(token)["kid"]]
        with self.assertRaises(jwt.InvalidSignatureError):
            jwt.decode(token, public_key(waiting), algorithms=["ES256"])


@unittest.skipIf(jwt is None, "python3-jwt or python3-cryptography missing")
class TheyReadTheStatusList(Interop):
    """draft-ietf-oauth-status-list, section 8.3, by hand."""

    def status(self, token):
        ref = payload(token)["status"]["status_list"]
        signed, heads = self.status_list(token)
        self.assertEqual(heads["Content-Type"], "application/statuslist+jwt")
        self.assertEqual(header(signed)["typ"], "statuslist+jwt")
        said = jwt.decode(signed, public_key(self.jwk(header(signed)["kid"])),
                          algorithms=["ES256"], issuer=self.mint.name,
                          options={"require": ["iat", "exp", "sub"]})
        self.assertEqual(said["sub"], ref["uri"])
        self.assertGreater(said["ttl"], 0)
        self.assertEqual(said["status_list"]["bits"], 2)
        bits = zlib.decompress(unb64(said["status_list"]["lst"]))
        return bits[ref["idx"] // 4] >> ref["idx"] % 4 * 2 & 3

    def test_valid_suspended_revoked(self):
        revoked, suspended, valid = (self.mint.mint() for _ in range(3))
        for t in (revoked, suspended, valid):
            self.assertEqual(self.status(t["token"]), 0)
        self.mint.revoke(revoked["id"])
        self.mint.admin("POST", f"/v1/tokens/{suspended['id']}/suspend")
        wait_for("the list to say revoked",
                 lambda: self.status(revoked["token"]) == 1)
        wait_for("the list to say suspended",
                 lambda: self.status(suspended["token"]) == 2)
        self.assertEqual(self.status(valid["token"]), 0)

    def test_it_is_no_token(self):
        signed, _ = self.status_list(self.mint.mint()["token"])
        self.assert_refused(signed, "malformed", "a status list as a token")


@unittest.skipIf(jwt is None, "python3-jwt or python3-cryptography missing")
class TheySign(Signs, Signer):
    def sign(self, claims=None, key=None, alg=None, **head):
        """As PyJWT does it, which writes a typ unless told not to."""
        head = {**self.head, "alg": alg or self.head["alg"], **head}
        return jwt.encode(claims or self.claims, key or self.pem, head["alg"],
                          {k: v for k, v in head.items()
                           if v is not None or k == "typ"})

    def test_access_tokens(self):
        """RFC 9068: what makes one, and that a PAT is none."""
        self.begin("ES256")
        token, _ = self.exchange(self.ours["token"], "files")
        good = payload(token)
        self.assert_valid(self.sign(good, typ="at+jwt"), "signed by PyJWT",
                          *FOR_FILES)
        cases = [({name: None}, "malformed") for name in
                 (*REQUIRED, "aud", "client_id")]
        cases += [
            ({"jti": self.claims["jti"]}, "malformed"),
            ({"jti": good["jti"] + "x"}, "malformed"),
            ({"auto_refresh": 60}, "malformed"),
            ({"client_id": ""}, "malformed"),
            ({"client_id": 7}, "malformed"),
            ({"aud": "mail"}, "wrong_audience"),
            ({"exp": good["iat"] - 1}, "expired"),
        ]
        for change, reason in cases:
            self.assert_refused(self.sign(changed(good, change), typ="at+jwt"),
                                reason, change, *FOR_FILES)
        for said, typ in ((good, "JWT"), (self.claims, "at+jwt")):
            self.assert_refused(self.sign(said, typ=typ), "malformed", typ,
                                *FOR_FILES)

    def test_keys_of_others(self):
        self.begin("ES256")
        cases = [("ES256", ec.generate_private_key(ec.SECP256R1())),
                 ("ES384", ec.generate_private_key(ec.SECP384R1())),
                 ("RS256", rsa.generate_private_key(65537, 2048))]
        for alg, key in cases:
            self.assert_refused(self.sign(key=key, alg=alg), "bad_signature",
                                alg)

    def test_other_algorithms(self):
        """RFC 8725 s3.1: the header chooses nothing."""
        self.begin("ES256")
        none = jwt.encode(self.claims, None, "none", {"kid": self.kid})
        self.assert_refused(none, "malformed", "alg none")
        self.assert_refused(none + "AAAA", "bad_signature", "none, signed")
        # PyJWT itself will not, keyed with what is public
        public = json.dumps(self.jwk(self.kid))
        self.assert_refused(hs256(self.ours["token"], public),
                            "bad_signature", "HS256")


if __name__ == "__main__":
    main()
