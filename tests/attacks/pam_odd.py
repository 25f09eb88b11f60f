#!/usr/bin/env python3
"""A38, A23 and A35 at pam_mintmark.so: services with odd conversations,
modules around ours, users with odd names, and what a guesser can tell."""
import json
import pathlib
import sys

import paths  # noqa: F401
from cross_user import ALIKE
from doors import main, need_programs
from pam_stack import NEVER, OURS, PASS_ON, Stack
from private import PASSWORD, need_namespaces

TALK = pathlib.Path(__file__).with_name("pam_talk.py")
AUTH_ERR = 7  # PAM's numbers: <security/_pam_types.h>


class Odd(Stack):
    def talk(self, user, answers, *operations):
        """([(code, words), ...], what was logged meanwhile)"""
        before = self.host.syslog.text()
        p = self.wrapped(sys.executable, TALK, user,
                         *(operations or ["authenticate"]),
                         input=json.dumps(answers), text=True)
        self.said.append(p.stdout + p.stderr)
        self.assertEqual(p.returncode, 0, p.stderr)
        return (json.loads(p.stdout),
                self.host.syslog.text()[len(before):].strip())

    def test_A38_conversations(self):
        """Whatever a service answers for a password: one clean refusal."""
        t = self.mint()["token"]
        self.stack(f"auth required {OURS} {{state}}")
        self.assertEqual(self.talk("alice", [t])[0], [[0, "Success"]])
        for answer in (None, True, False, "", "\n", " ", "\r\n", "e", "eyJ",
                       f"{t}\n", f"{t}\r\n", f"\n{t}", f"{t[:40]}\n{t[40:]}",
                       f"{t}\n{t}", f"{t} ", f"{t}\x01", f"{t}\ufeff",
                       f"\ufeff{t}", t[:511] + "x" * 512, t + "." * 512,
                       NEVER + "x" * 1024, "x" * 100_000,
                       NEVER + "x" * 1_000_000, "\udcff" * 512):
            said, log = self.talk("alice", [answer])
            self.assertEqual(len(said), 1)
            self.assertNotEqual(said[0][0], 0, repr(answer)[:80])
            ours = [l for l in log.splitlines() if "pam_mintmark(" in l
                    and "conversation failed" not in l]  # libpam's words
            self.assertEqual(len(ours), 1, (repr(answer)[:80], log))
            self.assertLess(len(ours[0]), 400)

    def test_A38_a_good_one_behind_a_bad_one(self):
        """It is asked once: no second answer, no answer kept from before."""
        t = self.mint()["token"]
        self.stack(f"auth required {OURS} {{state}}\n"
                   f"account required {OURS} {{state}}")
        for first in (None, True, False, "", NEVER, PASSWORD):
            said, _ = self.talk("alice", [first, t])
            self.assertNotEqual(said[0][0], 0, first)
        said, _ = self.talk("alice", [NEVER, t], "authenticate",
                            "acct_mgmt")
        self.assertNotIn(0, [code for code, _ in said])

    def test_A38_account_alone(self):
        """Where only account is ours, a token opens nothing."""
        t = self.mint()["token"]
        for auth in ("pam_unix.so nodelay", "pam_deny.so"):
            self.stack(f"auth required {auth}\naccount required {OURS} {{state}}")
            said, log = self.talk("alice", [t], "authenticate", "acct_mgmt")
            self.assertNotIn(0, [code for code, _ in said])
            self.assertNotIn("accepted", log)

    def seen_by_the_next(self, line, password):
        """What a module below ours was given for a password."""
        path, seen = self.folder / "next", self.folder / "seen"
        seen.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\ncat >{seen}\n")
        path.chmod(0o755)
        self.stack(f"{line}\nauth required pam_exec.so expose_authtok {path}\n"
                   "auth required pam_deny.so")
        said, _ = self.talk("alice", [password])
        return said[0][0], (
            seen.read_text().rstrip("\0") if seen.exists() else None)

    def test_A38_what_other_modules_see(self):
        """With the line that deploy/sshd/ has no token is shown to a module
        below; "sufficient" shows it those that are refused, as everywhere."""
        good, gone = self.mint()["token"], self.mint()
        self.issuer_.revoke(gone["id"])
        self.agent_.wait_reason(gone["token"], "revoked")
        on, enough = PASS_ON + " {state}", f"auth sufficient {OURS} {{state}}"
        for line, password, code, seen in (
                (on, good, 0, None), (on, gone["token"], AUTH_ERR, None),
                (on, NEVER, AUTH_ERR, None), (on, good + "\n", AUTH_ERR, None),
                (on, good[:-1], AUTH_ERR, None),
                (on, PASSWORD, AUTH_ERR, PASSWORD),
                (enough, good, 0, None),
                (enough, gone["token"], AUTH_ERR, gone["token"]),
                (enough, PASSWORD, AUTH_ERR, PASSWORD)):
            got = self.seen_by_the_next(line, password)
            self.assertEqual(got, (code, seen), (line, len(password)))

    def test_A23_odd_users_at_a_login(self):
        self.stack(f"auth required {OURS} {{state}}")
        mine = self.mint()["token"]
        for user in ALIKE[::3]:
            t = self.mint(user)["token"]
            said, log = self.talk("alice", [t])
            self.assertEqual(said[0][0], AUTH_ERR, user)
            self.assertIn("refused: wrong_user", log)
        for login in ("Alice", "alice ", "alice@x", "alice\n", "al\u0131ce",
                      "root", "alice\u200b", "x" * 5000):
            said, log = self.talk(login, [mine])
            self.assertEqual(said[0][0], AUTH_ERR, login)
            self.assertNotIn("accepted", log)

    def test_A35_one_answer_at_a_login(self):
        """Behind the line of deploy/sshd/ a wrong password, a bad token of
        any kind, and a name that nobody has look the same."""
        revoked, suspended = self.mint(), self.mint()
        self.issuer_.revoke(revoked["id"])
        self.issuer_.admin("POST", f"/v1/tokens/{suspended['id']}/suspend")
        self.agent_.wait_reason(suspended["token"], "suspended")
        good = self.mint()["token"]
        head, body, sig = good.split(".")
        some = self.mint(scopes=["a"])["token"]
        self.stack(f"{PASS_ON} {{state}} scope=b\n"
                   "auth required pam_unix.so nodelay try_first_pass")
        self.assertEqual(self.talk("alice", [good])[0][0][0], 0)
        answers = {
            (user, why): self.talk(user, [password])[0]
            for user in ("alice", "bob", "root")
            for why, password in (
                ("password", "wrong"), ("revoked", revoked["token"]),
                ("suspended", suspended["token"]), ("malformed", NEVER),
                ("forged", f"{head}.{body}.{sig[::-1]}"), ("scope", some),
                ("nobody's", self.mint("carol")["token"]))}
        self.assertEqual(set(map(repr, answers.values())),
                         {repr([[AUTH_ERR, "Authentication failure"]])},
                         answers)
        refused = {self.talk(user, [revoked["token"]])[0][0][0]
                   for user in ("nobody-here", "alice")}
        self.assertEqual(refused, {AUTH_ERR})


if __name__ == "__main__":
    need_programs("nsenter", "unshare")
    need_namespaces()
    main()
