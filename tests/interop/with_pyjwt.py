#!/usr/bin/env python3
"""PyJWT verifies what we sign, and we judge what PyJWT signs."""
import hashlib
import hmac
import json
import unittest
import zlib

from interop import (Interop, b64, corrupted, header, main, payload, unb64,
                     wait_for)

try:
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError:
    jwt = None

REQUIRED = ("iss", "sub", "iat", "exp", "jti", "status")


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
        self.assert_valid(token, "by us, too", "--access-tokens",
                          "--audience", "files")

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
        self.assertTrue(ref["uri"].startswith(self.mint.url + "/s/"))
        code, raw, heads = self.mint.http("GET",
                                          ref["uri"][len(self.mint.url):])
        self.assertEqual(code, 200)
        self.assertEqual(heads["Content-Type"], "application/statuslist+jwt")
        signed = raw.decode()
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
        t = self.mint.mint()
        uri = payload(t["token"])["status"]["status_list"]["uri"]
        signed = self.mint.http("GET", uri[len(self.mint.url):])[1].decode()
        self.assert_refused(signed, "malformed", "a status list as a token")


@unittest.skipIf(jwt is None, "python3-jwt or python3-cryptography missing")
class TheySign(Interop):
    def setUp(self):
        super().setUp()
        self.ours = self.mint.mint()["token"]
        self.kid, self.pem = self.active_pem()
        self.claims = payload(self.ours)

    def sign(self, claims=None, key=None, alg="ES256", **head):
        """As PyJWT does it; a header member of None is left out."""
        return jwt.encode(claims or self.claims, key or self.pem, alg,
                          {"kid": self.kid, **head})

    def test_the_same_token(self):
        theirs = self.sign()
        self.assertEqual(header(theirs), header(self.ours))
        self.assertNotEqual(theirs, self.ours)
        self.assert_valid(theirs, "signed by PyJWT")
        for bad in corrupted(theirs):
            self.assertEqual(self.state.verify(bad)[0], 1, bad)
        # it is the token: revoked by its id, whoever signed it
        self.mint.revoke(self.claims["jti"])
        self.state.wait_reason(theirs, "revoked")

    def test_access_tokens(self):
        """RFC 9068: what makes one, and that a PAT is none."""
        token, _ = self.exchange(self.ours, "files")
        good = payload(token)
        self.assert_valid(self.sign(good, typ="at+jwt"), "signed by PyJWT",
                          "--access-tokens", "--audience", "files")
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
            said = {k: v for k, v in {**good, **change}.items()
                    if v is not None}
            self.assert_refused(self.sign(said, typ="at+jwt"), reason, change,
                                "--access-tokens", "--audience", "files")
        for said, typ in ((good, "JWT"), (self.claims, "at+jwt")):
            self.assert_refused(self.sign(said, typ=typ), "malformed", typ,
                                "--access-tokens", "--audience", "files")

    def test_claims_we_do_not_know(self):
        self.assert_valid(self.sign({**self.claims, "name": "Alice"}),
                          "an unknown claim")

    def test_missing_claims(self):
        for name in REQUIRED:
            rest = {k: v for k, v in self.claims.items() if k != name}
            self.assert_refused(self.sign(rest), "malformed",
                                f"without {name}")

    def test_wrong_claims(self):
        ref = self.claims["status"]["status_list"]
        away = "https://elsewhere.example"
        cases = [
            ({"iss": away, "status": {"status_list": {
                **ref, "uri": f"{away}/s/{ref['uri'].split('/')[-1]}"}}},
             "wrong_issuer"),
            ({"iss": away}, "malformed"),  # and its list is another's
            ({"exp": self.claims["iat"] - 1}, "expired"),
            ({"iat": 1, "exp": 2}, "expired"),
            ({"exp": self.claims["exp"] + 0.5}, "malformed"),
            ({"exp": str(self.claims["exp"])}, "malformed"),
            ({"iat": self.claims["iat"] + 3600}, "not_yet_valid"),
            ({"nbf": self.claims["iat"] + 3600}, "not_yet_valid"),
            ({"jti": "1.77"}, "malformed"),
            ({"status": {"status_list": {**ref, "idx": ref["idx"] + 1}}},
             "malformed"),
            ({"scope": "node::rw"}, "malformed"),
        ]
        for change, reason in cases:
            self.assert_refused(self.sign({**self.claims, **change}), reason,
                                change)

    def test_wrong_headers(self):
        cases = [
            ({"crit": ["b64"]}, "malformed"),
            ({"jwk": self.jwk(self.kid)}, "malformed"),
            ({"jku": "https://elsewhere.example/jwks"}, "malformed"),
            ({"cty": "JWT"}, "malformed"),
            ({"typ": "at+jwt"}, "malformed"),
            ({"typ": "jwt"}, "malformed"),
            ({"typ": None}, "malformed"),
            ({"kid": "AAAAAAAAAAA"}, "unknown_key"),
            ({"kid": self.kid + "A"}, "unknown_key"),
        ]
        for head, reason in cases:
            self.assert_refused(self.sign(**head), reason, head)
        bare = jwt.encode(self.claims, self.pem, "ES256")
        self.assert_refused(bare, "malformed", "without kid")

    def test_keys_of_others(self):
        waiting, = [k["kid"] for k in self.jwks()["keys"]
                    if k["kid"] != self.kid]
        self.assert_refused(self.sign(kid=waiting), "bad_signature",
                            "the kid of the key that waits")
        cases = [("ES256", ec.generate_private_key(ec.SECP256R1())),
                 ("ES384", ec.generate_private_key(ec.SECP384R1())),
                 ("RS256", rsa.generate_private_key(65537, 2048))]
        for alg, key in cases:
            self.assert_refused(self.sign(key=key, alg=alg), "bad_signature",
                                alg)

    def test_other_algorithms(self):
        """RFC 8725 s3.1: the header chooses nothing."""
        none = jwt.encode(self.claims, None, "none", {"kid": self.kid})
        self.assert_refused(none, "malformed", "alg none")
        self.assert_refused(none + "AAAA", "bad_signature", "none, signed")
        # HS256 keyed with what is public; PyJWT itself will not
        body = ".".join((b64(json.dumps({"alg": "HS256", "kid": self.kid,
                                         "typ": "JWT"}).encode()),
                         self.ours.split(".")[1]))
        secret = json.dumps(self.jwk(self.kid)).encode()
        mac = hmac.new(secret, body.encode(), hashlib.sha256).digest()
        self.assert_refused(f"{body}.{b64(mac)}", "bad_signature", "HS256")


if __name__ == "__main__":
    main()
