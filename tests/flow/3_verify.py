#!/usr/bin/env python3
"""Step 3, verify: offline, from the state file, and what is refused."""
import base64
import json
import os
import subprocess
import time

from flow import AGENT, SLOW, Flow, cli, main, verify, wait_for

NODE = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"


class Verify(Flow):
    def test_the_whole_job_on_the_command_line(self):
        """Exactly what the README shows, through the binaries."""
        i, a = self.both()
        env = {"MINTMARK_SOCKET": str(i.socket), "MINTMARK_STATE": str(a.state)}
        t = cli("token", "create", "-u", "alice", "-e", "20d", "-s",
                f"node:{NODE}:rw", "-l", "backup job", "-q", env=env,
                check=0).stdout.strip()
        cli("verify", "--user", "alice", "--need", f"node:{NODE}:r", t,
            env=env, check=0)
        cli("verify", "--user", "bob", t, env=env, check=1)
        cli("verify", "--need", "photos:read", t, env=env, check=1)
        jti = json.loads(cli("inspect", "-o", "json", t, check=0).stdout)["payload"]["jti"]
        cli("token", "revoke", jti, env=env, check=0)
        p = cli("verify", "-o", "json", t, env=env, check=1)
        said = json.loads(p.stdout)
        self.assertEqual((said["valid"], said["reason"]), (False, "revoked"))

    def test_every_reason(self):
        i, a = self.both()
        good = i.mint(audience=["files"], scopes=["photos:read"])
        t = good["token"]
        self.assertEqual(a.reason(t, "--audience", "files", "--need",
                                  "photos:read", "--user", "alice"), None)
        head, body, sig = t.split(".")
        cases = [
            (t, ["--audience", "mail"], "wrong_audience"),
            (t, ["--user", "bob"], "wrong_user"),
            (t, ["--need", "photos:write"], "insufficient_scope"),
            (t, ["--need", "node:1:r"], "insufficient_scope"),
            ("x", [], "malformed"), ("", [], "malformed"),
            (t + "=", [], "malformed"), (t[:-18], [], "bad_signature"),
            (f"{head}.{body}.{sig[::-1]}", [], None),
            ("A" * 5000, [], "malformed"),
        ]
        for token, flags, want in cases:
            code, said = a.verify(token, *flags)
            self.assertFalse(said["valid"], (token[:40], flags))
            if want:
                self.assertEqual(said["reason"], want, (token[:40], flags))
            self.assertEqual(code, 1)
        for change, word in (("suspend", "suspended"), ("reinstate", None)):
            i.admin("POST", f"/v1/tokens/{good['id']}/{change}")
            a.wait_reason(t, word)
        short = i.mint(expires_in=1)["token"]
        a.wait_reason(short, "expired", 4)

    def test_every_character_changed_is_refused(self):
        i, a = self.both()
        t = i.mint()["token"]
        step = 7  # the unit test changes every one
        for n in range(0, len(t), step):
            other = "A" if t[n] != "A" else "B"
            self.assertFalse(a.verify(t[:n] + other + t[n + 1:])[1]["valid"], n)

    def test_offline_and_after_a_restart_of_the_agent(self):
        """The issuer is away; an agent starts from what it kept."""
        i, a = self.both()
        good, bad = i.mint(), i.mint()
        i.revoke(bad["id"])
        a.wait_reason(bad["token"], "revoked")
        i.kill9()
        self.assertIsNone(a.reason(good["token"]))
        for end in (a.stop, a.kill9):
            end()
            a.state.unlink()
            a.start()
            self.assertIsNone(a.reason(good["token"]))
            self.assertEqual(a.reason(bad["token"]), "revoked", end.__name__)
        i.start()

    def test_a_lost_checkpoint_loses_no_revocation(self):
        """kill -9 between checkpoints: the journal has what came since."""
        i, a = self.both()
        tokens = [i.mint() for _ in range(30)]
        for t in tokens:
            i.revoke(t["id"])
        a.wait_reason(tokens[-1]["token"], "revoked")
        a.kill9()
        i.kill9()
        a.start()
        for t in tokens:
            self.assertEqual(a.reason(t["token"]), "revoked")
        i.start()

    def test_state_files_that_are_none(self):
        i, a = self.both()
        t = i.mint()["token"]
        self.assertIsNone(a.reason(t))
        whole = a.state.read_bytes()
        broken = self.folder / "broken"
        cases = {
            "missing": None, "empty": b"", "short": whole[:4096],
            "cut": whole[:-4096], "longer": whole + b"\0" * 4096,
            "another magic": b"X" + whole[1:],
            "another version": whole[:8] + b"\x63" + whole[9:],
            "garbage": os.urandom(8192), "a folder": "folder",
        }
        for name, content in cases.items():
            subprocess.run(["rm", "-rf", broken], check=True)
            if content == "folder":
                broken.mkdir()
            elif content is not None:
                broken.write_bytes(content)
            p = cli("verify", "--state", broken, "-", stdin=t)
            self.assertEqual(p.returncode, 3, name)
            said = (p.stdout + p.stderr).strip().splitlines()
            self.assertEqual(len(said), 1, (name, said))
            self.assertIn("unavailable", said[0], name)

    def test_a_state_without_news_goes_stale(self):
        i = self.issuer()
        a = self.agent(i, flags=["--max-staleness", f"{3 * SLOW:.0f}s"])
        t = i.mint()["token"]
        time.sleep(3 * SLOW + 1)  # kept fresh by heartbeats
        self.assertIsNone(a.reason(t))
        i.kill9()
        a.wait_reason(t, "stale", 8)
        code, said = a.verify(t)
        self.assertEqual(code, 3)
        self.assertRegex(said["detail"], "newest news .* are allowed|heard nothing")
        i.start()
        a.wait_reason(t, None, 40)

    def test_a_state_file_that_was_removed_comes_back(self):
        """At once, though its issuer is away."""
        i, a = self.both()
        t = i.mint()["token"]
        i.kill9()
        a.state.unlink()
        wait_for("the state file", a.state.exists, 5)
        self.assertIsNone(a.reason(t))
        wait_for("it to say so", lambda: a.text().count('"state.gone"') == 1)
        self.assertIn("made anew; somebody removed it", a.text())
        i.start()

    def test_one_agent_a_state(self):
        i, a = self.both()
        p = subprocess.run(
            [AGENT, "--issuer", i.url, "--token-file", a.token_file,
             "--state", a.state], capture_output=True, text=True, timeout=20)
        self.assertEqual(p.returncode, 1)
        self.assertIn("another", p.stderr)

    def test_a_token_that_is_no_agents(self):
        i, a = self.both()
        other = self.agent(i, start=False, name="other")
        other.token_file.write_text(i.mint("alice")["token"])
        other.start(wait=False)
        wait_for("a word about the token file",
                 lambda: "token" in other.text() and "403" in other.text()
                 or "--token-file" in other.text())
        self.assertFalse(other.state.exists())
        # mended without a restart
        other.token_file.write_text(a.token_file.read_text())
        wait_for("the state", other.state.exists, 40)


if __name__ == "__main__":
    main(at_once=3)
