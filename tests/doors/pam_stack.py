"""pam_stack.py - what the tests of pam_mintmark.so share: a host of our own,
a service file on it, and pamtester.  No test may show a token.
"""
import contextlib
import fcntl
import pathlib
import re
import subprocess
import tempfile
import time

from doors import PATH, Flow
from private import Private

WRAPPER = "libpam_wrapper.so"
NEVER = "eyJnever.eyJnever.never"  # as a token begins, and none

SAYS = {
    "successfully authenticated": "ok",
    "account management done.": "ok",
    "Authentication failure": "auth_err",
    "Authentication service cannot retrieve authentication info":
        "authinfo_unavail",
    "Authentication service cannot retrieve user credentials": "cred_unavail",
    "User not known to the underlying authentication module": "user_unknown",
    "Permission denied": "perm_denied",
    "User account has expired": "acct_expired",
}
OURS = "pam_mintmark.so"
PASS_ON = f"auth [success=done cred_unavail=ignore default=die] {OURS}"


def has_its_folder(pid):
    for f in pathlib.Path("/tmp").glob("pam.?/pid"):
        with contextlib.suppress(OSError):
            if f.read_text().strip("\0\n") == str(pid):
                return True
    return False


class Stack(Flow):
    def setUp(self):
        super().setUp()
        self.host = Private(self.folder)
        self.addCleanup(self.host.close)
        self.services = self.folder / "services"
        self.services.mkdir()
        (self.services / "other").write_text("auth required pam_deny.so\n")
        self.issuer_, self.agent_ = self.both()
        self.said = []  # all that pamtester printed
        self.tokens = []
        self.log_seen = 0

    def tearDown(self):
        try:
            shown = self.host.syslog.text() + "".join(self.said)
            for part in ".".join(self.tokens).split("."):
                self.assertFalse(part and part[:20] in shown)
                self.assertFalse(part and part[-20:] in shown)
        finally:
            super().tearDown()

    def mint(self, user="alice", **grant):
        t = self.issuer_.mint(user, **grant)
        self.tokens.append(t["token"])
        return t

    def stack(self, text):
        """A service file; {state} is the agent's."""
        text = text.format(state=f"state={self.agent_.state}",
                           folder=self.folder)
        lines = [l.strip() for l in text.strip().splitlines()]
        module = self.host.folder / "security"
        lines = [re.sub(r"\b(pam_mintmark\.so)", f"{module}/\\1", l)
                 for l in lines]
        if not any(l.startswith("account") for l in lines):
            lines.append("account required pam_permit.so")
        (self.services / "door").write_text("\n".join(lines) + "\n")

    def wrapped(self, *argv, input, env=None, text=False):
        """Under pam_wrapper.  They begin one after another on this machine:
        each clears /tmp/pam.? of those who have ended, and may take one who
        begins for one of them, and read his service files."""
        lock = pathlib.Path(tempfile.gettempdir()) / "mintmark-test-pam"
        with lock.open("w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            p = subprocess.Popen(
                self.host.inside(*argv), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=text,
                env={"PATH": PATH, "LD_PRELOAD": WRAPPER, "PAM_WRAPPER": "1",
                     "PAM_WRAPPER_SERVICE_DIR": str(self.services),
                     "PAM_WRAPPER_USE_SYSLOG": "1", **(env or {})})
            while p.poll() is None and not has_its_folder(p.pid):
                time.sleep(0.002)
        out, err = p.communicate(input, timeout=60)
        return subprocess.CompletedProcess(argv, p.returncode, out, err)

    def pam(self, user, password, *operations, env=None, stdin=None,
            rhost="192.0.2.7"):
        """pamtester's last answer, and what was logged meanwhile."""
        before = self.host.syslog.text()
        at = [] if rhost is None else ["-I", f"rhost={rhost}"]
        p = self.wrapped(
            "pamtester", *at, "door", user, *(operations or ["authenticate"]),
            input=(password + "\n" if stdin is None else stdin).encode(
                errors="surrogateescape"), env=env)
        self.said += [(p.stderr + p.stdout).decode(errors="backslashreplace")]
        text = (p.stderr if p.returncode else p.stdout).decode()
        last = text.strip().split("pamtester: ")[-1]
        log = self.host.syslog.text()[len(before):].strip()
        return SAYS.get(last, last), log

    def rows(self, rows, user="alice"):
        for what, stack, password, want, logged, *operations in rows:
            with self.subTest(what):
                self.stack(stack)
                got, log = self.pam(user, password, *operations)
                self.assertEqual(got, want, log)
                ours = [l for l in log.splitlines() if "pam_mintmark(" in l]
                if logged is None:
                    self.assertEqual(ours, [])
                    continue
                self.assertIn(logged, log)
                self.assertEqual(len(ours), 1, "one line each")

    def items(self, user, authtok, auth=f"{OURS} {{state}}"):
        """The password as another module would leave it: whole."""
        self.stack(f"auth required {self.wrapper_modules()}/pam_set_items.so\n"
                   f"auth required {auth}")
        env = {"PAM_AUTHTOK": authtok}
        return self.pam(user, "", env=env)

    @staticmethod
    def wrapper_modules():
        p = subprocess.run(["pkg-config", "--variable=modules", "pam_wrapper"],
                           capture_output=True, text=True)
        return p.stdout.strip() or "/usr/lib/x86_64-linux-gnu/pam_wrapper"
