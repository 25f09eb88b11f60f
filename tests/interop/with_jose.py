#!/usr/bin/env python3
"""The jose command verifies what we sign, and we what it signs."""
import json
import shutil
import subprocess
import unittest

from interop import Interop, b64, corrupted, header, main, payload
from signs import Signer, Signs, changed

try:
    from cryptography.hazmat.primitives.serialization import \
        load_pem_private_key
except ImportError:
    load_pem_private_key = None

JOSE = shutil.which("jose")


def jose(*argv, stdin=""):
    return subprocess.run([JOSE, *map(str, argv)], input=stdin,
                          capture_output=True, text=True, timeout=60)


@unittest.skipIf(JOSE is None, "the jose command is missing")
class TheyRead(Interop):
    def ver(self, token, keys):
        key_file = self.folder / "key.json"
        key_file.write_text(json.dumps(keys))
        return jose("jws", "ver", "-i", "-", "-k", key_file, "-O", "-",
                    stdin=token)

    def test_a_token(self):
        token = self.mint.mint("alice")["token"]
        for keys in (self.jwk(header(token)["kid"]), self.jwks()):
            said = self.ver(token, keys)
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertEqual(json.loads(said.stdout), payload(token))

    def test_the_thumbprint_names_the_key(self):
        for key in self.jwks()["keys"]:
            said = jose("jwk", "thp", "-i", "-", stdin=json.dumps(key))
            self.assertEqual(said.stdout.strip()[:11], key["kid"])

    def test_corrupted_tokens(self):
        token = self.mint.mint()["token"]
        key = self.jwk(header(token)["kid"])
        for bad in corrupted(token):
            self.assertNotEqual(self.ver(bad, key).returncode, 0, bad)
        waiting, = [k for k in self.jwks()["keys"] if k != key]
        self.assertNotEqual(self.ver(token, waiting).returncode, 0)


@unittest.skipIf(JOSE is None, "the jose command is missing")
@unittest.skipIf(load_pem_private_key is None,
                 "python3-cryptography is missing")
class TheySign(Signs, Signer):
    ALGORITHMS = ("ES256", "RS256")  # EdDSA it has not: "jose alg"

    def key(self):
        """self.pem, as the jose command wants it."""
        n = load_pem_private_key(self.pem, None).private_numbers()
        if hasattr(n, "d"):
            names = zip("n e d p q dp dq qi".split(), (
                n.public_numbers.n, n.public_numbers.e, n.d, n.p, n.q,
                n.dmp1, n.dmq1, n.iqmp))
            return {"kty": "RSA", **{name: b64(value.to_bytes(
                (value.bit_length() + 7) // 8, "big"))
                for name, value in names}}
        point = n.public_numbers
        return {"kty": "EC", "crv": "P-256",
                **{name: b64(value.to_bytes(32, "big")) for name, value in
                   (("x", point.x), ("y", point.y),
                    ("d", n.private_value))}}

    def sign(self, claims=None, **head):
        head = changed(self.head, head)
        paths = {}
        for name, what in (("claims", claims or self.claims),
                           ("key", self.key()), ("head", {"protected": head})):
            paths[name] = self.folder / f"{name}.json"
            paths[name].touch(mode=0o600)
            paths[name].write_text(json.dumps(what))
        said = jose("jws", "sig", "-I", paths["claims"], "-k", paths["key"],
                    "-s", paths["head"], "-c", "-o", "-")
        self.assertEqual(said.returncode, 0, said.stderr)
        return said.stdout.strip()


if __name__ == "__main__":
    main()
