#!/usr/bin/env python3
"""jwcrypto reads our keys and what we sign, and we what it signs: whole
tokens by the agent's state, any JWS by `mintmark verify --jws`."""
import json
import unittest

from interop import AnyJws, Interop, corrupted, header, main, payload
from signs import ALGORITHMS, Signer, Signs, changed

try:
    from jwcrypto import jwk, jws, jwt
except ImportError:
    jwk = None

KINDS = {"ES256": {"kty": "EC", "crv": "P-256"},
         "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
         "RS256": {"kty": "RSA", "size": 2048}}


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
        listed, _ = self.status_list(token)
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


@unittest.skipIf(jwk is None, "python3-jwcrypto is missing")
class TheySign(Signs, Signer):
    def sign(self, claims=None, key=None, raw=None, **head):
        signed = jws.JWS(raw or json.dumps(claims or self.claims))
        signed.add_signature(key or jwk.JWK.from_pem(self.pem),
                             protected=json.dumps(changed(self.head, head)))
        return signed.serialize(compact=True)

    def test_by_its_class_for_tokens(self):
        self.begin("ES256")
        made = jwt.JWT(header=self.head, claims=self.claims,
                       default_claims={"nbf": None})
        made.make_signed_token(jwk.JWK.from_pem(self.pem))
        theirs = made.serialize()
        self.assertIn("nbf", payload(theirs))
        self.assert_valid(theirs, "with an nbf")

    def test_a_claim_twice(self):
        self.begin("ES256")
        twice = json.dumps(self.claims)[:-1] + ',"sub":"root"}'
        self.assert_refused(self.sign(raw=twice), "malformed", "sub twice")

    def test_keys_of_others(self):
        self.begin("ES256")
        for alg, kind in {**KINDS, "HS256": {"kty": "oct", "size": 256}}.items():
            self.assert_refused(
                self.sign(key=jwk.JWK.generate(**kind), alg=alg),
                "bad_signature", alg)

    def test_json_serializations(self):
        """A token is compact: RFC 7515's other forms of the same are none."""
        self.begin("ES256")
        signed = verified(self.sign(), jwk.JWK.from_pem(self.pem))
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
