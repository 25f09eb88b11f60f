#!/usr/bin/env python3
"""Bad beginnings: each is one line that says what is wrong and what to do,
the right exit code, and nothing half-done."""
import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import time

from certificate import certificate
from flow import AGENT, MINTMARK, MINTMARKD, Flow, cli, free_port, main, wait_for


def run(*argv, env=None):
    return subprocess.run([str(a) for a in argv], capture_output=True,
                          text=True, timeout=30,
                          env={**os.environ, **(env or {})})


class BadStart(Flow):
    def mint(self, *flags, want=1, says="", env=None):
        p = run(MINTMARKD, *flags, env=env)
        self.assertEqual(p.returncode, want, (flags, p.stderr))
        errors = [l for l in p.stderr.strip().splitlines()
                  if not l.startswith("{")]
        self.assertEqual(len(errors), 1, (flags, p.stderr))
        self.assertTrue(errors[0].startswith("mintmarkd: "), errors)
        self.assertIn(says, errors[0], flags)

    def base(self, **change):
        flags = {"data": self.folder / "data", "issuer": "http://127.0.0.1:1",
                 "listen": f"127.0.0.1:{free_port()}", **change}
        return [x for k, v in flags.items() if v for x in (f"--{k}", v)]

    def test_flags_and_settings(self):
        conf = self.folder / "m.conf"
        cases = [
            (["--colour", "red"], "--colour"),
            (["--max-life"], "--max-life"),
            (self.base(issuer=None), "--issuer"),
            (self.base(issuer="pat.example.org"), "https://"),
            (self.base(issuer="http://pat.example.org"), "https://"),
            (self.base(issuer="http://127.0.0.1.example.org"), "https://"),
            (self.base(issuer="https://pat.example.org/"), "slash"),
            (self.base(listen="127.0.0.1"), "127.0.0.1"),
            (self.base(listen="0.0.0.0:8080"), "behind_proxy"),
            (self.base() + ["--max-life", "1.5d"], "1.5d"),
            (self.base() + ["--tls-cert", "x"], "tls_key"),
            (self.base() + ["--mint-with", "a pen"], "libjwt or jws"),
            (self.base(data=None) + ["--data", ""], "--data is empty"),
            (self.base() + ["--user", ""], "--user: the name is empty"),
            (["--config", self.folder / "none.conf"], "none.conf"),
            (["--config", conf], f"{conf}:2"),
        ]
        conf.write_text("# ours\ncolour = red\n")
        for flags, says in cases:
            self.mint(*flags, want=2, says=says)
        self.mint(*self.base(), want=2, says="MINTMARK_MAX_LIFE",
                  env={"MINTMARK_MAX_LIFE": "xd"})
        self.assertFalse((self.folder / "data").exists())

    def test_settings_in_force_are_shown(self):
        p = run(MINTMARKD, "--print", *self.base())
        self.assertEqual(p.returncode, 0)
        self.assertIn("max_life = 366d", p.stdout)
        conf = self.folder / "again.conf"
        conf.write_text(p.stdout)  # what it prints, it reads
        self.assertEqual(run(MINTMARKD, "--config", conf, "--test").returncode, 0)
        for flag in ("--help", "--version"):
            self.assertEqual(run(MINTMARKD, flag).returncode, 0)
            self.assertEqual(run(AGENT, flag).returncode, 0)

    def test_variables_that_nobody_reads(self):
        """Said, with the name alone, before what may come of it; and none of
        what another program of ours reads, or Kubernetes sets."""
        agent = ["--token-file", self.folder / "token", "--state", self.folder / "s"]
        local = ["--issuer", "http://127.0.0.1:1"]
        (self.folder / "token").write_text("one.line\n")
        programs = ((MINTMARKD, self.base(issuer=None)), (AGENT, agent))
        for program, flags in programs:
            p = run(program, *flags, "--test", env={"MINTMARK_ISUER": "hush"})
            log, says = p.stderr.splitlines()
            self.assertIn("MINTMARK_ISUER in the environment is no setting", log)
            self.assertIn('"level":"warning","event":"settings.unknown"', log)
            self.assertIn("--issuer", says)
            self.assertNotIn("hush", p.stderr)
            p = run(program, *flags, *local, "--test", env={"MINTMARK_DEV ": "x"})
            self.assertEqual((p.returncode, p.stderr.count("\n")), (0, 1), p.stderr)
        p = cli("inspect", "x", env={"MINTMARK_SOKCET": "hush", "MINTMARK_\x1b": "x"})
        for name in "SOKCET", "?":
            self.assertIn(f"mintmark: MINTMARK_{name} in the environment", p.stderr)
        self.assertNotIn("hush", p.stderr)
        theirs = {"MINTMARK_SERVICE_HOST": "10.0.0.1", "MINTMARK_PORT": "tcp://10.0.0.1:80",
                  "MINTMARK_PORT_80_TCP_PROTO": "tcp", "MINTMARK_AGENT_SERVICE_PORT": "80"}
        names = {program: set(re.findall(r"(?m)^(?:# )?(\w+) =", run(
            program, "--print", *flags, *local).stdout)) for program, flags in programs}
        every = set().union(*names.values(), "socket token url bin lib agent".split())
        for program, flags in programs:
            env = {f"MINTMARK_{n.upper()}": "x" for n in every - names[program]}
            p = run(program, *flags, *local, "--test", env=env | theirs)
            self.assertEqual((p.returncode, p.stderr), (0, ""))
        env = {f"MINTMARK_{n.upper()}": "x" for n in every}
        self.assertNotIn("no setting", cli("inspect", "x", env=env | theirs).stderr)
        p = run(MINTMARKD, *programs[0][1], *local, "--test", env={"MINTMARK_PORT": "80"})
        self.assertIn("MINTMARK_PORT in the environment", p.stderr)

    def test_a_password_in_the_address_of_the_store(self):
        """It is not shown, whatever is asked for."""
        conf = self.folder / "m.conf"
        for store in ("postgresql://u:geheim@localhost/x",
                      "postgres://u@localhost/x?password=geheim",
                      "postgresql://u@localhost/x?sslpassword=geheim",
                      "postgresql://u:geheim%zz@localhost/x",
                      "Postgresql://u:geheim@localhost/x",
                      "host=localhost password=geheim"):
            conf.write_text(f"issuer = https://pat.example.org\n"
                            f"data = {self.folder / 'data'}\nstore = {store}\n")
            for asked in (["--print"], ["--test"], []):
                p = run(MINTMARKD, "--config", conf, *asked)
                self.assertEqual(p.returncode, 2, store)
                self.assertNotIn("geheim", p.stdout + p.stderr)
                self.assertRegex(p.stderr, "^mintmarkd: .*--store")
            self.assertNotIn("geheim", run(MINTMARKD, "migrate", "--config",
                                           conf).stderr)
        self.assertFalse((self.folder / "data").exists())

    def test_F26_data_folders(self):
        a_file = self.folder / "file"
        a_file.write_text("x")
        self.mint(*self.base(data=a_file), says="not a folder")
        self.mint(*self.base(data="/proc/mintmark"), says="/proc/mintmark")
        loose = self.folder / "loose"
        loose.mkdir()
        loose.chmod(0o777)
        self.mint(*self.base(data=loose), says="chmod go-w")
        loose.chmod(0o1777)  # as /tmp, which the whole host needs as it is
        self.mint(*self.base(data=loose), says="choose another folder")
        self.assertEqual(list(loose.iterdir()), [])
        if os.geteuid() == 0:  # who owns it could put his keys there
            other = self.folder / "other"
            other.mkdir(0o700)
            os.chown(other, 61001, 61001)
            self.mint(*self.base(data=other), says="--user 61001")
            self.assertEqual(list(other.iterdir()), [])

    def test_F26_settings_that_others_can_write(self):
        """They name a command that is run, and the mint that is believed."""
        conf = self.folder / "our.conf"
        conf.write_text("warn_command = /bin/true\n")
        conf.chmod(0o646)
        self.mint("--config", conf, *self.base(), want=2, says="chmod go-w")
        self.agent_fails("--config", conf, says="chmod go-w")
        conf.chmod(0o644)
        self.assertEqual(run(MINTMARKD, "--config", conf, "--test",
                             *self.base()).returncode, 0)
        if os.geteuid() == 0:
            os.chown(conf, 61001, 61001)
            self.mint("--config", conf, *self.base(), want=2, says="uid 61001")

    def test_F26_a_store_that_others_can_write(self):
        i = self.issuer()
        i.stop()
        flags = self.base(data=i.data, issuer=i.name)
        wal = i.data / "mintmark.db-wal"
        for path in (i.data / "mintmark.db", wal):
            path.touch(0o600)
            path.chmod(0o666)
            self.mint(*flags, says=f"write to {path}: ")
            path.chmod(0o600)
            if os.geteuid() == 0:
                os.chown(path, 61001, 61001)
                self.mint(*flags, says=f"{path} belongs to uid 61001")
                os.chown(path, 0, 0)
        wal.unlink()
        if os.geteuid() == 0:  # a keyring that is whole, and another's
            for path in (i.data / "keys", *(i.data / "keys").rglob("*")):
                os.chown(path, 61001, 61001)
            self.mint(*flags, says="keys belongs to uid 61001")
            for path in (i.data / "keys", *(i.data / "keys").rglob("*")):
                os.chown(path, 0, 0)
        i.start()

    def test_F26_a_state_that_others_can_write(self):
        i, a = self.both()
        a.stop()
        flags = ["--issuer", i.url, "--token-file", a.token_file]
        a.state.chmod(0o666)
        self.agent_fails(*flags, "--state", a.state, want=1,
                         says=f"write to {a.state}: ")
        a.state.chmod(0o644)
        loose = self.folder / "loose"
        loose.mkdir()
        loose.chmod(0o777)
        self.agent_fails(*flags, "--state", loose / "state", want=1,
                         says=f"write to {loose}: ")
        loose.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(loose, 61001, 61001)
            self.agent_fails(*flags, "--state", loose / "state", want=1,
                             says=f"{loose} belongs to uid 61001")
        self.assertEqual(list(loose.iterdir()), [])
        a.token_file.chmod(0o602)  # decides nothing here: said, and taken
        a.start()
        wait_for("a warning", lambda: "agent.token_file" in a.text())
        self.assertIn("others can write to", a.text())

    def test_F26_a_state_among_links_of_others(self):
        """In a folder such as /tmp, where they lead to what is ours."""
        i, a = self.both()
        a.stop()
        place = self.folder / "tmp"
        place.mkdir()
        place.chmod(0o1777)
        for end in ("", ".lock", ".journal", ".checkpoint", ".pending"):
            link = place / f"state{end}"
            link.symlink_to(f"{a.state}{end}")
            if os.geteuid() == 0:
                os.lchown(link, 61001, 61001)
            self.agent_fails("--issuer", i.url, "--token-file", a.token_file,
                             "--state", place / "state", want=1,
                             says=f"{link} is ")
            link.unlink()
        self.assertEqual(list(place.iterdir()), [])

    def read_only(self, folder, *argv):
        """It runs where that folder cannot be written."""
        p = run("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && '
                'mount -o remount,bind,ro "$0" && echo mounted && exec "$@"',
                folder, *argv)
        if not p.stdout.startswith("mounted"):
            self.skipTest(f"cannot mount: {p.stderr.strip()}")
        return p

    def test_F26_read_only(self):
        i, a = self.both()
        for p in (a, i):
            p.stop()
        before = sorted(f.name for f in i.data.rglob("*"))
        p = self.read_only(self.folder, MINTMARKD, *self.base(
            data=i.data, issuer=i.name))
        says = [l for l in p.stderr.splitlines() if not l.startswith("{")]
        self.assertEqual((p.returncode, len(says)), (1, 1), p.stderr)
        self.assertIn("Read-only file system", says[0])
        self.assertEqual(sorted(f.name for f in i.data.rglob("*")), before)
        p = self.read_only(self.folder, MINTMARK, "key", "rotate", "--now",
                           "--data", i.data)
        self.assertEqual(p.returncode, 3, p.stderr)
        self.assertIn("mount it for writing", p.stderr)
        p = self.read_only(self.folder, AGENT, "--issuer", i.url,
                           "--token-file", a.token_file, "--state", a.state)
        says = [l for l in p.stderr.splitlines() if not l.startswith("{")]
        self.assertEqual((p.returncode, len(says)), (1, 1), p.stderr)
        self.assertIn("Read-only file system", says[0])
        i.start()
        a.start()
        self.assertIsNone(a.reason(i.mint()["token"]))

    def test_F26_the_key_of_tls(self):
        key, cert = self.folder / "tls.key", self.folder / "tls.crt"
        for path in (key, cert):
            path.write_text("not read")
        for mode, refused in ((0o644, True), (0o660, True), (0o640, False)):
            key.chmod(mode)
            flags = [*self.base(), "--tls-cert", cert, "--tls-key", key]
            p = run(MINTMARKD, *flags)
            self.assertEqual(p.returncode, 1)
            self.assertEqual("others can read" in p.stderr, refused, p.stderr)

    def pair(self, name, *encrypt):
        """(a certificate, its key)"""
        cert, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-subj", f"/CN={name}", "-days",
                        "2", "-out", cert, "-keyout", key,
                        *(encrypt or ("-nodes",))], check=True, capture_output=True)
        key.chmod(0o600)
        return cert, key

    def test_a_certificate_and_its_key(self):
        """Which of the two is wrong, and how; by --test, too, and before
        anything is made."""
        cert, key = self.pair("ours")
        other, others = self.pair("other")
        _, sealed = self.pair("sealed", "-passout", "pass:secret")
        chain, none = self.folder / "chain.crt", self.folder / "none.pem"
        chain.write_bytes(other.read_bytes() + cert.read_bytes())
        none.write_text("no PEM")
        none.chmod(0o600)
        token = self.folder / "token"
        token.write_text("one.line\n")
        relay = ["--issuer", "http://127.0.0.1:1", "--token-file", token,
                 "--serve-feed", f"127.0.0.1:{free_port()}",
                 "--state", self.folder / "state"]
        for c, k, says in ((cert, others, f"{others} is not that of"),
                           (chain, key, f"first certificate in {chain}"),
                           (key, key, f"no certificate in {key}"),
                           (none, key, f"no certificate in {none}"),
                           (cert, cert, f"no private key in {cert}"),
                           (cert, none, f"no private key in {none}"),
                           (cert, sealed, f"{sealed} has a passphrase"),
                           (cert, self.folder / "away", "away")):
            cert.chmod(0o600)
            tls = ["--tls-cert", c, "--tls-key", k]
            self.mint(*self.base(), *tls, says=says)
            self.assertFalse((self.folder / "data").exists())
            self.mint(*self.base(), *tls, "--test", want=2, says=says)
            p = run(AGENT, *relay, *tls, "--test")
            self.assertEqual((p.returncode, p.stderr.count("\n")), (2, 1), p.stderr)
            self.assertIn(says, p.stderr)
        for program, flags in ((MINTMARKD, self.base()), (AGENT, relay)):
            p = run(program, *flags, "--tls-cert", cert, "--tls-key", key, "--test")
            self.assertEqual((p.returncode, p.stderr), (0, ""))

    def test_a_certificate_that_is_not_good_now(self):
        """Served all the same: said at the start, once, and by --test."""
        i = self.issuer()
        i.stop()
        token = self.folder / "token"
        token.write_text("one.line\n")
        relay = ["--issuer", "http://127.0.0.1:1", "--token-file", token,
                 "--serve-feed", f"127.0.0.1:{free_port()}",
                 "--state", self.folder / "state"]
        for begins, ends, says in ((-9, -2, r" ended at 20\d\d-.*Z, .*certbot renew"),
                                   (2, 9, r" is not good before 20\d\d-.*Z: .*clock")):
            cert, key = certificate(self.folder, begins, ends)
            tls = ["--tls-cert", cert, "--tls-key", key]
            for program, flags in ((MINTMARKD, self.base()), (AGENT, relay)):
                p = run(program, *flags, *tls, "--test")
                self.assertEqual((p.returncode, p.stderr.count("\n")), (0, 1), p.stderr)
                self.assertRegex(json.loads(p.stderr)["detail"], f"{cert}{says}")
            for program, flags in ((MINTMARKD, self.base(data=i.data, issuer=i.name)),
                                   (AGENT, relay)):
                with open(self.folder / "log", "w+") as log:
                    p = subprocess.Popen([str(a) for a in (program, *flags, *tls)],
                                         stderr=log)
                    wait_for("its start", lambda: ".start" in
                             (self.folder / "log").read_text())
                    p.terminate()
                    self.assertEqual(p.wait(30), 0)
                text = (self.folder / "log").read_text()
                self.assertEqual(text.count('"event":"tls.certificate"'), 1, text)
        i.start()

    def test_an_agents_token_and_keys(self):
        """By --test, too."""
        token, jwks, away = (self.folder / name for name in ("token", "jwks", "away"))
        jwks.write_text('{"keys": []}')
        for text, more, says in (
                (None, [], f"{token}.*No such file"), ("", [], f"{token} is empty"),
                ("one.token\nand another\n", [], "more than one token"),
                ("one.token\n", ["--jwks", away], f"{away}.*No such file"),
                ("one.token\n", ["--jwks", token], "JSON"),
                ("one.token\n", ["--jwks", jwks], None)):
            if text is not None:
                token.write_text(text)
            p = run(AGENT, "--issuer", "http://127.0.0.1:1", "--token-file", token,
                    "--state", self.folder / "state", *more, "--test")
            self.assertEqual(p.returncode, 2 if says else 0, p.stderr)
            self.assertRegex(p.stderr, says or "^$")
        os.mkfifo(away)
        for more in ["--token-file", away], ["--token-file", token, "--jwks", away]:
            p = run(AGENT, "--issuer", "http://127.0.0.1:1", "--state",
                    self.folder / "state", *more, "--test")
            self.assertEqual(p.returncode, 2)
            self.assertIn(f"{away} is no file", p.stderr)
        self.assertEqual(list(self.folder.glob("state*")), [])

    def test_a_port_in_use(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            at = f"127.0.0.1:{s.getsockname()[1]}"
            self.mint(*self.base(listen=at), says=at)

    def test_F26_keys(self):
        i = self.issuer()
        i.stop()
        flags = self.base(data=i.data, issuer=i.name)
        key = next((i.data / "keys/active").glob("*.pem"))
        key.chmod(0o640)
        self.mint(*flags, says=key.name)
        key.chmod(0o600)
        good = key.read_bytes()
        key.write_bytes(good[:100])
        self.mint(*flags, says=key.name)
        key.write_bytes(good)
        other = key.with_name("AAAAAAAAAAA.pem")
        key.rename(other)
        self.mint(*flags, says=other.name)
        other.rename(key)
        i.start()

    def test_a_keys_folder_that_is_not_there(self):
        """New keys would retire the old ones, and every token with them."""
        i = self.issuer()
        t = i.mint()
        i.stop()
        away = i.data / "keys.away"
        (i.data / "keys").rename(away)
        self.mint(*self.base(data=i.data, issuer=i.name), says="bring the folder back")
        self.assertFalse((i.data / "keys").exists())
        away.rename(i.data / "keys")
        i.start()
        self.assertIsNone(self.agent(i).reason(t["token"]))

    def test_a_store_that_is_not_there(self):
        """A new one would forget what was revoked, under the same ids."""
        i, a = self.both()
        t = i.mint()
        i.revoke(t["id"])
        i.stop()
        for f in i.data.glob("mintmark.db*"):
            f.unlink()
        flags = self.base(data=i.data, issuer=i.name)
        for _ in range(2):  # nor is it made, for the next start to find
            self.mint(*flags, says="mintmark.db is not there")
            self.assertFalse((i.data / "mintmark.db").exists())
        i.start(flags=["--restored"])
        again = i.mint()
        self.assertNotEqual(again["id"], t["id"])
        fresh = self.agent(i, name="fresh")
        self.assertIsNone(fresh.reason(again["token"]))
        self.assertEqual(fresh.verify(t["token"])[0], 3)  # an unknown list

    def test_F14_a_database_that_does_not_answer_yet(self):
        """It may: systemd tries again, as with nothing else."""
        nobody = f"postgresql://mint@127.0.0.1:{free_port()}/mintmark"
        self.mint(*self.base(store=nobody), want=75,
                  says="cannot use the database: ")
        unit = pathlib.Path(__file__).parents[2] / "deploy/systemd/mintmarkd.service"
        lines = unit.read_text().splitlines()
        self.assertIn("RestartPreventExitStatus=1 2", lines)
        self.assertIn("StartLimitIntervalSec=0", lines)

    def test_a_port_in_use_leaves_nothing(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            self.mint(*self.base(listen=f"127.0.0.1:{s.getsockname()[1]}"))
        self.assertFalse((self.folder / "data").exists())

    def test_F29_stores(self):
        i = self.issuer()
        i.stop()
        self.mint(*self.base(data=i.data, issuer="http://127.0.0.1:2"), says=i.name)
        flags = self.base(data=i.data, issuer=i.name)
        with sqlite3.connect(i.data / "mintmark.db") as db:
            db.execute("PRAGMA user_version = 7")
        db.close()
        self.mint(*flags, says="version 7")
        (i.data / "mintmark.db").write_bytes(os.urandom(8192))
        for wal in i.data.glob("mintmark.db-*"):
            wal.unlink()
        self.mint(*flags, says="mintmark.db")

    def agent_fails(self, *flags, want=2, says=""):
        p = run(AGENT, *flags)
        errors = [l for l in p.stderr.strip().splitlines()
                  if not l.startswith("{")]
        self.assertEqual((p.returncode, len(errors)), (want, 1), (flags, p.stderr))
        self.assertIn(says, errors[0])

    def test_the_agent(self):
        token, state = self.folder / "token", self.folder / "state"
        full = {"--issuer": "http://127.0.0.1:1", "--token-file": token,
                "--state": state}
        token.write_text("x")
        for left_out in full:
            rest = [x for k, v in full.items() if k != left_out for x in (k, v)]
            self.agent_fails(*rest, says=left_out)
        flat = [x for k, v in full.items() for x in (k, v)]
        self.agent_fails(*flat, "--max-staleness", "x", says="max")
        self.agent_fails(*flat, "--issuer", "http://example.org", says="https")
        for taken in (token, self.folder):  # nothing of others is overwritten
            self.agent_fails("--issuer", "http://127.0.0.1:1", "--token-file",
                             token, "--state", taken, want=1, says="no state file")
        self.agent_fails("--issuer", "http://127.0.0.1:1", "--token-file", token,
                         "--state", token, want=1, says="if it was one, remove it")
        self.assertEqual(token.read_text(), "x")
        token.unlink()
        self.agent_fails(*flat, want=1, says="token")
        self.assertFalse(state.exists())

    def test_a_state_file_that_is_damaged_from_its_first_byte(self):
        i, a = self.both()
        t = i.mint()
        i.revoke(t["id"])
        a.wait_reason(t["token"], "revoked")
        a.stop()
        i.stop()  # nobody tells it again
        with a.state.open("r+b") as f:
            f.write(os.urandom(4096))
        a.start(wait=False)
        wait_for("it to end", lambda: not a.alive())
        self.assertIn("if it was one, remove it", a.text())
        a.state.unlink()
        a.start()
        a.wait_reason(t["token"], "revoked")

    def test_the_command_line(self):
        env = {"MINTMARK_SOCKET": str(self.folder / "none.sock")}
        usage = [
            [], ["nonsense"], ["token"], ["token", "creat"],
            ["token", "create"],
            ["token", "create", "-u", "alice", "-e", "1.5d"],
            ["token", "create", "-u", "alice", "-e", "20u"],
            ["token", "create", "-u", "alice", "-e", "-5d"],
            ["token", "create", "-u", "alice", "-e", "99999999999999999999"],
            ["token", "create", "-u", "alice", "-e", "2026-02-30"],
            ["token", "create", "-u", "alice", "-e", "1d", "-s", "node:1:rwx"],
            ["token", "create", "-u", "alice", "-e", "1d", "-s", "node::r"],
            ["token", "create", "-u", "alice", "-e", "1d", "--colour"],
            ["token", "create", "-u", "alice", "-e", "1d", "extra"],
            ["token", "list", "--status", "purple"], ["token", "show"],
            ["token", "revoke"], ["verify", "--need", "node::r", "x"],
            ["verify", "a", "b"], ["key"], ["key", "melt"],
            ["token", "list", "-o", "xml"], ["token", "list", "--data", ""],
            ["key", "list", "--data="], ["token", "create", "-u", "", "-e", "1d"],
        ]
        for argv in usage:
            p = cli(*argv, env=env)
            self.assertEqual(p.returncode, 2, (argv, p.stdout, p.stderr))
            self.assertTrue(p.stderr.strip(), argv)
            self.assertLessEqual(len(p.stderr.strip().splitlines()), 30, argv)
        for argv in (["--help"], ["--version"], ["token", "create", "--help"],
                     ["verify", "--help"], ["key", "rotate", "--help"]):
            self.assertEqual(cli(*argv, env=env).returncode, 0, argv)

    def test_no_command(self):
        for words, says in (((), "which command?"),
                            (("tokens",), "no such command"),
                            (("--data", "x", "token", "list"), "comes first")):
            p = cli(*words)
            self.assertEqual(p.returncode, 2)
            self.assertIn(says, p.stderr)
            self.assertIn("See mintmark --help", p.stderr)

    def test_nobody_there(self):
        env = {"MINTMARK_SOCKET": str(self.folder / "none.sock")}
        p = cli("token", "list", env=env)
        self.assertEqual(p.returncode, 3)
        self.assertEqual(len(p.stderr.strip().splitlines()), 1)
        p = cli("token", "list", env={"MINTMARK_SOCKET": "",
                                      "MINTMARK_URL": "http://127.0.0.1:1",
                                      "MINTMARK_TOKEN": "x"})
        self.assertEqual(p.returncode, 3)
        none = self.folder / "none"
        with subprocess.Popen([MINTMARK, "token", "list", "--data", none], text=True,
                              stderr=subprocess.PIPE) as p:
            began = time.monotonic()  # it is said before it waits
            self.assertIn(f"there is no folder {none}", p.stderr.readline())
            self.assertLess(time.monotonic() - began, 4)
            self.assertIn(f"no mintmarkd answers at {none}", p.stderr.readline())
        self.assertEqual(p.returncode, 3)

    def test_its_socket_was_removed(self):
        """It runs, and nobody can speak to it."""
        i = self.issuer()
        i.socket.unlink()
        p = cli("token", "list", "--data", i.data, check=3)
        self.assertEqual(len(p.stderr.strip().splitlines()), 1)
        self.assertIn(f"mintmarkd runs, but there is no {i.socket}", p.stderr)
        self.assertIn("restart mintmarkd", p.stderr)
        i.stop()
        p = cli("token", "list", "--data", i.data, check=3)
        self.assertIn(f"no mintmarkd answers at {i.socket}: start it", p.stderr)
        i.start()
        cli("token", "list", "--data", i.data, check=0)

    def test_inspect_anything(self):
        for junk in ("", "x", "a.b.c", "....", "\x00", "é" * 600):
            p = cli("inspect", "-", stdin=junk)
            self.assertEqual(p.returncode, 1, junk)
            self.assertEqual(len(p.stderr.strip().splitlines()), 1, (junk, p.stderr))
        i = self.issuer()
        t = i.mint()["token"]
        p = cli("inspect", "-o", "json", "-", stdin=t)
        said = json.loads(p.stdout)
        self.assertEqual((p.returncode, said["verified"]), (0, False))
        self.assertIn("NOT VERIFIED", cli("inspect", "-", stdin=t).stderr +
                      cli("inspect", "-", stdin=t).stdout)


if __name__ == "__main__":
    main()
