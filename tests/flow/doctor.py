#!/usr/bin/env python3
"""mintmark doctor: all is well, and one thing after the other is not; each is
named, with the next step."""
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from clock import FAKE
from flow import BUILD, MINTMARK, Flow, cli, free_port, main, wait_for
from tls import HOST, Authority, own_etc

DAY = 86400
# mintmark-store is beside mintmarkd; and there is mintmark-agent
WITH_TOOL = f"{BUILD / 'issuer'}:{BUILD / 'verifier'}:{os.environ['PATH']}"
OF_MINT = {"mint", "mint.clock", "health", "feed", "agents", "folder", "store",
           "store.whole", "keys", "public", "public.clock"}
OF_HOST = {"state", "state.room", "state.owner", "agent", "agent.settings", "door", "metrics", "token",
           "issuer", "issuer.clock", "issuer.feed"}


class Doctor(Flow):
    def begin(self, *agent_flags, life=60 * DAY, mint_flags=()):
        """A mint, and an agent with all that it can have, as agent.conf says."""
        door, numbers = free_port(), free_port()
        self.i = self.issuer(flags=mint_flags)
        self.a = self.agent(self.i, start=False, flags=[
            "--listen", f"127.0.0.1:{door}",
            "--metrics", f"127.0.0.1:{numbers}", *agent_flags])
        t = self.i.mint("agent", scopes=["mintmark:agent"], expires_in=life)
        self.token, self.token_id = t["token"], t["id"]
        self.a.token_file.write_text(self.token + "\n")
        self.a.token_file.chmod(0o600)
        self.conf = self.folder / "agent.conf"
        self.conf.write_text(
            f"# of the agent\nissuer = {self.i.url}\nstate = {self.a.state}\n"
            f"token_file = {self.a.token_file}\nlisten = 127.0.0.1:{door}\n"
            f"metrics = 127.0.0.1:{numbers}\n")
        self.a.start()
        wait_for("the agent to follow",
                 lambda: "feed.connected" in self.a.text())

    def ask(self, *flags, here=True, env=None):
        """(exit, findings)"""
        if here:
            flags += ("--data", self.i.data, "--agent-config", self.conf)
        p = cli("doctor", "-o", "json", *flags,
                env={"PATH": WITH_TOOL, **(env or {})})
        self.assertEqual(p.stderr, "")
        return p.returncode, json.loads(p.stdout)

    def well(self, *flags):
        code, found = self.ask(*flags)
        self.assertEqual([f for f in found if f["state"] == "wrong"], [])
        self.assertEqual(code, 0)
        return found

    def wrong(self, *want, flags=(), but=None, **kw):
        """Nothing else than these, each (check, detail, next), is wrong, and
        the check `but` may be; the last of them."""
        code, found = self.ask(*flags, **kw)
        bad = [f for f in found if f["state"] == "wrong" and f["check"] != but]
        self.assertEqual(code, 1, found)
        self.assertEqual({f["check"] for f in bad}, {w[0] for w in want}, bad)
        for check, detail, next_ in want:
            last = next(f for f in bad if f["check"] == check)
            self.assertRegex(last["detail"], detail)
            self.assertRegex(last["next"], next_)
        return last


class Well(Doctor):
    def test_all_is_well_and_stays_as_it_was(self):
        self.begin()

        def files():
            return {p: (s.st_mtime_ns, s.st_mode, s.st_size)
                    for p in self.i.data.rglob("*") for s in [p.lstat()]
                    if "mintmark.db" not in p.name and p.name != "newest"}
        before = files(), self.i.admin("GET", "/v1/audit")
        found = self.well()
        self.assertEqual((files(), self.i.admin("GET", "/v1/audit")), before)
        self.assertLessEqual(OF_MINT | OF_HOST, {f["check"] for f in found})
        for f in found:
            self.assertEqual(set(f), {"check", "state", "detail", "next"})
            self.assertEqual(f["state"] == "ok", f["next"] is None, f)
        p = cli("doctor", "--data", self.i.data, "--agent-config", self.conf,
                check=0)
        lines = p.stdout.splitlines()
        self.assertRegex(lines[-1], r"^All is well: \d+ findings, (1 is a|\d "
                         "are) notes?$")
        self.assertRegex(p.stdout, r"(?m)^ok     state +\S+ is at event \d+ ")
        self.assertNotIn("WRONG", p.stdout)
        self.assertNotIn(self.token.split(".")[2], p.stdout)

    def test_where_there_is_nothing(self):
        nowhere = {"MINTMARK_STATE": "", "MINTMARK_SOCKET": "",
                   "MINTMARK_DATA": ""}
        if not os.path.exists("/var/lib/mintmark"):
            p = cli("doctor", env=nowhere, check=3)
            self.assertIn("say --data DIR, --state FILE or --url", p.stderr)
        for flags in (["--url", "ftp://x/"], ["--url", "nonsense"],
                      ["--url", "https://me:secret@files.example.org/"],
                      ["--agent-config", self.folder / "none"],
                      ["--mint-config", self.folder / "none"], ["more"]):
            p = cli("doctor", *flags, env=nowhere, check=2)
            self.assertNotIn("secret", p.stderr)
        p = cli("doctor", "--state", self.folder / "none", check=1)
        self.assertIn("no state file at", p.stdout)
        p = cli("doctor", "--data", self.folder / "none", check=1)
        self.assertIn("cannot look into", p.stdout)


class Broken(Doctor):
    """Each is mended by the very command that is given."""

    def mend(self, finding):
        command = finding["next"].partition("; ")[0]
        subprocess.run(command, shell=True, check=True)

    def test_files_that_others_can_read_or_change(self):
        self.begin()
        key = next((self.i.data / "keys/active").iterdir())
        for check, path, mode, says in (
                ("keys.mode", key, 0o644, "others can read"),
                ("folder.mode", self.i.socket, 0o666, "anybody may adm"),
                ("folder.mode", self.i.data, 0o722, "others can write to"),
                ("folder.mode", self.i.data / "keys", 0o755, "look into"),
                ("folder.mode", self.i.data / "mintmark.db", 0o640, "read"),
                ("keys.mode", key, 0o622, "others can write to"),
                ("folder.mode", self.i.data / "mintmark.db", 0o666, "write"),
                ("token.mode", self.a.token_file, 0o604, "others can read"),
                ("token.mode", self.a.token_file, 0o602, "others can write"),
                ("state.mode", self.a.state, 0o666, "they decide who gets")):
            with self.subTest(path=path):
                path.chmod(mode)
                f = self.wrong((check, says, rf"^chmod \S+ '{path}'"))
                self.assertIn(str(path), f["detail"])
                self.mend(f)
                self.well()
        junk = self.i.data / "keys/next/AAAAAAAAAAA.pem"
        junk.write_text("no key")
        junk.chmod(0o600)
        self.wrong(("keys", str(junk), "^mintmark key list --data "))

    def test_what_is_missing(self):
        self.begin()
        key = next((self.i.data / "keys/next").iterdir())
        key.rename(self.folder / "aside")
        self.wrong(("keys.missing", rf"{key.stem} \(next, 0 live", "^put it back"))
        self.reload("key.retired")
        f, = [f for f in self.well() if f["check"] == "keys.next"]
        self.assertIn("no key waits", f["detail"])
        self.assertRegex(f["next"], "^mintmark key generate --data ")
        self.a.state.with_suffix(".state.sock").unlink()
        self.wrong(("agent", "mintmark-agent runs, and nobody hears of uses",
                    "^systemctl restart mintmark-agent"),
                   ("door.uses", "the agent says: uses", "restart"))

    def test_no_key_signs(self):
        """A file that was lost ends no key; another that signs ends it."""
        self.begin()
        self.i.stop()
        key, = (self.i.data / "keys/active").iterdir()
        key.rename(self.folder / key.name)
        says = "^put back what was in .*/keys/active; if it is lost: mintmark key "
        for verb, gone in (("rotate", self.i.data / "keys/next"), ("generate", None)):
            f, = [f for f in self.ask()[1] if f["check"] == "keys"]
            self.assertEqual(f["detail"], f"no key signs in {self.i.data}/keys")
            self.assertRegex(f["next"], f"{says}{verb} --data ")
            if gone:
                next(gone.iterdir()).unlink()
        (self.folder / key.name).rename(key)
        self.i.start()

    def reload(self, event):
        said = self.i.text().count(f'"{event}"')
        self.i.proc.send_signal(signal.SIGHUP)
        wait_for(event, lambda: self.i.text().count(f'"{event}"') > said)

    def test_a_key_file_that_is_lost(self):
        self.begin()
        key = next((self.i.data / "keys/active").iterdir())
        key.rename(self.folder / "aside")
        want = ("keys.missing", rf"{key.stem} \(active, [1-9]\d* live tokens\)",
                f"mintmark key retire --data '{self.i.data}' --force -- {key.stem} ")
        self.wrong(want)
        self.reload("keys.reload_failed")
        self.wrong(want, ("health.keys", "keys", "^"))
        (self.folder / "aside").rename(key)
        self.reload("keys.loaded")
        self.well()

    def test_a_stolen_key_of_which_the_mint_has_not_heard(self):
        """Its file is not to be put back, nor is it to be retired."""
        self.begin()
        key = next((self.i.data / "keys/active").iterdir())
        key.unlink()
        marks = self.i.data / "keys/compromised"
        marks.mkdir(mode=0o700, exist_ok=True)
        (marks / key.stem).touch(0o600)
        f = self.wrong(("keys.stolen", f"{key.stem} was said to be stolen and is out",
                        f"^df -h '{self.i.data}' .*: mintmark key compromise --data "
                        f"'{self.i.data}' -- {key.stem}; "))
        self.assertNotIn("put it back", f["next"])

    def test_a_key_file_that_was_spoilt_and_is_right_again(self):
        self.begin()
        key = next((self.i.data / "keys/next").iterdir())
        whole = key.read_bytes()
        key.write_text("no key")
        self.reload("keys.reload_failed")
        self.wrong(("keys", str(key), "^mintmark key list"), ("health.keys", ".", "."))
        key.write_bytes(whole)
        self.reload("keys.loaded")
        self.well()

    def test_keys_that_were_not_read(self):
        """Rotated by somebody whom the mint did not hear."""
        self.begin()
        waits = next((self.i.data / "keys/next").iterdir()).stem
        signs = next((self.i.data / "keys/active").iterdir()).stem
        (self.folder / "other").mkdir()
        (self.folder / "other/keys").symlink_to(self.i.data / "keys")
        cli("key", "rotate", "--now", "--data", self.folder / "other", check=0)
        self.wrong(("keys.unread", ".", "^systemctl reload mintmarkd"))
        found = self.ask()[1]
        for says in (f"{waits} is active in .* uses it as next",
                     f"{signs} is retiring in .* uses it as active",
                     "has not read the key .{11} .next.", rf"{signs} \(.* signs"):
            self.assertRegex(json.dumps(found), says)
        self.reload("keys.loaded")
        f, = (f for f in self.well() if f["check"] == "keys")
        self.assertIn(waits, f["detail"])

    def test_a_key_that_is_gone_and_comes_back(self):
        """No reload helps while its file is there."""
        self.begin()
        key = next((self.i.data / "keys/next").iterdir())
        key.rename(self.folder / "aside")
        self.reload("key.retired")
        (self.folder / "aside").rename(key)
        self.reload("keys.reload_failed")
        f = self.wrong(("keys.former", f"{key.stem} was retired", "^rm '"),
                       ("health.keys", ".", "."))
        f, = (f for f in self.ask()[1] if f["check"] == "keys.former")
        self.mend(f)
        self.reload("keys.loaded")
        self.well()

    def test_keys_with_a_passphrase(self):
        secret = self.folder / "passphrase"
        secret.write_text("a long passphrase of the test\n")
        secret.chmod(0o600)
        told = ("--key-passphrase-file", secret)
        self.begin(mint_flags=told)
        found = {f["check"]: f for f in self.well()}
        self.assertEqual(found["keys.closed"]["state"], "note")
        self.assertIn("there is no passphrase", found["keys.closed"]["detail"])
        self.assertRegex(found["keys"]["detail"], r"\(ES256\) signs")
        found = {f["check"]: f for f in self.well(*told)}
        self.assertNotIn("keys.closed", found)
        self.assertRegex(found["keys"]["detail"], r"ES256, encrypted\) signs")
        secret.write_text("another\n")
        self.wrong(("keys", "does not open it", "^mintmark key list"),
                   flags=told)

    def test_another_users_file(self):
        if os.getuid() != 0:
            self.skipTest("only root gives files away")
        self.begin()
        lock = self.i.data / "mintmark.db.lock"
        os.chown(lock, 65534, 65534)
        f = self.wrong(("folder.owner", "uid 65534's", "^chown -h 0:0 "))
        self.mend(f)
        self.well()

    def test_keys_without_their_store(self):
        self.begin()
        self.i.stop()
        (self.i.data / "mintmark.db").rename(self.folder / "aside")
        self.wrong(("mint", "No such file", "^systemctl status mintmarkd"),
                   ("folder.store", "without one it does not start, for the keys",
                    "--restored"),
                   ("issuer", f"no answer at {self.i.url}", "^curl -v"))


class Clock(Doctor):
    def test_a_clock_that_is_an_hour_ahead(self):
        if FAKE is None:
            self.skipTest("there is no libfaketime")
        self.begin()
        ahead = "this host's clock is 60 min ahead of that of"
        self.wrong(*((check, ahead, "^timedatectl") for check in (
            "mint.clock", "public.clock", "issuer.clock")),
            ("state", "news 60 min old", "journalctl"), env={
                "LD_PRELOAD": str(FAKE), "FAKETIME": "+3600",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "ASAN_OPTIONS":
                os.environ.get("ASAN_OPTIONS", "") +
                ":verify_asan_link_order=0"})


class Server(http.server.BaseHTTPRequestHandler):
    """The path says what is answered: /200, /401, /401/Basic ..."""

    def do_GET(self):
        self.server.seen.append(self.headers)
        status, _, challenge = self.path[1:].partition("/")
        self.send_response(int(status))
        if challenge:
            self.send_header("WWW-Authenticate", f'{challenge} realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(test, context=None):
    """A Server, until the test ends."""
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    s.seen = []
    if context is not None:
        s.socket = context.wrap_socket(s.socket, server_side=True)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    test.addCleanup(s.server_close)
    test.addCleanup(s.shutdown)
    return s


class Certificate(Doctor):
    def test_until_when_it_is_good(self):
        why = own_etc()
        if why is not None:
            self.skipTest(f"no files of its own here: {why}")
        ca = Authority(self.folder, "ours")
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 {HOST}\n")
        mounts = (f"mount --bind {ca.pem} /etc/ssl/certs/ca-certificates.crt "
                  f"&& mount --bind {hosts} /etc/hosts && exec \"$@\"")
        for days, state, says in (
                (60, "ok", "ends in (59|60) days"), (9, "note", "ends in [89] days"),
                (2, "WRONG", "ends in (47 h|2 days)"),
                (-1, "WRONG", "certificate has expired")):
            with self.subTest(days=days):
                port = serve(self, ca.context(HOST, days)).server_port
                p = subprocess.run(
                    ["unshare", "-rm", "sh", "-c", mounts, "sh", MINTMARK,
                     "doctor", "--url", f"https://{HOST}:{port}/401/Bearer"],
                    capture_output=True, text=True, timeout=60)
                self.assertEqual(p.returncode, state == "WRONG", p.stderr)
                self.assertRegex(p.stdout, f"(?m)^{state} .*{says}")


class Proxy(Doctor):
    CHECKS = ("proxy.anonymous", "proxy.garbage", "proxy.identity")

    def setUp(self):
        super().setUp()
        self.server = serve(self)

    def try_url(self, path):
        """What is found, but for the clocks: {check: finding}"""
        url = f"http://127.0.0.1:{self.server.server_port}{path}"
        code, found = self.ask("--url", url, here=False)
        found = {f["check"]: f for f in reversed(found)}  # the first of each
        self.assertIn("proxy.unseen", found)
        return code, {c: found[c] for c in self.CHECKS}

    def test_open(self):
        code, found = self.try_url("/200")
        self.assertEqual(code, 1)
        for check, says in zip(self.CHECKS, (
                "without a token", "with a token that is none",
                "with X-Mintmark-* headers and no token")):
            self.assertEqual(found[check]["state"], "wrong")
            self.assertIn(f"200 {says}: it is open", found[check]["detail"])
            self.assertIn("mintmark/auth.conf", found[check]["next"])
        sent = self.server.seen
        self.assertEqual([h["X-Mintmark-User"] is None for h in sent],
                         [True, True, False, False])
        self.assertEqual([h["Authorization"] is None for h in sent],
                         [True, False, True, False])

    def test_other_answers(self):
        for path, exit_, state, says, next_ in (
                ("/401/Bearer", 0, "ok", "401", None),
                ("/401/Basic", 0, "ok", "401", None),
                ("/401", 1, "wrong", "no WWW-Authenticate", "deploy/ has"),
                ("/503", 1, "wrong", "cannot ask the agent", "group?"),
                ("/500", 1, "wrong", "cannot ask the agent", "group?"),
                ("/400", 0, "note", "cannot be told", "--url"),
                ("/302/x", 0, "note", "cannot be told", "--url")):
            with self.subTest(path=path):
                code, found = self.try_url(path)
                f = found["proxy.anonymous"]
                self.assertEqual((code, f["state"]), (exit_, state), f)
                self.assertIn(says, f["detail"])
                self.assertIn(next_ or "", f["next"] or "")

    def test_nobody(self):
        code, found = self.ask("--url", f"http://127.0.0.1:{free_port()}/",
                               here=False)
        self.assertEqual(code, 1)
        self.assertIn("no answer at", json.dumps(found))


if __name__ == "__main__":
    main()
