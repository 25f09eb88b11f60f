#!/usr/bin/env python3
"""jwcrypto reads our keys and what we sign, and we what it signs: whole
tokens by the agent's state, any JWS by `mintmark verify --jws`."""
import json
import unittest

from interop import (AnyJws, Interop, corrupted, header, main, payload,
                     wait_for)

try:
    from jwcrypto import jwk, jws, jwt
except ImportError:
    jwk = None

KINDS = {"ES256": {"kty": "EC", "crv": "P-256"},
         "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
         "RS256": {"kty": "RSA", "size": 2048}}
ALGORITHMS = tuple(KINDS)


@unittest.skipIf(jwk is None, "python3-jwcrypto is missing")
class Jwcrypto(Interop):
    def mint_one(self, **grant):
        return self.mint.mint(allow_long=True, **grant)

    def set(self):
        """The published keys, as jwcrypto reads them."""
        raw = self.mint.http("GET", "/.well-known/jwks.json")[1]
        return jwk.JWKSet.from_json(json.dumps(raw))

    def read(self, token, **checks):
        """The claims, by the key that the kid names."""
        read = jwt.JWT(jwt=token, key=self.set(), algs=list(ALGORITHMS),
                       **checks)
        return json.loads(read.claims)


def verified(token, key):
    read = jws.JWS()
    read.deserialize(token)
    read.verify(key)
    return read


class TheyRead(Jwcrypto):
    def test_keys(self):
        """Each is public, knows its own name, and is in the set once."""
        for alg in ALGORITHMS[1:]:
            self.key_command("generate", "--alg", alg)
        keys = list(self.set()["keys"])
        self.assertEqual({k.get("alg") for k in keys}, set(ALGORITHMS))
        for key in keys:
            self.assertEqual(key.thumbprint()[:11], key.get("kid"))
            self.assertFalse(key.has_private)
            self.assertEqual(self.set().get_key(key.get("kid")), key)

    def test_tokens_of_each_algorithm(self):
        for alg in ALGORITHMS:
            self.sign_with(alg)
            token = self.mint_one(audience=["files"])["token"]
            checks = {"iss": self.mint.name, "aud": "files", "sub": None,
                      "exp": None, "iat": None, "jti": None, "status": None}
            self.assertEqual(self.read(token, check_claims=checks),
                             payload(token))
            self.assertEqual(header(token)["alg"], alg)
            with self.assertRaises(jwt.JWTInvalidClaimValue):
                self.read(token, check_claims={"aud": "mail"})

    def test_by_type(self):
        token = self.mint_one()["token"]
        access, _ = self.exchange(token, "files")
        uri = payload(token)["status"]["status_list"]["uri"]
        listed = self.mint.http("GET", uri[len(self.mint.url):])[1].decode()
        for what, typ in ((token, "JWT"), (access, "at+jwt"),
                          (listed, "statuslist+jwt")):
            read = verified(what, self.set().get_key(header(what)["kid"]))
            self.assertEqual(read.jose_header["typ"], typ)

    def test_corrupted_ones(self):
        for alg in ALGORITHMS:
            self.sign_with(alg)
            token = self.mint_one()["token"]
            key = self.set().get_key(header(token)["kid"])
            *_, forged = corrupted(token)
            for bad in corrupted(token):
                with self.assertRaises(
                        (jws.InvalidJWSObject, jws.InvalidJWSSignature)):
                    verified(bad, key)
            with self.assertRaises(jws.InvalidJWSSignature):
                verified(forged, key)
            other = next(k for k in self.set()["keys"] if k != key)
            with self.assertRaises(jws.InvalidJWSSignature):
                verified(token, other)


class TheySign(Jwcrypto):
    def begin(self, alg):
        """What signing in the issuer's name takes."""
        self.sign_with(alg)
        self.ours = self.mint_one()
        self.claims = payload(self.ours["token"])
        self.kid, pem = self.active_pem()
        self.key = jwk.JWK.from_pem(pem)
        self.head = {"alg": alg, "kid": self.kid, "typ": "JWT"}

    def sign(self, claims=None, key=None, raw=None, **head):
        """A claim or header member of None is left out."""
        said = {**self.claims, **(claims or {})}
        head = {**self.head, **head}
        signed = jws.JWS(raw or json.dumps(
            {k: v for k, v in said.items() if v is not None}))
        signed.add_signature(key or self.key, protected=json.dumps(
            {k: v for k, v in head.items() if v is not None}))
        return signed.serialize(compact=True)

    def test_the_same_token_by_each_algorithm(self):
        for alg in ALGORITHMS:
            self.begin(alg)
            theirs = self.sign()
            self.assertEqual(header(theirs), header(self.ours["token"]))
            wait_for("the state to know the key", lambda: self.state.reason(
                theirs, "--no-use") is None)
            self.assert_all_refused(corrupted(theirs))
            self.mint.revoke(self.ours["id"])
            self.state.wait_reason(theirs, "revoked")

    def test_by_its_class_for_tokens(self):
        self.begin("ES256")
        made = jwt.JWT(header=self.head, claims=self.claims,
                       default_claims={"nbf": None})
        made.make_signed_token(self.key)
        theirs = made.serialize()
        self.assertIn("nbf", payload(theirs))
        self.assert_valid(theirs, "with an nbf")

    def test_what_we_refuse(self):
        self.begin("ES256")
        iat = self.claims["iat"]
        claims = [({name: None}, "malformed") for name in
                  ("iss", "sub", "iat", "exp", "jti", "status")]
        claims += [({"exp": iat}, "expired"),
                   ({"nbf": iat + 3600}, "not_yet_valid"),
                   ({"aud": "mail"}, "wrong_audience"),
                   ({"iss": "https://elsewhere.example"}, "malformed"),
                   ({"auto_refresh": 0}, "malformed")]
        for change, reason in claims:
            self.assert_refused(self.sign(change), reason, change,
                                "--audience", "files")
        for head, reason in (({"typ": None}, "malformed"),
                             ({"typ": "at+jwt"}, "malformed"),
                             ({"kid": None}, "malformed"),
                             ({"kid": "AAAAAAAAAAA"}, "unknown_key"),
                             ({"x5t": "AAAA"}, "malformed")):
            self.assert_refused(self.sign(**head), reason, head)
        twice = json.dumps(self.claims)[:-1] + ',"sub":"root"}'
        self.assert_refused(self.sign(raw=twice), "malformed", "sub twice")
        for key, alg in ((jwk.JWK.generate(kty="EC", crv="P-256"), "ES256"),
                         (jwk.JWK.generate(kty="OKP", crv="Ed25519"), "EdDSA"),
                         (jwk.JWK.generate(kty="oct", size=256), "HS256")):
            self.assert_refused(self.sign(key=key, alg=alg), "bad_signature",
                                f"another key, {alg}")

    def test_json_serializations(self):
        """A token is compact: RFC 7515's other forms of the same are none."""
        self.begin("ES256")
        signed = verified(self.sign(), self.key)
        self.assert_refused(signed.serialize(compact=False), "malformed",
                            "flattened JSON")


@unittest.skipIf(jwk is None, "python3-jwcrypto is missing")
class Others(AnyJws):
    """Signed by jwcrypto with keys of its own."""

    def signed(self, payload, *keys, **head):
        made = jws.JWS(payload)
        for key, alg in keys:
            made.add_signature(key, protected=json.dumps(
                {"alg": alg, "kid": key.get("kid"), **head}))
        return made

    def setUp(self):
        super().setUp()
        self.keys = {alg: jwk.JWK.generate(kid=f"the {alg}", **kind)
                     for alg, kind in KINDS.items()}

    def public(self, *algs):
        return [self.keys[a].export_public(as_dict=True) for a in algs]

    def test_each_algorithm(self):
        every = self.public(*KINDS)
        for alg, key in self.keys.items():
            text = self.signed(b"\0\xff any", (key, alg)).serialize(True)
            self.accept(text, every, b"\0\xff any")
            for bad in corrupted(text):
                self.refuse(bad, every)
            others = [a for a in KINDS if a != alg]
            self.refuse(text, self.public(*others), "unknown_key")

    def test_algorithms_that_are_not_ours(self):
        """They can be had of jwcrypto, and of the same keys."""
        text = self.signed(b"x", (self.keys["RS256"], "PS256"))
        self.refuse(text.serialize(True), self.public("RS256"), "PS256")
        text = self.signed(b"x", (self.keys["RS256"], "RS512"))
        self.refuse(text.serialize(True), self.public("RS256"), "RS512")
        large = jwk.JWK.generate(kty="EC", crv="P-384", kid="large")
        text = self.signed(b"x", (large, "ES384"))
        self.refuse(text.serialize(True),
                    [large.export_public(as_dict=True)], "ES384")

    def test_other_serializations(self):
        """RFC 7515 section 7.2"""
        one = [(self.keys["ES256"], "ES256")]
        self.refuse(self.signed(b"x", *one).serialize(),
                    self.public("ES256"))
        self.refuse(self.signed(b"x", *one,
                                (self.keys["EdDSA"], "EdDSA")).serialize(),
                    self.public("ES256", "EdDSA"))

    def test_private_keys_are_not_for_verifying(self):
        key = self.keys["ES256"]
        self.refuse(self.signed(b"x", (key, "ES256")).serialize(True),
                    [key.export(as_dict=True)], "private")


if __name__ == "__main__":
    main()
