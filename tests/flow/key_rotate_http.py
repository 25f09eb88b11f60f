#!/usr/bin/env python3
"""POST /v1/keys/rotate: what mintmark key rotate does, and when it will not."""
import contextlib
import json

from flow import Flow, cli, main
from key_compromise import kid


class Rotate(Flow):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()

    def states(self):
        return {k["state"]: k["kid"] for k in
                self.i.admin("GET", "/v1/keys")["keys"]}

    def rotate(self, expect=200, **body):
        status, reply, _ = self.i.http("POST", "/v1/keys/rotate", {"now": True, **body},
                                       local=True)
        self.assertEqual(status, expect, reply)
        return reply

    @contextlib.contextmanager
    def unheard(self):
        """The command line, and a mint that does not hear of it."""
        other = self.folder / "other"
        other.mkdir()
        (other / "keys").symlink_to(self.i.data / "keys")
        yield lambda *a: cli("key", *a, "--data", other, check=0)

    def drop_next(self):
        for f in (self.i.data / "keys/next").glob("*.pem"):
            f.unlink()

    def test_rotation(self):
        a = self.agent(self.i)
        before, old = self.states(), self.i.mint()["token"]
        young = self.rotate(409, now=False)
        self.assertIn("too young to sign", young["detail"])
        self.assertEqual(self.states(), before)
        did = self.rotate()
        self.assertEqual((did["rotated"], did["active"], did["retiring"]),
                         (True, before["next"], before["active"]))
        self.assertTrue(did["published"])
        self.assertEqual(self.states(), {k: did[k] for k in (
            "active", "retiring", "next")})
        new = self.i.mint()["token"]
        self.assertEqual((kid(old), kid(new)), (before["active"], before["next"]))
        self.assertEqual([a.reason(t) for t in (old, new)], [None, None])
        again = self.rotate()
        self.assertEqual((again["active"], again["retiring"]),
                         (did["next"], did["active"]))
        _, lines, _ = self.i.http("GET", "/v1/audit?q=key.sign", local=True)
        if isinstance(lines, bytes):
            lines = lines.decode().splitlines()
        newest = json.loads(lines[0])
        self.assertEqual(newest["key"], did["next"])
        self.assertRegex(newest["by"], "^local uid")

    def test_who_may(self):
        status, _, _ = self.i.http("POST", "/v1/keys/rotate", {},
                                   token=self.i.mint("alice")["token"])
        self.assertEqual(status, 403)
        root = self.i.mint("root", scopes=["mintmark:admin"])["token"]
        self.assertEqual(self.i.http("POST", "/v1/keys/rotate", {"now": True},
                                     token=root)[0], 200)

    def test_nobody_waits(self):
        """One is made, and must be known before it signs."""
        before = self.states()
        self.drop_next()
        did = self.rotate()
        self.assertEqual((did["rotated"], did["active"], did["retiring"]),
                         (False, before["active"], None))
        self.assertNotIn(did["next"], (before["next"], before["active"]))
        self.assertEqual(self.rotate()["active"], did["next"])

    def test_who_waits_was_not_announced(self):
        before = self.states()
        self.drop_next()
        with self.unheard() as run:
            run("generate")
        refused = self.rotate(409)
        self.assertIn("rotate again in some minutes", refused["detail"])
        states = self.states()
        self.assertEqual(states["active"], before["active"])
        self.assertEqual(self.rotate()["active"], states["next"])

    def test_the_files_are_ahead(self):
        """A rotation that was cut off is finished, and no other begun."""
        before = self.states()
        with self.unheard() as run:
            run("rotate", "--now")
        did = self.rotate()
        self.assertEqual((did["rotated"], did["active"]), (True, before["next"]))
        self.assertEqual(self.states()["active"], before["next"])
        self.assertEqual(self.states()["retiring"], before["active"])

    def test_broken_folders(self):
        """The keys in force stay in force."""
        before = self.states()
        broken = self.i.data / "keys/next/broken.pem"
        broken.write_text("no key\n")
        broken.chmod(0o600)
        self.assertIn("broken", self.rotate(409)["detail"])
        self.assertEqual(self.states(), before)
        self.assertEqual(kid(self.i.mint()["token"]), before["active"])


if __name__ == "__main__":
    main()
