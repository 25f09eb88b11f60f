#!/usr/bin/env python3
"""A26: little that unpacks to very much, in a feed that is rightly signed, in
one that is not, in the encoding of an answer, and in what a mint is sent."""
import gzip
import pathlib
import time
import zlib

import paths  # noqa: F401
from flow import Flow, main, wait_for
from hostile_feed import Liar
from key_compromise import Stolen, b64, part, stolen_keys

BIG = 512 << 20  # bytes of zeros; 0.5 MB when packed
ROOM = 96 << 20  # that a daemon may take meanwhile


def packed(pack, size=BIG):
    return b"".join((*(pack.compress(bytes(1 << 20))
                       for _ in range(size >> 20)), pack.flush()))


class Peak:
    """The most memory that a process had at once, from here on."""

    def __init__(self, process):
        self.folder = pathlib.Path(f"/proc/{process.proc.pid}")
        (self.folder / "clear_refs").write_text("5")  # proc(5)
        self.before = self.now()

    def now(self):
        for line in (self.folder / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
        raise AssertionError("no VmHWM")

    def grown(self):
        return self.now() - self.before


class Bombs(Flow):
    @classmethod
    def setUpClass(cls):
        cls.zlib = b64(packed(zlib.compressobj(9)))
        cls.gzip = packed(zlib.compressobj(9, wbits=31))

    def begin(self):
        self.i = self.issuer(start=False)
        self.liar = Liar(self.i)
        self.addCleanup(self.liar.close)
        self.i.name = self.liar.url
        self.i.start()
        self.a = self.agent(self.i, urls=[self.liar.url])
        self.good, self.bad = self.i.mint(), self.i.mint()
        self.i.revoke(self.bad["id"])
        self.a.wait_reason(self.bad["token"], "revoked")
        self.peak = Peak(self.a)

    def serve(self, snapshot, *headers):
        """Nothing but this, with each of the headers, and then the truth."""
        asked = []

        def mode(path, ask):
            if "snapshot" not in path:
                return 410, b""
            asked.append(path)
            return (200, snapshot, *headers[len(asked) - 1:len(asked)])
        self.liar.mode = mode
        self.i.revoke(self.i.mint()["id"])  # it is waiting for news
        wait_for("the snapshot to be asked for",
                 lambda: len(asked) > max(1, len(headers)), 40)
        self.liar.mode = None
        self.assertTrue(self.a.alive())
        self.assertLess(self.peak.grown(), ROOM)
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")
        self.a.stop()  # or it would wait for as long as it was lied to
        self.a.start()
        self.a.wait_reason(self.good["token"], None)
        other = self.i.mint()
        self.i.revoke(other["id"])
        self.a.wait_reason(other["token"], "revoked", 40)
        self.peak = Peak(self.a)

    def snapshot(self, **changes):
        """What the mint would say, but for one list."""
        real = self.i.http("GET", "/v1/snapshot", token=self.a.token_file
                           .read_text().strip())[1].decode()
        claims = part(real, 1)
        claims["iat"] = int(time.time())
        one = next(n for n, l in enumerate(claims["lists"])
                   if "renewals" in l or "renewals" not in changes)
        claims["lists"][one].update(changes)
        return claims

    def test_A26_signed(self):
        self.begin()
        key = stolen_keys(self.i)["active"]
        for name in ("status", "renewals"):
            self.serve(key.sign("mintmark-snapshot+jwt", self.snapshot(
                **{name: self.zlib})).encode())
        self.assertIn("too_large", self.a.text())

    def test_A26_unsigned(self):
        """Nothing is unpacked that nobody has signed."""
        self.begin()
        self.serve(Stolen.new().sign("mintmark-snapshot+jwt", self.snapshot(
            status=self.zlib)).encode())
        self.assertNotIn("too_large", self.a.text())

    def test_A26_in_the_encoding_of_an_answer(self):
        """The agent asks for none, and undoes none."""
        self.begin()
        self.serve(self.gzip, ("Content-Encoding", "gzip"),
                   ("Content-Encoding", "deflate, gzip"))

    def test_A26_sent_to_the_mint(self):
        """A body is what it is: nothing packed is unpacked, or believed."""
        i = self.issuer()
        t = i.mint("root", scopes=["mintmark:admin"])
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        good = b'{"user":"alice","expires_in":60}'
        peak = Peak(i)
        small = self.gzip[:12000]
        for path, token, kind, clear in (
                ("/v1/tokens", t["token"], "application/json", good),
                ("/v1/uses", agent, "application/json", b'{"uses":[]}'),
                ("/oauth/introspect", agent,
                 "application/x-www-form-urlencoded", b"token=x"),
                ("/console/session", None, "application/json", good)):
            for body in (small, gzip.compress(clear), zlib.compress(clear)):
                for header in ("Content-Encoding", "X-Content-Encoding"):
                    for encoding in ("gzip", "deflate", "gzip, gzip"):
                        status, _, _ = i.http("POST", path, body, token=token,
                                              headers={
                            "Content-Type": kind, header: encoding,
                            "X-Mintmark-Console": "1"})
                        self.assertIn(status, (400, 401, 413, 415), path)
            self.assertLess(peak.grown(), ROOM)
        self.assertEqual(i.http("POST", "/v1/tokens", good, token=t["token"],
                                headers={"Content-Type": "application/json"})
                         [0], 201)


if __name__ == "__main__":
    main()
