#!/usr/bin/env python3
"""mintmark doctor where daemons hang, lag, have stopped, or have a token that
is over."""
import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import doctor
from certificate import certificate
from flow import MINTMARK, SLOW, free_port, main, wait_for


def is_ready(url):
    try:
        return urllib.request.urlopen(f"{url}/health/ready", timeout=9).status == 200
    except urllib.error.HTTPError:
        return False


class Away(doctor.Doctor):
    def behind(self):
        """What the mint alone says of an agent that hangs: behind, or, where
        it has not been heard of for longer than a poll takes, silent."""
        _, found = self.ask("--data", self.i.data, here=False)
        f, = [f for f in found if f["check"] in ("agents.behind", "agents.silent")]
        self.assertEqual(f["state"], "wrong" if f["check"] == "agents.behind"
                         else "note")
        self.assertIn("on that host", f["next"])
        return f["detail"]

    def test_frozen_behind_stopped(self):
        self.begin()
        self.i.freeze()
        begun = time.monotonic()
        self.wrong(("mint", "timed out", "^systemctl status mintmarkd"),
                   ("issuer", "timed out", "^curl -v"))
        self.assertLess(time.monotonic() - begun, 14)
        self.i.proc.send_signal(signal.SIGCONT)
        wait_for("mintmarkd to go on", self.i.ready)

        self.a.freeze()
        self.i.revoke(self.i.mint()["id"])
        restart = "^systemctl restart mintmark-agent"
        told = self.behind()
        self.assertIn(f"{self.token_id} at 127.0.0.1 (lacks 1 event", told)
        self.assertNotIn(self.token, told)
        told = self.wrong(
            ("issuer.feed", r"at event \d+, and .* is at \d+: what was "
             "revoked", restart),
            ("door", "timed out", restart), ("metrics", "timed out", restart),
            but="agents.behind")
        self.assertNotIn(self.token, json.dumps(told))

        self.a.proc.send_signal(signal.SIGCONT)
        self.a.stop()
        self.i.stop()
        self.wrong(("agent", "no mintmark-agent is to be found at .* hears of no revoc",
                    restart),
                   ("mint", "admin.sock: No such file", "journalctl"),
                   ("issuer", f"no answer at {self.i.url}", "^curl -v"))

    def test_a_token_that_is_not_an_agents(self):
        """Rotated, it would be no more.  What is said by a flag holds, whatever
        the environment says of another agent."""
        self.begin()
        self.a.token_file.write_text(self.i.mint("alice", scopes=["x"])["token"] + "\n")
        code, found = self.ask(env={"MINTMARK_STATE": str(self.folder / "another")})
        f, = [f for f in found if f["check"] == "token"]
        self.assertEqual((code, f["state"]), (1, "wrong"))
        self.assertIn("of alice lacks the scope mintmark:agent", f["detail"])
        self.assertRegex(f["next"], f"token create .*: into {self.a.token_file}")

    def test_settings_that_its_next_start_refuses(self):
        self.begin()
        good = self.conf.read_text()
        for line, says in ((f"state = {self.a.state}", ":7: set a second time"),
                           ("max_stalenes = 1h", ":7: unknown setting"),
                           ("max_staleness = 1.5d", ":7: "),
                           ("max_staleness = 0", "is no time at all")):
            self.conf.write_text(f"{good}{line}\n")
            self.wrong(("agent.settings", f"^mintmark-agent would not start again .*{says}",
                        f"^mintmark-agent --config '{self.conf}' --test "))
        self.conf.write_text("\n".join(
            line for line in good.splitlines() if not line.startswith("token_file")))
        f, = [f for f in self.well() if f["check"] == "agent.settings"]
        self.assertEqual(f["state"], "note")
        self.assertIn("--token-file is missing", f["detail"])

    def test_an_issuer_that_is_another(self):
        """A typo: the agent hears of nothing, and what it had is another's."""
        self.begin()
        dead = f"http://127.0.0.1:{free_port()}"
        self.conf.write_text(self.conf.read_text().replace(
            f"issuer = {self.i.url}\n", f"issuer = {dead}/\n"))
        self.a.stop()
        self.a.urls = [dead]
        self.a.start(wait=False)
        self.a.wait_reason(self.token, "stale", 20)
        wait_for("its doors", lambda: self.a.text().count('"agent.start"') == 2)
        f = self.wrong(
            ("state", "every token is refused", "feed.unreachable"),
            ("door.state", "the agent says", "every token is refused"),
            ("issuer", f"no answer at {dead}", f"^curl -v '{dead}/"),
            ("issuer.name", f"{self.conf} names the issuer {dead}, and {self.a.state} "
             f"is of {self.i.name}: ", f"^mintmark inspect <'{self.a.token_file}' "))
        p = subprocess.run(f["next"].replace("mintmark ", f"{MINTMARK} ", 1), shell=True,
                           capture_output=True, text=True)
        self.assertIn(self.i.name, p.stdout)

    def test_settings_that_the_mints_next_start_refuses(self):
        """While it runs, and where it does not: then it is why."""
        self.begin()
        conf = self.folder / "mintmarkd.conf"
        good = (f"issuer = {self.i.name}\ndata = {self.i.data}\n"
                f"listen = 127.0.0.1:{self.i.port}\n")
        told = ("--mint-config", conf)
        conf.write_text(good)
        f, = [f for f in self.well(*told) if f["check"] == "mint.settings"]
        self.assertEqual(f["detail"], f"mintmarkd takes what {conf} says")
        # what stands at the usual place is another mint's
        self.assertNotIn("mint.settings", {f["check"] for f in self.well()})
        bad = (("foo = bar", ":4: unknown setting .foo."),
               ("max_life = 9x", ":4: "), ("workers = 0", "workers is 1 to 64"),
               ("tls_cert = /nope\ntls_key = /nope", "/nope"))
        for line, says in bad:
            conf.write_text(f"{good}{line}\n")
            self.wrong(("mint.settings", f"^mintmarkd would not start again with {conf}: "
                        f".*{says}", f"^mintmarkd --config '{conf}' --test "), flags=told)
        cert, key = certificate(self.folder, -9, -2)
        ended = f"tls_cert = {cert}\ntls_key = {key}\n"
        conf.write_text(good + ended)
        self.wrong(("mint.settings", f"takes what {conf} says, but the certificate in "
                    f"{cert} ended at ", f"^mintmarkd --config '{conf}' --test "), flags=told)
        conf.write_text(f"{good}{ended}foo = bar\n")
        self.wrong(("mint.settings", ":6: unknown setting", "--test"), flags=told)
        for lacks, says in ((good.partition("\n")[2], "say --issuer URL"),
                            (good.replace("= 127.0.0.1:", "= 0.0.0.0:"), "behind_proxy")):
            conf.write_text(lacks)
            f, = [f for f in self.well(*told) if f["check"] == "mint.settings"]
            self.assertEqual(f["state"], "note")
            self.assertRegex(f["detail"], f"alone is not enough for mintmarkd .*{says}")
        self.i.stop()
        conf.write_text(f"{good}foo = bar\n")
        self.wrong(("mint", "No such file", "journalctl"),
                   ("issuer", "no answer at", "^curl -v"),
                   ("mint.settings", ":4: unknown setting", "--test"), flags=told)

    def test_others_that_are_dead(self):
        """Whom it may turn to, and what it serves itself: each is looked at,
        dead or alive."""
        feed = free_port()
        self.begin("--serve-feed", f"127.0.0.1:{feed}")
        wait_for("the relay to have heard",
                 lambda: is_ready(f"http://127.0.0.1:{feed}"), 20)
        good, dead = self.conf.read_text(), f"127.0.0.1:{free_port()}"
        alive = (("issuer", f"http://127.0.0.1:{self.i.port}/", "issuer.address"),
                 ("feed_from", f"http://127.0.0.1:{feed}", "feed_from"),
                 ("serve_feed", f"127.0.0.1:{feed}", "serve_feed"))
        lines = "".join(f"{name} = {at}\n" for name, at, _ in alive)
        self.conf.write_text(good + lines)
        found = {f["check"]: f for f in self.well()}
        self.assertLessEqual({check for _, _, check in alive}, set(found))
        for name, _, check in alive:
            at = dead if name == "serve_feed" else f"http://{dead}"
            self.conf.write_text(f"{good}{name} = {at}\n")
            next_ = ("^systemctl restart" if name == "serve_feed" else
                     f"^on that host: mintmark doctor .* out of {self.conf}")
            f = self.wrong((check, f"no answer at http://{dead}", next_))
        certificate = self.folder / "pem"
        for at, says in ((f"127.0.0.1:{feed}", None), (dead, "no answer at")):
            self.conf.write_text(f"{good}serve_feed = {at}\ntls_cert = {certificate}\n"
                                 f"tls_key = {certificate}\n")
            f, = [f for f in self.ask()[1] if f["check"] == "serve_feed"]
            self.assertEqual(f["state"], "wrong" if says else "ok")
            self.assertIn(says or "somebody listens", f["detail"])

    def health(self):
        """What the agent's door says of its feed, while it lets pass."""
        at = re.search(r"(?m)^listen = (.*)", self.conf.read_text())[1]
        with urllib.request.urlopen(f"http://{at}/health/ready", timeout=9) as r:
            said = json.load(r)
        return said["status"], said["checks"]["feed"].get("do", "")

    def test_a_token_that_was_revoked(self):
        """The state is good for a day still; uses are not told, and tokens that
        refresh themselves die of it elsewhere."""
        self.begin()
        wait_for("all to be well", lambda: self.health() == ("ok", ""))
        self.i.revoke(self.token_id)
        wait_for("the agent to be refused", lambda: self.health()[0] == "degraded")
        self.assertIn("put another into --token-file", self.health()[1])
        refused, = (json.loads(line) for line in self.a.text().splitlines()
                    if '"feed.refused"' in line)
        self.assertRegex(refused["detail"], r"\(401: it is revoked.* mintmark token create ")
        self.i.revoke(self.i.mint()["id"])  # of which it does not hear
        code, found = self.ask()
        bad = {f["check"]: f for f in found if f["state"] == "wrong"}
        # it has heard of it, too, if it was not between two polls just then
        self.assertEqual((code, set(bad) - {"agents.behind", "token"}),
                         (1, {"door.feed", "issuer.feed"}), bad)
        self.assertIn("feed is failing", bad["door.feed"]["detail"])
        if "token" in bad:
            self.assertIn("is refused (revoked)", bad["token"]["detail"])

        t = self.i.mint("agent", scopes=["mintmark:agent"], expires_in=60 * doctor.DAY)
        self.a.token_file.write_text(t["token"] + "\n")
        self.a.proc.send_signal(signal.SIGHUP)
        wait_for("all to be well again", lambda: self.health() == ("ok", ""))

    def test_a_mint_that_is_away(self):
        """Is no trouble of the agent's own."""
        self.begin()
        self.i.stop()
        wait_for("the agent to notice", lambda: "feed.unreachable" in self.a.text())
        self.assertEqual(self.health(), ("ok", ""))

    def test_an_expired_token_and_so_a_stale_state(self):
        life = round(4 * SLOW)  # to come up in, and to ask a first time
        self.begin("--max-staleness", "1s", life=life)
        over = time.time() + life + 2  # what was asked before comes in still
        wait_for("the state to be stale for good", lambda: time.time() > over
                 and self.a.reason(self.token) == "stale", 20)
        # until there is not even the time of the last news
        wait_for("the agent to notice its silence", lambda: not any(
            self.a.state.read_bytes()[72:80]), 20)
        self.wrong(
            ("state", "heard nothing .*every token is refused",
             "journalctl -u mintmark-agent"),
            ("door.state", "the agent says", "every token is refused"),
            ("door.feed", "feed is failing", "put another into --token-file"),
            ("token", r"has expired, at|is refused \(expired\)",
             f"mintmark token create .*: into {self.a.token_file}, mode 0600"))


if __name__ == "__main__":
    main()
