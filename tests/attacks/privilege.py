#!/usr/bin/env python3
"""What somebody who is on the host already can get at: the daemons' memory,
their cores, what root leaves behind.  Most of it needs root to be tried."""
import base64
import os
import pathlib
import pwd
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import (AGENT, MINTMARK, MINTMARKD, Flow, cli, main, may_trace,
                  traced_env, wait_for)

NOBODY = pwd.getpwnam("nobody")
AS_NOBODY = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid,
             "extra_groups": []}
AS_ROOT = unittest.skipUnless(os.geteuid() == 0, "needs root")


def status(pid, name):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return re.search(rf"^{name}:[ \t]*(.*)$", text, re.M)[1].split()


def waiting(**how):
    """A mintmark that waits for a token on its standard input."""
    p = subprocess.Popen([MINTMARK, "verify", "-"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, **how)
    wait_for("it to wait", lambda: status(p.pid, "State")[0] == "S" and
             status(p.pid, "Name")[0] == "mintmark")
    return p


def mappings(pid):
    """(first, last, Rss in kB, Locked in kB, flags)"""
    text = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    for m in re.finditer(r"^([0-9a-f]+)-([0-9a-f]+) .*?^Rss: *(\d+).*?"
                         r"^Locked: *(\d+).*?^VmFlags: (.*?)$", text,
                         re.M | re.S):
        yield (int(m[1], 16), int(m[2], 16), int(m[3]), int(m[4]),
               m[5].split())


def dumped(pid):
    """What a core would hold: all that is in memory and not left out."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for first, last, rss, _, flags in mappings(pid):
            if rss == 0 or "rd" not in flags or {"dd", "io"} & set(flags):
                continue
            mem.seek(first)
            tail = b""
            while first < last:
                piece = mem.read(min(last - first, 1 << 20))
                if not piece:
                    break
                yield tail + piece
                tail = piece[-1024:]
                first += len(piece)


def key_bytes(keys):
    """Each private key as it may lie in memory: number, the same the other
    way round, text."""
    for path in keys.glob("*/*.pem"):
        lines = path.read_text().splitlines()[1:-1]
        der = base64.b64decode("".join(lines))
        at = der.index(b"\x02\x01\x01\x04\x20") + 5  # RFC 5915
        number = der[at:at + 32]
        yield from (number, number[::-1], lines[0][20:].encode())


class Privilege(Flow):
    def no_core(self, pid):
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_A34_no_core(self):
        """It is they who turn it off, not where they were started."""
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, (soft, hard))
        i, a = self.both()
        for p in (a, i):
            self.no_core(p.proc.pid)
            os.kill(p.proc.pid, signal.SIGQUIT)
            _, ended = os.waitpid(p.proc.pid, 0)
            self.assertTrue(os.WIFSIGNALED(ended), p.log.name)
            self.assertFalse(os.WCOREDUMP(ended), p.log.name)
            p.proc.returncode = -signal.SIGQUIT
        with waiting() as p:
            self.no_core(p.pid)
            p.communicate("x")

    @AS_ROOT
    def test_A34_no_key_in_a_dump(self):
        """Whatever has signed; and of tokens nothing but what is asked for."""
        i = self.issuer(start=False)
        for n, way in enumerate(("libjwt", "jws")):
            i.start(flags=["--mint-with", way])
            token = [i.mint()["token"] for _ in range(5)]
            cli("key", "rotate", "--now", "--data", i.data, check=0)
            token += [i.mint()["token"] for _ in range(5)]
            wanted = list(key_bytes(i.data / "keys"))
            self.assertEqual(len(wanted), 9 + 3 * n)
            wanted += [t.rsplit(".", 1)[1].encode() for t in token]
            pid, found = i.proc.pid, False
            for piece in dumped(pid):
                found |= i.name.encode() in piece  # it is the right place
                for nth, w in enumerate(wanted):
                    if w in piece:  # and not shown here, either
                        self.fail(f"{way}: secret {nth} is in memory")
            self.assertTrue(found)
            locked = [m for m in mappings(pid) if m[3] and "dd" in m[4]]
            self.assertTrue(locked, "no memory is locked")
            self.assertIn("lo", locked[0][4])
            i.stop()

    def shut(self, pid):
        for name in ("mem", "environ", "maps"):
            p = subprocess.run(["cat", f"/proc/{pid}/{name}"],
                               capture_output=True, **AS_NOBODY)
            self.assertIn(b"Permission denied", p.stderr, name)

    @AS_ROOT
    def test_A34_the_same_user_cannot_look(self):
        """A second program that runs as mintmarkd's user: a hook, say."""
        self.folder.chmod(0o711)
        i = self.issuer(flags=["--user", "nobody"])
        self.shut(i.proc.pid)
        try:
            p = waiting(**AS_NOBODY)
        except PermissionError:
            self.skipTest("nobody may not run what was built here")
        with p:
            self.shut(p.pid)
            p.communicate("x")
        self.an_agents_are_shut(i)

    def an_agents_are_shut(self, i):
        """It shows its token with each question, and has it in memory."""
        own, token = self.folder / "own", self.folder / "own/token"
        own.mkdir(mode=0o700)
        token.write_text(i.mint("agent", scopes=["mintmark:agent"])["token"])
        for path in (own, token):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        with subprocess.Popen(
                [AGENT, "--issuer", i.url, "--token-file", token, "--state",
                 own / "state"], stderr=subprocess.DEVNULL, **AS_NOBODY) as p:
            try:
                wait_for("the agent", (own / "state").exists)
                self.shut(p.pid)
            finally:
                p.terminate()

    def test_A34_key_commands_lock_theirs(self):
        if may_trace():
            self.skipTest(may_trace())
        i = self.issuer()
        p = subprocess.run(
            ["strace", "-f", "-e", "trace=mlock,mlock2,prctl", MINTMARK, "key",
             "list", "--data", i.data], capture_output=True, text=True,
            env=traced_env())
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertRegex(p.stderr, r"mlock2?\(.*= 0")
        self.assertRegex(p.stderr, r"PR_SET_DUMPABLE, 0|SUID_DUMP_DISABLE")

    # ---- root, no longer ----

    @AS_ROOT
    def test_root_goes_on_as_somebody_else(self):
        self.folder.chmod(0o711)
        i, a = self.both(flags=["--user", "nobody"])
        pid = i.proc.pid
        for n, want in (("Uid", NOBODY.pw_uid), ("Gid", NOBODY.pw_gid)):
            self.assertEqual(status(pid, n), [str(want)] * 4)
        self.assertEqual(status(pid, "Groups"), [str(NOBODY.pw_gid)])
        self.assertEqual(int(status(pid, "CapEff")[0], 16), 0)
        self.assertEqual(int(status(pid, "CapPrm")[0], 16), 0)
        self.assertEqual(int(status(pid, "CapBnd")[0], 16), 0)
        self.assertEqual(status(pid, "NoNewPrivs"), ["1"])
        self.no_core(pid)
        t = i.mint()
        self.assertIsNone(a.reason(t["token"]))
        cli("key", "rotate", "--now", "--data", i.data, check=0)  # by root
        for path in (i.data, *i.data.rglob("*")):
            st = path.stat()
            self.assertEqual(st.st_uid, NOBODY.pw_uid, path)
            self.assertEqual(st.st_mode & 0o77, 0, path)
        self.assertNotIn("issuer.root", i.text())
        i.stop()
        i.start()  # and again, in the folder that is there
        self.assertIsNone(a.reason(i.mint()["token"]))

    def where_setuid_counts(self):
        """A folder for programs; in /dev/shm, say, these bits are nothing."""
        for base in (self.folder, "/var/tmp", "/tmp"):
            if not os.statvfs(base).f_flag & (os.ST_NOSUID | os.ST_NOEXEC):
                folder = pathlib.Path(tempfile.mkdtemp(dir=base))
                self.addCleanup(shutil.rmtree, folder)
                folder.chmod(0o711)
                return folder
        self.skipTest("setuid bits count nowhere here")

    @AS_ROOT
    def test_what_it_runs_gains_nothing(self):
        """A command for warnings, which would be root by its setuid bit."""
        self.folder.chmod(0o711)
        bin_, out = self.where_setuid_counts(), self.folder / "out"
        out.mkdir()
        os.chown(out, NOBODY.pw_uid, NOBODY.pw_gid)
        cat = shutil.copy("/bin/cat", bin_ / "cat")
        cat.chmod(0o4755)
        script = bin_ / "warn"
        script.write_text(f"#!/bin/sh\ncat >{out}/line\n"
                          f"{cat} /proc/self/status >{out}/status\n")
        script.chmod(0o755)
        i = self.issuer(flags=["--user", "nobody", "--warn-command", script,
                               "--warn-retry", "1s", "--warn-before", "30m"])
        i.mint(expires_in=1802)
        wait_for("it to have run", lambda: (out / "status").exists() and
                 "NoNewPrivs" in (out / "status").read_text(), 20)
        self.assertIn("token.expires", (out / "line").read_text())
        ran = re.search(r"^Uid:(.*)$", (out / "status").read_text(), re.M)
        self.assertEqual(ran[1].split(), [str(NOBODY.pw_uid)] * 4)

    @AS_ROOT
    def test_a_number_will_do(self):
        self.folder.chmod(0o711)
        i = self.issuer(flags=["--user", "61234"])
        for n in ("Uid", "Gid"):
            self.assertEqual(status(i.proc.pid, n), ["61234"] * 4)
        self.assertEqual(status(i.proc.pid, "Groups"), [])

    @AS_ROOT
    def test_root_stays_and_says_so(self):
        """In a container that is the way of the place."""
        i = self.issuer()
        wait_for("a warning", lambda: "issuer.root" in i.text())

    def test_who_cannot_be_become(self):
        i = self.issuer(start=False)
        self.assertIn("there is no user", i.refused("--user", "nobody-here"))
        self.assertFalse(i.data.exists())
        if os.geteuid() != 0:
            self.assertIn("only root", i.refused("--user", "root"))
            return
        self.folder.chmod(0o777)
        p = subprocess.run(
            [MINTMARKD, "--data", i.data, "--issuer", i.name, "--user", "root"],
            capture_output=True, text=True, user=NOBODY.pw_uid, group=0,
            extra_groups=[])
        self.assertEqual(p.returncode, 1)
        self.assertIn("only root can go on as root", p.stderr)
        self.assertFalse(i.data.exists())


if __name__ == "__main__":
    main()
