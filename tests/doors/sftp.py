#!/usr/bin/env python3
"""SFTP: a real sshd on the files of deploy/sshd/, with sftp and rclone.

Two sshds run on a private host (private.py): the host's own, which Debian
configures and deploy/sshd/ adds to, and the second one, for reading only.
"""
import contextlib
import os
import pathlib
import shutil
import shlex
import signal
import subprocess
import threading
import time

from doors import (DEPLOY, PATH, Door, Life, Process, free_port, main,
                   need_programs, wait_for)
from flow import Agent
from private import PASSWORD, Private, need_namespaces

SSHD = "/usr/sbin/sshd"
FILES = DEPLOY / "sshd"
FORGIVING = ["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
             "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=no",
             "-o", "NumberOfPasswordPrompts=1", "-F", "/dev/null"]
METHODS = ["-o", "PreferredAuthentications=password",
           "-o", "PubkeyAuthentication=no"]


class Witness(threading.Thread):
    """Looks at every process that descends from ours, and remembers what
    must not be seen: tokens in command lines, threads and internet sockets
    in an sshd."""

    def __init__(self, sshds):
        super().__init__(daemon=True)
        self.sshds = sshds
        self.ports = {f"{port:04X}" for port, _ in sshds.values()}
        self.lines, self.threads, self.strange = set(), {}, set()
        self.over = threading.Event()
        self.start()

    @staticmethod
    def processes():
        """pid -> parent, of all."""
        found = {}
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                stat = (p / "stat").read_text().rsplit(")", 1)[1].split()
                found[int(p.name)] = int(stat[1])
        return found

    def internet(self):
        """Inodes of sockets that are not a connection to our sshds."""
        inodes = set()
        for name in ("tcp", "tcp6", "udp", "udp6", "raw"):
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/net/{name}").read_text() \
                        .splitlines()[1:]:
                    f = line.split()
                    if f[1].split(":")[1] not in self.ports:
                        inodes.add(f"socket:[{f[9]}]")
        return inodes

    def look(self):
        parents = self.processes()
        top = {p.proc.pid for _, p in self.sshds.values()}

        def descends(pid, roots):
            while pid > 1 and pid not in roots:
                pid = parents.get(pid, 0)
            return pid in roots
        strangers = self.internet()
        for pid in parents:
            folder = pathlib.Path(f"/proc/{pid}")
            with contextlib.suppress(OSError):
                if descends(pid, {os.getpid()}):
                    self.lines.add((folder / "cmdline").read_bytes())
                if not descends(pid, top):
                    continue
                n = len(list((folder / "task").iterdir()))
                self.threads[pid] = max(self.threads.get(pid, 0), n)
                for fd in (folder / "fd").iterdir():
                    with contextlib.suppress(OSError):
                        link = os.readlink(fd)
                        if link in strangers:
                            self.strange.add((pid, link))

    def run(self):
        while not self.over.is_set():
            self.look()
            time.sleep(0.002)

    def close(self):
        self.over.set()
        self.join()


class Sftp(Life, Door):
    READ = ["sftp:read"]
    WRITE = ["sftp:read", "sftp:write"]

    def setUp(self):
        super().setUp()
        self.tokens = []
        self.host = Private(self.folder)
        self.addCleanup(self.host.close)

    def tearDown(self):
        try:
            logs = self.host.syslog.text() + "".join(
                p.text() for p in self.processes)
            for part in ".".join(self.tokens).split("."):
                self.assertFalse(part and part[:16] in logs)
                self.assertFalse(part and part[-16:] in logs)
        finally:
            super().tearDown()

    # ---- the door ----

    def agent(self, issuer, start=True, **kw):
        """Its state where the deployed files look for it."""
        a = Agent(self.folder, issuer, **kw)
        a.state = self.host.run / "mintmark/state"
        self.processes.append(a)
        return a.start() if start else a

    def install(self):
        """As the files' comments say, for copies of /etc and /usr/sbin."""
        etc = self.host.etc
        for name in ("pam.d/sshd", "pam.d/sshd-read-only"):
            shutil.copy2(FILES / name, etc / name)
        shutil.copy2(FILES / "sshd_config.d/mintmark.conf",
                     etc / "ssh/sshd_config.d")
        config = (FILES / "sshd_config.read-only").read_text()
        self.assertIn("\nPort 2222\n", config)  # -o Port would add to it
        (etc / "ssh/sshd_config.read-only").write_text(
            config.replace("\nPort 2222\n", "\n"))
        key = self.folder / "host_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        key], check=True)
        (self.folder / "sshd-read-only").symlink_to(SSHD)
        for flags in ([], ["-f", "/etc/ssh/sshd_config.read-only"]):
            subprocess.run(self.host.inside(SSHD, "-t", "-o",
                                            f"HostKey={key}", *flags),
                           check=True)

    def start_sshd(self, program, *flags):
        port = free_port()
        p = Process(self.folder / f"{program.name}-{port}.log")
        p.spawn(*self.host.inside(
            program, "-D", "-e", "-o", f"Port={port}", "-o",
            "ListenAddress=127.0.0.1", "-o", "LogLevel=DEBUG3", "-o",
            f"HostKey={self.folder}/host_key", *flags))
        self.processes.append(p)
        wait_for(f"{program} to listen", lambda: "listening on 127" in
                 p.text())
        return port, p

    def start_door(self, issuer, agent):
        minted = issuer.mint
        issuer.mint = lambda *a, **kw: self.note(minted(*a, **kw))
        self.install()
        self.sshds = {
            "write": self.start_sshd(pathlib.Path(SSHD)),
            "read": self.start_sshd(self.folder / "sshd-read-only", "-f",
                                    "/etc/ssh/sshd_config.read-only")}
        (self.host.home("alice") / "hello").write_text("hello from alice\n")

    def note(self, reply):
        self.tokens.append(reply["token"])
        return reply

    # ---- clients ----

    def sftp(self, where, user, password, commands, flags=METHODS):
        """(did all commands succeed, what was said)"""
        r, w = os.pipe()
        os.write(w, password.encode() + b"\n")
        os.close(w)
        with os.fdopen(r, "rb"):
            p = subprocess.run(
                ["sshpass", "-d", str(r), "sftp", *FORGIVING, *flags, "-P",
                 str(self.sshds[where][0]), "-b", "-", "-o", f"User={user}",
                 "127.0.0.1"], input=commands, capture_output=True, text=True,
                timeout=60, pass_fds=(r,), cwd=self.folder,
                env={"PATH": PATH, "HOME": str(self.folder)})
        return p.returncode == 0, p.stdout + p.stderr

    def get(self, where, user, password, **kw):
        got = self.folder / "got"
        got.unlink(missing_ok=True)
        good, _ = self.sftp(where, user or "''", password, f"get hello {got}\n",
                            **kw)
        return good and got.read_text() == "hello from alice\n"

    def put(self, where, user, password):
        new = self.folder / "new"
        new.write_text(f"new {time.monotonic()}\n")
        there = self.host.home("alice") / "new"
        there.unlink(missing_ok=True)
        good, _ = self.sftp(where, user, password, f"put {new} new\n")
        stored = there.exists() and there.read_text() == new.read_text()
        self.assertEqual(good, stored)
        return good

    def read(self, user, token):
        return self.get("read", user, token)

    def write(self, user, token):
        """Through either door."""
        through_reading = self.put("read", user, token)
        self.assertFalse(through_reading)
        return self.put("write", user, token)

    # ---- what SFTP adds to the life of a token ----

    def test_rclone(self):
        i, _ = self.open()
        token = i.mint("alice", scopes=self.WRITE)["token"]
        only = i.mint("alice", scopes=self.READ)["token"]

        def rclone(where, secret, *argv):
            obscured = subprocess.run(["rclone", "obscure", "-"],
                                      input=secret, capture_output=True,
                                      text=True, check=True).stdout.strip()
            return subprocess.run(
                ["rclone", "--config", "", "--retries", "1",
                 "--low-level-retries", "1", *argv], capture_output=True,
                text=True, timeout=60, cwd=self.folder,
                env={"PATH": PATH, "HOME": str(self.folder),
                     "RCLONE_CONFIG_HERE_TYPE": "sftp",
                     "RCLONE_CONFIG_HERE_HOST": "127.0.0.1",
                     "RCLONE_CONFIG_HERE_PORT": str(self.sshds[where][0]),
                     "RCLONE_CONFIG_HERE_USER": "alice",
                     "RCLONE_CONFIG_HERE_SHELL_TYPE": "none",
                     "RCLONE_CONFIG_HERE_PASS": obscured}).returncode

        big, back = self.folder / "big", self.folder / "back"
        big.write_bytes(os.urandom(3 << 20))
        self.assertEqual(rclone("write", token, "copyto", "big", "here:big"), 0)
        self.assertEqual((self.host.home("alice") / "big").read_bytes(),
                         big.read_bytes())
        self.assertEqual(rclone("read", only, "copyto", "here:big", "back"), 0)
        self.assertEqual(back.read_bytes(), big.read_bytes())
        self.assertNotEqual(rclone("read", only, "copyto", "big", "here:x"), 0)
        self.assertNotEqual(rclone("read", only, "deletefile", "here:big"), 0)
        self.assertNotEqual(rclone("write", only, "copyto", "big", "here:x"), 0)
        self.assertFalse((self.host.home("alice") / "x").exists())
        self.assertTrue((self.host.home("alice") / "big").exists())

    def refused(self, token, says, where="write"):
        before = self.host.syslog.text()
        self.assertFalse(self.get(where, "alice", token), says)
        log = self.host.syslog.text()[len(before):]
        self.assertIn(says, log)

    def test_refusals(self):
        i, a = self.open()
        good = i.mint("alice")
        revoked, suspended = i.mint("alice"), i.mint("alice")
        expired = i.mint("alice", expires_in=1)["token"]
        idle = i.mint("alice", auto_refresh=1, expires_in=60)["token"]
        long = i.mint("alice", allow_long=True,
                      scopes=["x" * 200, "y" * 200])["token"]
        i.revoke(revoked["id"])
        i.admin("POST", f"/v1/tokens/{suspended['id']}/suspend")
        self.assertGreaterEqual(len(long), 512)
        time.sleep(2)
        for token, says in (
                (revoked["token"], "refused: revoked"),
                (suspended["token"], "refused: suspended"),
                (expired, "refused: expired"), (idle, "refused: idle"),
                (i.mint("bob")["token"], "refused: wrong_user"),
                (i.mint("alice", scopes=["sftp:read"])["token"],
                 "is not for sftp:write"),
                (i.mint("alice", audience=["mail"])["token"],
                 "refused: wrong_audience"),
                (i.mint("alice", cidr=["192.0.2.0/24"])["token"],
                 "refused: wrong_address"),
                (long, "refused: malformed (over 511 bytes"),
                ("", "")):  # sshd itself: PermitEmptyPasswords no
            self.refused(token, says)
        self.assertTrue(self.get("write", "alice", good["token"]))
        self.assertTrue(self.get("write", "alice", i.mint(
            "alice", cidr=["127.0.0.1"])["token"]))

        state, away = a.state, a.state.with_name("away")
        kept = state.read_bytes()
        a.freeze()  # or it makes the file anew
        state.rename(away)
        self.refused(good["token"], "refused: unavailable (cannot open")
        state.write_bytes(kept[:4096])
        self.refused(good["token"], "refused: unavailable")
        state.write_bytes(kept)
        state.chmod(0o664)
        self.refused(good["token"], "others may write")
        state.chmod(0o644)
        self.assertTrue(self.get("write", "alice", good["token"]))
        pam = self.host.etc / "pam.d/sshd"
        text = pam.read_text()
        pam.write_text(text.replace("audience=files",
                                    "audience=files max_staleness=1"))
        time.sleep(2)  # the copy gets no news
        self.refused(good["token"], "refused: stale")
        pam.write_text(text.replace("scope=sftp:write", "skope=sftp:write"))
        self.refused(good["token"], 'no option "skope=sftp:write": known are')
        # With all that, a password and a key still open their logins.
        away.rename(state)
        a.proc.send_signal(signal.SIGCONT)

    def test_beside_passwords_and_keys(self):
        """What is no token goes its usual way, also without a state."""
        i, a = self.open()
        token = i.mint("alice")
        self.assertTrue(self.get("write", "alice", PASSWORD))
        self.assertFalse(self.get("write", "alice", "wrong"))
        self.assertFalse(self.get("read", "alice", PASSWORD))
        i.revoke(token["id"])
        before = self.host.syslog.text()
        self.assertFalse(self.get("write", "alice", token["token"]))
        # The refused token was shown to nobody else.
        self.assertNotIn("pam_unix(sshd:auth)",
                         self.host.syslog.text()[len(before):])

        key, ssh = self.folder / "key", self.host.home("alice") / ".ssh"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        key], check=True)
        ssh.mkdir(mode=0o700)
        shutil.copy(f"{key}.pub", ssh / "authorized_keys")
        for p in (ssh, ssh / "authorized_keys"):
            os.chown(p, 61001, 61001)
        by_key = ["-o", "PreferredAuthentications=publickey", "-i", str(key)]
        away = a.state.with_name("away")
        a.freeze()  # or it makes the file anew
        a.state.rename(away)
        self.assertTrue(self.get("write", "alice", "", flags=by_key))
        self.assertTrue(self.get("write", "alice", PASSWORD))
        away.rename(a.state)
        a.proc.send_signal(signal.SIGCONT)

    def test_keyboard_interactive(self):
        """sshd asks PAM in another process then, for auth and account."""
        i, _ = self.open()
        _, p = self.sshds["write"]
        p.stop()
        self.sshds["write"] = self.start_sshd(
            pathlib.Path(SSHD), "-o", "KbdInteractiveAuthentication=yes")
        ask = ["-o", "PreferredAuthentications=keyboard-interactive"]
        # With no other module that could allow: it must be ours that does.
        pam = self.host.etc / "pam.d/sshd"
        pam.write_text("".join(
            line for line in pam.read_text().splitlines(True)
            if "mintmark" in line or not line.startswith(
                ("account", "@include common-account"))))
        token = i.mint("alice")
        for flags in (ask, METHODS):
            self.assertTrue(self.get("write", "alice", token["token"],
                                     flags=flags))
        i.revoke(token["id"])
        self.assertFalse(self.get("write", "alice", token["token"], flags=ask))

    def test_F27_a_guest_in_sshd(self):
        """No thread, no network of ours in sshd, no token in any command
        line."""
        i, _ = self.open()
        token = i.mint("alice", auto_refresh=60, expires_in=600)["token"]
        w = Witness(self.sshds)
        try:
            for _ in range(3):
                self.assertTrue(self.get("write", "alice", token))
                self.assertTrue(self.get("read", "alice", token))
        finally:
            w.close()
        self.assertGreaterEqual(len(w.threads), 8, "sshd's processes")
        self.assertEqual(set(w.threads.values()), {1})
        self.assertEqual(w.strange, set())
        self.assertTrue(any(b"sftp" in l for l in w.lines))
        for line in w.lines:
            self.assertNotIn(token[-16:].encode(), line)
            self.assertNotIn(token[:16].encode(), line)

    # ---- sessions that are open ----

    @contextlib.contextmanager
    def session(self, where, token):
        """An open session: call it with a command, it says what came."""
        r, w = os.pipe()
        os.write(w, token.encode() + b"\n")
        os.close(w)
        log = self.folder / "session.log"
        with log.open("wb") as out, os.fdopen(r, "rb"), subprocess.Popen(
                ["sshpass", "-d", str(r), "sftp", *FORGIVING, *METHODS, "-P",
                 str(self.sshds[where][0]), "-b", "-", "alice@127.0.0.1"],
                stdin=subprocess.PIPE, stdout=out, stderr=out,
                pass_fds=(r,), cwd=self.folder,
                env={"PATH": PATH, "HOME": str(self.folder)}) as p:

            def get():
                got = self.folder / "during"
                got.unlink(missing_ok=True)
                p.stdin.write(b"get hello during\n")
                p.stdin.flush()
                end = time.monotonic() + 5
                while time.monotonic() < end and p.poll() is None:
                    if got.exists() and got.read_text():
                        return True
                    time.sleep(0.02)
                return False
            get.process = p
            try:
                yield get
            finally:
                p.kill()

    def test_an_open_session_goes_on(self):
        """The token is asked for at the login.  What an administrator does
        about an open session is what sshd_config.d/mintmark.conf says."""
        i, _ = self.open()
        t = i.mint("alice", scopes=self.WRITE)
        with self.session("write", t["token"]) as get, \
                self.session("read", t["token"]) as look:
            self.assertTrue(get() and look())
            i.revoke(t["id"])
            time.sleep(1)
            self.assertFalse(self.get("write", "alice", t["token"]))
            self.assertTrue(get() and look(), "an open session goes on")
            kill = "pkill -KILL -u alice '^sshd'"
            self.assertIn(kill, (FILES / "sshd_config.d/mintmark.conf")
                          .read_text())
            subprocess.run(self.host.inside(*shlex.split(kill)), check=True)
            self.assertFalse(get() or look(), "a killed one does not")

    def test_a_session_that_stands_still_is_closed(self):
        i, _ = self.both()
        self.start_impatient_door()
        t = i.mint("alice", scopes=self.WRITE)["token"]
        with self.session("read", t) as look, self.session("write", t) as get:
            for _ in range(7):
                time.sleep(1)
                self.assertTrue(look() and get(), "one in use stays")
            time.sleep(9)
            for one in (look, get):
                self.assertFalse(one(), "one that stands still is closed")

    def start_impatient_door(self):
        """On the deployed files, with seconds for minutes."""
        installed = self.install

        def install():
            installed()
            for name in ("sshd_config.d/mintmark.conf",
                         "sshd_config.read-only"):
                path = self.host.etc / "ssh" / name
                text = path.read_text()
                self.assertIn("=15m\n", text)
                path.write_text(text.replace("=15m\n", "=5\n"))
        self.install = install
        self.start_door(*self.processes)


if __name__ == "__main__":
    need_programs("sshd", "sftp", "ssh-keygen", "sshpass", "rclone", "nsenter",
                  "unshare", "pkill")
    need_namespaces()
    main()
