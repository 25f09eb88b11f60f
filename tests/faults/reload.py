#!/usr/bin/env python3
"""SIGHUP when what would be read is broken: what is in force stays, the log
says what is wrong, and health shows it until it is mended."""
import shutil
import signal
import subprocess

import bad_days  # noqa: F401  (says where flow is)
from flow import MINTMARKD, Flow, main, wait_for


class Reload(Flow):
    def ready(self):
        """(status, the whole word, the checks that fail)"""
        status, reply, _ = self.i.http("GET", "/health/ready")
        return status, reply["status"], {
            k for k, c in reply["checks"].items() if c["status"] != "ok"}

    def hup(self, p, event):
        """SIGHUP, and the line that comes of it."""
        log = len(p.text())
        p.proc.send_signal(signal.SIGHUP)
        wait_for(f"{event}", lambda: f'"{event}"' in p.text()[log:])
        return next(l for l in p.text()[log:].splitlines() if f'"{event}"' in l)

    def test_F23_a_broken_key(self):
        self.i, a = self.both()
        t = self.i.mint()
        key = next((self.i.data / "keys/active").glob("*.pem"))
        whole = key.read_bytes()
        self.assertEqual(self.ready(), (200, "ok", set()))

        def cut():
            key.write_bytes(whole[:100])

        def stranger():
            key.with_name("AAAAAAAAAAA.pem").write_bytes(whole)

        def gone():
            key.unlink()

        def no_folder():
            shutil.rmtree(key.parent)

        for spoil in (cut, lambda: key.write_bytes(b""), lambda: key.chmod(0o644),
                      stranger, gone, no_folder):
            spoil()
            line = self.hup(self.i, "keys.reload_failed")
            self.assertIn("goes on with the keys that it had", line)
            self.assertNotIn("PRIVATE", line)
            self.assertEqual(self.ready(), (200, "degraded", {"keys"}))
            fresh = self.i.mint()
            self.assertEqual(fresh["key"], t["key"])
            a.wait_reason(fresh["token"], None)
            self.i.revoke(fresh["id"])
            a.wait_reason(fresh["token"], "revoked")

            shutil.rmtree(key.parent, ignore_errors=True)
            key.parent.mkdir(mode=0o700)
            key.write_bytes(whole)
            key.chmod(0o600)
            self.hup(self.i, "keys.loaded")
            wait_for("health", lambda: self.ready() == (200, "ok", set()))
        # and nothing was announced as gone meanwhile
        self.assertIsNone(a.reason(t["token"]))
        self.assertEqual(self.i.http("GET", "/v1/keys", local=True)[0], 200)

    def test_F23_a_broken_configuration(self):
        """It is read at the start only: SIGHUP cannot break it."""
        conf = self.folder / "mintmarkd.conf"
        conf.write_text("max_life = 30d\n")
        self.i = self.issuer(flags=["--config", conf])
        conf.write_text("max_life = for ever\ncolour = red\n")
        self.hup(self.i, "keys.loaded")
        self.assertEqual(self.ready(), (200, "ok", set()))
        self.i.mint(expires_in=29 * 86400)
        self.i.admin("POST", "/v1/tokens", {
            "user": "alice", "expires_in": 31 * 86400}, expect=(400, 403, 422))
        self.i.stop()
        p = subprocess.run([MINTMARKD, "--config", conf], capture_output=True, text=True)
        self.assertEqual((p.returncode, len(p.stderr.splitlines())), (2, 1), p.stderr)
        self.assertIn(f"{conf}:1", p.stderr)

    def test_F23_the_agents(self):
        """Its token and its pinned keys, spoilt and put right again."""
        self.i, a = self.both()
        good = a.token_file.read_text()
        t = self.i.mint()
        for bad in ("", "two\nlines\n", "x" * 9000, "not a token"):
            a.token_file.write_text(bad)
            self.hup(a, "agent.reload")
            self.i.revoke(self.i.mint()["id"])  # ends the poll that waits
            wait_for(f"a word about {bad[:9]!r}",
                     lambda: '"feed.' in a.text().split("agent.reload")[-1], 20)
            self.assertIsNone(a.reason(t["token"]))
            self.assertTrue(a.alive())
            a.token_file.write_text(good)

            def heard():
                a.proc.send_signal(signal.SIGHUP)
                return '"feed.connected"' in a.text().rpartition('"feed.refused"')[2] \
                    .rpartition('"feed.unreachable"')[2]
            wait_for("it to be well", heard, 20)
        self.i.revoke(t["id"])
        a.wait_reason(t["token"], "revoked", 20)


if __name__ == "__main__":
    main()
