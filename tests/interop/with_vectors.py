#!/usr/bin/env python3
"""The examples of the RFCs, and what may be wrong with any JWS, through
`mintmark verify --jws`."""
import json
import subprocess
import unittest

from interop import AnyJws, b64, corrupted, main
from flow import MINTMARK, TOP

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
except ImportError:
    ed25519 = None

VECTORS = TOP / "tests/vectors"
CLAIMS = (b'{"iss":"joe",\r\n "exp":1300819380,\r\n '
          b'"http://example.com/is_root":true}')
FRODO = ("It\u2019s a dangerous business, Frodo, going out your door. You "
         "step onto the road, and if you don't keep your feet, there\u2019s "
         "no knowing where you might be swept off to.").encode()
GOOD = [
    ("rfc7515-a2", "rfc7515-a2", CLAIMS),
    ("rfc7515-a3", "rfc7515-a3", CLAIMS),
    ("rfc7520-41", "rfc7520-41", FRODO),
    ("rfc8037-a2", "rfc8037-a4", b"Example of Ed25519 signing"),
]


def vector(name):
    return (VECTORS / name).read_text().rstrip("\n")


def jwk(name):
    return json.loads(vector(name + ".jwk"))


class OfTheRfcs(AnyJws):
    def test_good_ones(self):
        for key, jws, payload in GOOD:
            self.accept(vector(jws + ".jws"), [jwk(key)], payload)
            self.accept(vector(jws + ".jws") + "\n", [jwk(key)], payload)

    def test_all_keys_in_one_set(self):
        """The kid names it; without one, the type decides if it can."""
        keys = [jwk(k) for k, _, _ in GOOD] + [jwk("rfc7520-43")]
        keys[-1]["kid"] = "another"
        self.accept(vector("rfc7515-a3.jws"), keys, CLAIMS)
        self.accept(vector("rfc8037-a4.jws"), keys, GOOD[3][2])
        self.accept(vector("rfc7520-41.jws"), keys, FRODO)
        self.refuse(vector("rfc7515-a2.jws"), keys, "unknown_key", "several")

    def test_not_by_each_others_keys(self):
        for _, jws, _ in GOOD:
            for key, theirs, _ in GOOD:
                if theirs != jws:
                    self.refuse(vector(jws + ".jws"), [jwk(key)])
        key = jwk("rfc7515-a2")
        key["kid"] = jwk("rfc7520-41")["kid"]
        self.refuse(vector("rfc7520-41.jws"), [key], "bad_signature")
        key = jwk("rfc7515-a3")
        key["kid"] = jwk("rfc7520-41")["kid"]
        self.refuse(vector("rfc7520-41.jws"), [key], "the key is for ES256")

    def test_what_proves_nothing_here(self):
        """RFC 8725 s3.1, s3.2: no secrets, no none, no other curves."""
        self.refuse(vector("rfc7515-a1.jws"), [jwk("rfc7515-a1")], "HS256")
        self.refuse(vector("rfc7515-a1.jws"), [jwk("rfc7515-a2")], "HS256")
        for _, jws, _ in GOOD:  # and a set with a secret in it is none
            self.refuse(vector(jws + ".jws"),
                        [jwk("rfc7515-a2"), jwk("rfc7515-a1")],
                        "key 2", "shared secret")
        for key, _, _ in GOOD:
            self.refuse(vector("rfc7515-a5.jws"), [jwk(key)], "none")
        self.refuse(vector("rfc7520-43.jws"), [jwk("rfc7520-43")], "ES512")

    def test_every_bit_counts(self):
        jws, keys = vector("rfc8037-a4.jws").encode(), [jwk("rfc8037-a2")]
        for at in range(len(jws)):
            for bit in range(8):
                bad = bytearray(jws)
                bad[at] ^= 1 << bit
                self.refuse(bytes(bad), keys)

    def test_changed_in_each_part(self):
        for key, jws, _ in GOOD:
            for bad in corrupted(vector(jws + ".jws")):
                self.refuse(bad, [jwk(key)])
            whole = vector(jws + ".jws")
            for bad in (whole[:-1], whole + "A", whole + "=", whole + ".",
                        whole + "\n\n", " " + whole, whole + ".AAAA",
                        whole.rsplit(".", 1)[0], "", ".", "..", "..."):
                self.refuse(bad, [jwk(key)])


@unittest.skipIf(ed25519 is None, "python3-cryptography is missing")
class OfOurOwn(AnyJws):
    def setUp(self):
        super().setUp()
        self.keys = [ed25519.Ed25519PrivateKey.generate() for _ in range(2)]

    def jwk(self, n=0, **more):
        raw = self.keys[n].public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **more}

    def sign(self, header, payload=b"hello", n=0):
        if isinstance(header, dict):
            header = json.dumps({"alg": "EdDSA", **header})
        if isinstance(header, str):
            header = header.encode()
        body = b64(header) + "." + b64(payload)
        return body + "." + b64(self.keys[n].sign(body.encode()))

    def test_payloads_of_any_bytes(self):
        for payload in (b"", b"\n", b"\0\xff\r\n", bytes(range(256)) * 1000):
            self.accept(self.sign({}, payload), [self.jwk()], payload)
        self.refuse(self.sign({}, bytes(1 << 20)), [self.jwk()], "1 MiB")

    def test_headers(self):
        keys = [self.jwk(kid="a")]
        for good in ({"typ": "x", "cty": "y", "more": {"deep": [1]}},
                     {"jwk": self.jwk(1), "jku": "https://evil.example",
                      "x5c": ["AA"]}, {"b64": True}):
            self.accept(self.sign(good), keys, b"hello")
        for bad, says in (
                ({"crit": ["exp"], "exp": 1}, "crit"), ({"crit": []}, "crit"),
                ({"crit": ["b64"], "b64": False}, "crit"),
                ({"b64": False}, "b64"), ({"b64": 0}, "b64"),
                ({"kid": 7}, "kid"), ({"kid": None}, "kid"),
                ({"alg": None}, "alg"), ({"alg": "eddsa"}, "eddsa"),
                ({"alg": "Ed25519"}, "Ed25519"), ({"alg": ""}, "alg"),
                ('{"alg":"EdDSA","alg":"EdDSA"}', "twice"),
                ('{"alg":"EdDSA","\\u0061lg":"none"}', "twice"),
                ('{"alg":"EdDSA","a":{"b":1,"b":2}}', "twice"),
                ('{"alg":"EdDSA"}x', "JSON"), ("[]", "JSON"), ("", "JSON"),
                ('{"typ":"JWT"}', "alg"), (b'{"alg":"EdDSA","a":"\xff"}', ""),
                ({"more": "x" * 4096}, "4096")):
            self.refuse(self.sign(bad), keys, says)

    def test_the_header_brings_no_key(self):
        """RFC 8725 s3.5: only the set is believed."""
        self.refuse(self.sign({"jwk": self.jwk(1)}, n=1), [self.jwk()],
                    "bad_signature")

    def test_kids(self):
        jws = self.sign({"kid": "a"})
        both = [self.jwk(1, kid="b"), self.jwk(kid="a")]
        self.accept(jws, both, b"hello")
        self.accept(self.sign({"kid": "\u00e9 \U0001f511"}),
                    [self.jwk(kid="\u00e9 \U0001f511")], b"hello")
        self.refuse(jws, [self.jwk(kid="b")], "unknown_key")
        self.refuse(jws, [self.jwk(kid="A")], "unknown_key")
        self.refuse(jws, [self.jwk()], "unknown_key")
        self.refuse(jws, [], "unknown_key")
        self.refuse(jws, [self.jwk(1, kid="a"), self.jwk(kid="b")],
                    "bad_signature")
        self.refuse(self.sign({}), both, "several")
        self.refuse(jws, both + [self.jwk(1, kid="a")], "same kid")

    def test_sets(self):
        jws, key = self.sign({"kid": "a"}), self.jwk(kid="a")
        useless = [{"kty": "new"}, jwk("rfc7520-43"),
                   self.jwk(1, use="enc"), self.jwk(1, x="AA"), {}]
        self.accept(jws, [*useless, key], b"hello")
        for change, says in (({"use": "enc"}, "use"), ({"x": "AA"}, "1 bytes"),
                             ({"alg": "ES256"}, "alg"),
                             ({"key_ops": ["sign"]}, "key_ops"),
                             ({"d": "AA"}, "private half"),
                             ({"k": "AA"}, "shared secret"),
                             ({"kid": 1}, "kid"), ({"kty": "okp"}, "kty")):
            self.refuse(jws, [{**key, **change}], says)
        self.refuse(jws, [key, jwk("rfc7515-a2") | {"d": "AA"}],
                    "key 2", "private half")
        for bad in ("", "{}", "[]", json.dumps(key), '{"keys":{}}',
                    '{"keys":[],"keys":[]}', '{"keys":[]} x', b"\xff"):
            self.refuse(jws, bad, "Key Set")
        self.refuse(jws, ["x"], "key 1")
        many = [self.jwk(1, kid=str(n)) for n in range(64)]
        self.accept(jws, [*many[:63], key], b"hello")
        self.refuse(jws, [*many, key], "at most 64")

    def test_the_command_line(self):
        jws, path = self.sign({}), self.folder / "keys.json"
        self.assertEqual(self.run_jws("", [self.jwk()], jws).stdout, b"hello")
        self.assertEqual(self.run_jws(jws, [self.jwk()], "-").stdout, b"hello")
        for flags, want in ((["--jws"], 2), (["--jwks", path], 2),
                            (["--jws", "--jwks", path, "-o", "json"], 2),
                            (["--jws", "--jwks", path, "--user", "x"], 2),
                            (["--jws", "--jwks", path, jws, jws], 2),
                            (["--jws", "--jwks", "/no/such/file", jws], 3)):
            p = subprocess.run([MINTMARK, "verify", *flags], input=b"",
                               capture_output=True, timeout=60)
            self.assertEqual((p.returncode, p.stdout), (want, b""), flags)
            self.assertTrue(p.stderr, flags)


if __name__ == "__main__":
    main()
