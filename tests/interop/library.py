"""library.py - what must hold for any JOSE library in C: library.h, as a test
calls it.  What a library cannot do is in the test of its own."""
import json
import subprocess
import unittest

from interop import corrupted, header, payload
from signs import WRONG_KIDS, Signs

try:
    from jwcrypto import jwk  # only to turn keys into what a library reads
except ImportError:
    jwk = None


@unittest.skipIf(jwk is None, "python3-jwcrypto is missing")
class Library(Signs):
    """Mixed into a Signer."""

    #: to be filled in: the program, and the text of a key for it
    PROGRAM = None
    #: what both can do; EdDSA is in neither
    ALGORITHMS = ("ES256", "RS256")
    #: library.h has no more of them
    HEADERS = WRONG_KIDS

    def key_text(self, key, private):
        raise NotImplementedError

    def run_it(self, verb, key, *more, stdin):
        path = self.folder / "key"
        path.touch(mode=0o600)
        path.write_text(key)
        return subprocess.run([self.PROGRAM, verb, path, *more], input=stdin,
                              capture_output=True, text=True, timeout=60)

    def published(self, token):
        """The key that the kid names, for this library."""
        return self.key_text(
            jwk.JWK(**self.jwk(header(token)["kid"])), False)

    def read(self, token, key=None):
        """What the library says is in it; None when it refuses."""
        said = self.run_it("verify", key or self.published(token),
                           stdin=token)
        self.assertIn(said.returncode, (0, 1), said.stderr)
        self.assertEqual(bool(said.stderr), said.returncode == 1)
        return json.loads(said.stdout) if said.returncode == 0 else None

    def sign(self, claims=None, **head):
        head = {**self.head, **head}
        said = self.run_it(
            "sign", self.key_text(jwk.JWK.from_pem(self.pem), True),
            head["alg"], head["kid"], head["typ"],
            stdin=json.dumps(claims or self.claims))
        self.assertIn(said.returncode, (0, 1), said.stderr)
        return said.stdout.strip() if said.returncode == 0 else None

    def mint_one(self, **grant):
        return self.mint.mint(allow_long=True, **grant)

    def test_tokens(self):
        for alg in self.ALGORITHMS:
            self.sign_with(alg)
            token = self.mint_one(scopes=["photos:read"])["token"]
            self.assertEqual(header(token)["alg"], alg)
            self.assertEqual(self.read(token), payload(token))

    def test_corrupted_tokens(self):
        for alg in self.ALGORITHMS:
            self.sign_with(alg)
            token = self.mint_one()["token"]
            for bad in corrupted(token):
                self.assertIsNone(self.read(bad, self.published(token)), bad)
            for other in self.jwks()["keys"]:
                if other["kid"] != header(token)["kid"]:
                    key = self.key_text(jwk.JWK(**other), False)
                    self.assertIsNone(self.read(token, key), other)

    def test_ed25519_is_not_for_it(self):
        """It says so, and takes nothing for good instead."""
        self.begin("EdDSA")
        self.assert_state_takes(self.ours["token"])
        self.assertIsNone(self.read(self.ours["token"]))
        self.assertIsNone(self.sign())

    def test_its_times_are_not_asked(self):
        """Whoever verifies with it has to look at exp himself."""
        self.begin("ES256")
        dead = self.sign({**self.claims, "exp": self.claims["iat"]})
        self.assertEqual(self.read(dead)["exp"], self.claims["iat"])
        self.assert_refused(dead, "expired", "by us")
