#!/usr/bin/env python3
"""pam_mintmark.so: every answer of every stack, by pamtester.

A row is a stack, a login, a password, and what must come of it: PAM's
answer, and a part of the line in the log.  No row may show a token.
"""
import os
import shutil
import time

from doors import main, need_programs
from flow import MINTMARK, wait_for
from pam_stack import NEVER, OURS, PASS_ON, Stack
from private import PASSWORD, need_namespaces


class Matrix(Stack):
    # ---- tokens ----

    def test_A35_tokens(self):
        good = self.mint()
        revoked, suspended = self.mint(), self.mint()
        short = self.mint(expires_in=1)["token"]
        idle = self.mint(auto_refresh=1, expires_in=60)["token"]
        bobs = self.mint("bob")["token"]
        self.issuer_.revoke(revoked["id"])
        self.issuer_.admin("POST", f"/v1/tokens/{suspended['id']}/suspend")
        self.agent_.wait_reason(suspended["token"], "suspended")
        t, auth = good["token"], f"auth required {OURS} {{state}}"
        head, payload, signature = t.split(".")
        time.sleep(2)
        self.rows([
            ("good", auth, t, "ok", f"accepted: token {good['id']} of "
             '"alice", login "alice", from "192.0.2.7"'),
            ("revoked", auth, revoked["token"], "auth_err",
             f'refused: revoked (token {revoked["id"]}), login "alice", '
             'from "192.0.2.7"'),
            ("suspended", auth, suspended["token"], "auth_err",
             "refused: suspended"),
            ("expired", auth, short, "auth_err", "refused: expired"),
            ("idle", auth, idle, "auth_err", "refused: idle"),
            ("another's", auth, bobs, "auth_err", "refused: wrong_user"),
            ("cut", auth, t[:-2], "auth_err", "refused: "),
            ("without its signature", auth, f"{head}.{payload}", "auth_err",
             "refused: malformed"),
            ("forged", auth, f"{head}.{payload}.{signature[::-1]}",
             "auth_err", "refused: "),
            ("with a space", auth, f"{head}.{payload}. {signature}",
             "auth_err", "refused: malformed"),
            ("a tail", auth, t + "\t", "auth_err", "refused: malformed"),
            ("made up", auth, NEVER, "auth_err", "refused: malformed"),
            ("empty", auth, "", "cred_unavail", "no token: "),
            ("a password", auth, PASSWORD, "cred_unavail", "no token: "),
            ("a password with dots", auth, "my.pass.word", "cred_unavail",
             "no token: "),
            ("a JSON of other form", auth, "eyI.eyJ.x", "cred_unavail",
             "no token: "),
            ("no dot", auth, "eyJhbGciOiJFUzI1NiJ9", "cred_unavail",
             "no token: "),
            ("bytes", auth, "\udcff\udcfe\udc80", "cred_unavail",
             "no token: "),
        ])
        self.rows([("login in capitals", auth, t, "auth_err",
                    "refused: wrong_user (token ")], user="Alice")
        self.rows([("a token for a name", auth, PASSWORD, "cred_unavail",
                    'login "(a token?)"')], user=t)
        self.rows([("an ugly name", auth, t, "auth_err",
                    'login "al?ice?[2J'), ], user="al\nice\x1b[2J")

    def test_source_addresses(self):
        """PAM_RHOST is the address, or there is none."""
        here = self.mint(cidr=["192.0.2.0/24", "2001:db8::/32"])
        both = f"auth required {OURS} {{state}}\naccount required {OURS} {{state}}"
        self.stack(both)
        no, name = "auth_err", f"(token {here['id']} is limited to addresses, "
        for rhost, got, logged in (
                ("192.0.2.7", "ok", "accepted: "),
                ("::ffff:192.0.2.7", "ok", "accepted: "),
                ("2001:db8::7", "ok", "accepted: "),
                ("192.0.3.7", no, f"wrong_address (token {here['id']}), login"),
                ("2001:db9::7", no, "refused: wrong_address"),
                ("192.0.2.7.example.org", no,
                 name + "and there is a host name instead of one: sshd needs "
                 'UseDNS no), login "alice", from "192.0.2.7.example.org"'),
                ("UNKNOWN", no, name), ("", no, name + "and there is none"),
                (None, no, name + "and there is none here)")):
            with self.subTest(rhost):
                said, log = self.pam("alice", here["token"], "authenticate",
                                     "acct_mgmt", rhost=rhost)
                self.assertEqual(said, got, log)
                self.assertIn(logged, log)
        self.assertEqual(self.pam("alice", self.mint()["token"],
                                  rhost=None)[0], "ok")

    def test_A38_no_password_at_all(self):
        self.stack(f"auth required {OURS} {{state}}")
        got, log = self.pam("alice", "", stdin="")
        self.assertIn(got, ("cred_unavail", "Conversation error"))
        self.assertIn("no token: ", log)

    def token_of(self, length):
        """A good token of so many bytes, or None: base64url skips some."""
        extra = 60  # bytes of scope: one is 4/3 bytes of token
        for _ in range(12):
            words = [c * min(200, extra - 200 * i) for i, c in
                     enumerate("abcdef") if extra > 200 * i]
            t = self.mint(scopes=words, allow_long=True)["token"]
            if len(t) == length:
                return t
            more = (length - len(t)) * 3 // 4
            extra += more or (1 if length > len(t) else -1)
        return None

    def test_A38_lengths(self):
        found = {n: self.token_of(n) for n in (510, 511, 512, 513, 514, 1023,
                                               1024)}
        self.assertTrue(found[510] or found[511])
        self.assertTrue(found[512] or found[513])
        self.assertTrue(found[1023] or found[1024])
        for length, t in found.items():
            if t is None:
                continue
            with self.subTest(length):
                got, log = self.items("alice", t)
                if length <= 511:
                    self.assertEqual(got, "ok", log)
                else:
                    self.assertEqual(got, "auth_err")
                    self.assertIn("refused: malformed (over 511 bytes", log)
                # pamtester's own conversation cuts, silently
                self.stack(f"auth required {OURS} {{state}}")
                got, log = self.pam("alice", t)
                self.assertEqual(got, "ok" if length <= 511 else "auth_err")
        got, log = self.items("alice", "x" * 2000)
        self.assertEqual(got, "cred_unavail")
        got, log = self.items("alice", NEVER + "x" * 2000)
        self.assertIn("over 511 bytes", log)
        got, log = self.items("alice", NEVER + "\n" + "x")
        self.assertEqual(got, "auth_err")

    def test_A38_a_cut_token_is_told(self):
        for length in range(512, 518):
            t = self.token_of(length)
            if t is None:
                continue
            got, log = self.items("alice", t[:511])
            self.assertEqual(got, "auth_err")
            self.assertRegex(log, r"refused: (malformed|bad_signature) \(it "
                             "has 511 bytes: was it cut")

    # ---- options ----

    def test_scopes_and_audience(self):
        some = self.mint(scopes=["sftp:read", "node:1:r"],
                         audience=["files", "mail"])["token"]
        full = self.mint()["token"]
        a = f"auth required {OURS} {{state}} "
        no = "auth_err"
        self.rows([
            ("named", a + "scope=sftp:read", some, "ok", "accepted"),
            ("another", a + "scope=sftp:write", some, no,
             "refused: insufficient_scope (token "),
            ("which", a + "scope=sftp:read scope=sftp:write", some, no,
             "is not for sftp:write)"),
            ("both", a + "scope=sftp:read scope=node:1:r", some, "ok", ""),
            ("a prefix", a + "scope=sftp", some, no, "insufficient_scope"),
            ("resource", a + "scope=node:1:rw", some, no,
             "insufficient_scope"),
            ("no scope claim", a + "scope=node:1:rw scope=x", full, "ok", ""),
            ("audience", a + "audience=mail", some, "ok", ""),
            ("another audience", a + "audience=shell", some, no,
             "refused: wrong_audience"),
            ("no aud claim", a + "audience=shell", full, "ok", ""),
        ])

    def test_wrong_options(self):
        t, bad = self.mint()["token"], "authinfo_unavail"
        wrong = {
            "scop=sftp:read": 'misconfigured: no option "scop=sftp:read": '
                              "known are state=PATH",
            "debug": 'misconfigured: no option "debug"',
            "scope=node:1:rwx": 'option "scope=node:1:rwx": ',
            "user_map=map": "absolute path",
            "max_staleness=soon": 'option "max_staleness=soon": ',
            "audience=": 'option "audience=": it must be one word',
        }
        self.rows([(word, f"auth required {OURS} {{state}} {word}", t, bad,
                    says) for word, says in wrong.items()])
        self.rows([("account, too", f"""
            auth required {OURS} {{state}}
            account required {OURS} {{state}} debug
            """, t, bad, "(door:account): refused: misconfigured: ",
                    "acct_mgmt")])
        self.rows([("also for passwords", f"{PASS_ON} debug\n"
                    "auth required pam_permit.so", PASSWORD, bad,
                    "misconfigured")])

    # ---- the state ----

    def spoilt(self, name, spoil):
        path = self.folder / name
        shutil.copy2(self.agent_.state, path)
        spoil(path)
        return path

    def test_F27_state(self):
        t = self.mint()["token"]

        def flip(path):
            b = bytearray(path.read_bytes())
            b[160] ^= 1
            path.write_bytes(b)
        cut = self.spoilt("cut", lambda p: os.truncate(p, 8192))
        empty = self.spoilt("empty", lambda p: os.truncate(p, 0))
        flipped = self.spoilt("flipped", flip)
        grown = self.spoilt("grown", lambda p: p.write_bytes(
            p.read_bytes() + b"x"))
        mode = self.spoilt("mode", lambda p: p.chmod(0o664))
        other = self.spoilt("other", lambda p: p.chmod(0o646))
        old = self.spoilt("old", lambda p: None)
        no = "authinfo_unavail"
        a = f"auth required {OURS} state="
        time.sleep(2.1)
        self.rows([
            ("missing", f"{a}{self.folder}/none", t, no,
             "refused: unavailable (cannot open"),
            ("cut", f"{a}{cut}", t, no, "refused: unavailable"),
            ("empty", f"{a}{empty}", t, no, "refused: unavailable"),
            ("corrupt", f"{a}{flipped}", t, no, "refused: unavailable"),
            ("grown", f"{a}{grown}", t, no, "refused: unavailable"),
            ("a folder", f"{a}{self.folder}", t, no, "refused: unavailable"),
            ("the group may write", f"{a}{mode}", t, no,
             "others may write"),
            ("others may write", f"{a}{other}", t, no, "others may write"),
            ("not stale", f"{a}{old}", t, "ok", "accepted"),
            ("stale", f"{a}{old} max_staleness=1", t, no, "refused: stale"),
            ("a password without a state", f"{a}{self.folder}/none",
             PASSWORD, "cred_unavail", "no token"),
            ("sufficient without a state", f"""
             auth sufficient {OURS} state={self.folder}/none
             auth required pam_deny.so""", t, "auth_err",
             "refused: unavailable"),
        ])

    def test_who_could_have_written_the_state(self):
        t, no = self.mint()["token"], "authinfo_unavail"
        place = self.folder / "place"
        place.mkdir()
        path = place / "state"
        shutil.copy2(self.agent_.state, path)
        a = f"auth required {OURS} state={path}"
        for what, mode, folder, file, says in (
                ("root's", 0o755, 0, 0, None),
                ("the agent's own user's", 0o755, 61009, 61009, None),
                ("a stranger's", 0o755, 0, 12345, "belongs to uid 12345"),
                ("in everybody's folder", 0o777, 0, 0, "the state's folder"),
                ("as in /tmp", 0o1777, 0, 0, "the state's folder"),
                ("in a group's folder", 0o775, 0, 0, "the state's folder")):
            place.chmod(mode)
            os.chown(place, folder, 0)
            os.chown(path, file, 0)
            self.rows([(what, a, t, no if says else "ok",
                        says or "accepted")])
        place.chmod(0o755)
        (place / "link").symlink_to(path)
        self.rows([("a link", f"auth required {OURS} state={place}/link", t,
                    no, "is not a file")])

    # ---- the map ----

    def map(self, text, mode=0o644):
        path = self.folder / "map"
        path.write_text(text)
        path.chmod(mode)

    def test_user_map(self):
        alices, bobs = self.mint()["token"], self.mint("bob")["token"]
        carols = self.mint("carol")["token"]
        a = f"auth required {OURS} {{state}} user_map={{folder}}/map"
        no, bad = "auth_err", "authinfo_unavail"
        self.map("# who\nalice bob\nalice carol\ntoor bob\n")
        for user, token, want in (
                ("alice", bobs, "ok"), ("alice", carols, "ok"),
                ("alice", alices, no), ("bob", bobs, "ok"),
                ("bob", alices, no), ("toor", bobs, "ok"),
                ("toor", alices, no)):
            self.rows([(f"{user}", a, token, want,
                        "accepted" if want == "ok" else
                        "refused: wrong_user")], user=user)
        for text, mode, says in (
                ("alice bob\nbob\n", 0o644, "map:2: it must be"),
                ("bob bob\nalice: alice\n", 0o644, "map:2: no login has a "
                 "colon"),
                ("alice bob\n", 0o664, "others may write"),
                ("alice bob\n", 0o646, "others may write")):
            self.map(text, mode)
            self.rows([(f"{text!r} {mode:o}", a, alices, bad,
                        f"refused: unavailable ({self.folder}/map"
                        if "map:" in says else says)])
        (self.folder / "map").unlink()
        self.rows([("no map", a, alices, bad, "cannot read")])
        self.rows([("a password, no map", a, PASSWORD, "cred_unavail", "")])

    def test_A23_root_must_be_meant(self):
        root, toor = self.mint("root")["token"], self.mint("toor")["token"]
        a = f"auth required {OURS} {{state}}"
        for user, token in (("root", root), ("toor", toor)):
            self.rows([(user, a, token, "auth_err",
                        "this login is root's, and no user_map lists it")],
                      user=user)
        self.map("root root\n")
        self.rows([("meant", a + " user_map={folder}/map", root, "ok",
                    "accepted")], user="root")

    def test_A23_root_when_nobody_can_tell(self):
        """The host's user database is out of order, or empty."""
        root, toor = self.mint("root")["token"], self.mint("toor")["token"]
        a = f"auth required {OURS} {{state}}"
        (self.host.etc / "nsswitch.conf").write_text("passwd: files\n")
        passwd = self.host.etc / "passwd"
        passwd.unlink()
        no_name = ("by name", a, root, "auth_err", "this login is root's")
        self.rows([no_name], user="root")
        passwd.symlink_to("passwd")  # ELOOP
        self.rows([("by number", a, toor, "authinfo_unavail",
                    "refused: unavailable (cannot tell whether the login is "
                    "root's: ")], user="toor")
        self.rows([no_name], user="root")
        self.map("toor toor\n")
        self.rows([("meant", a + " user_map={folder}/map", toor, "ok",
                    "accepted")], user="toor")

    # ---- stacks ----

    def test_A38_stacks(self):
        good = self.mint()["token"]
        bad = self.mint()
        self.issuer_.revoke(bad["id"])
        self.agent_.wait_reason(bad["token"], "revoked")
        unix = "auth required pam_unix.so try_first_pass"
        permit, deny = "auth required pam_permit.so", "auth required pam_deny.so"
        need, enough = (f"auth {c} {OURS} {{state}}"
                        for c in ("required", "sufficient"))
        on = PASS_ON + " {state}"
        self.rows([
            # what                 stack            password  answer
            ("required, permit", f"{need}\n{permit}", good, "ok", ""),
            ("required, permit", f"{need}\n{permit}", bad["token"],
             "auth_err", ""),
            ("required, permit", f"{need}\n{permit}", PASSWORD,
             "cred_unavail", ""),
            ("required, permit", f"{need}\n{permit}", "", "cred_unavail", ""),
            ("required, deny", f"{need}\n{deny}", good, "auth_err", ""),
            ("sufficient, deny", f"{enough}\n{deny}", good, "ok", ""),
            ("sufficient, deny", f"{enough}\n{deny}", bad["token"],
             "auth_err", ""),
            ("sufficient, unix", f"{enough}\n{unix}", good, "ok", ""),
            ("sufficient, unix", f"{enough}\n{unix}", PASSWORD, "ok", ""),
            ("sufficient, unix", f"{enough}\n{unix}", bad["token"],
             "auth_err", ""),
            ("passed on, unix", f"{on}\n{unix}", good, "ok", ""),
            ("passed on, unix", f"{on}\n{unix}", PASSWORD, "ok", ""),
            ("passed on, unix", f"{on}\n{unix}", "wrong", "auth_err", ""),
            ("passed on, unix", f"{on}\n{unix}", "", "auth_err", ""),
            ("behind unix", "auth sufficient pam_unix.so\n" + need, good,
             "ok", ""),
            # A refused token ends there: even pam_permit does not see it.
            ("passed on, permit", f"{on}\n{permit}", bad["token"],
             "auth_err", ""),
        ])

    def test_no_login_name(self):
        self.stack(f"auth required {self.wrapper_modules()}/pam_set_items.so\n"
                   f"auth required {OURS} {{state}}")
        got, log = self.pam("alice", self.mint()["token"],
                            env={"PAM_USER": ""})
        self.assertEqual(got, "user_unknown")
        self.assertIn("refused: no login name", log)

    # ---- account ----

    def between(self, script):
        """A stack in which `script` runs between auth and account."""
        path = self.folder / "between"
        path.write_text(f"#!/bin/sh\nexec >/dev/null 2>&1\n{script}\n")
        path.chmod(0o755)
        return f"""
            auth required {OURS} {{state}}
            account optional pam_exec.so {path}
            account required {OURS} {{state}}
            """

    def wait_in_between(self, t, change, reason):
        return self.between(f"""
            MINTMARK_SOCKET={self.issuer_.socket} {MINTMARK} token {change} \
{t['id']}
            for i in $(seq 100); do
                {MINTMARK} verify --no-use --state {self.agent_.state} \
<{self.folder}/token | grep -q {reason} && break
                sleep 0.05
            done""")

    def account(self, t, stack, want, says):
        (self.folder / "token").write_text(t["token"])
        self.stack(stack)
        got, log = self.pam("alice", t["token"], "authenticate", "acct_mgmt")
        self.assertEqual(got, want, log)
        self.assertIn("(door:auth): accepted", log)
        if says is None:
            self.assertNotIn("(door:account)", log)
        else:
            self.assertIn(f"(door:account): refused: {says}", log)
            self.assertIn(t["id"], log.split("(door:account)")[1])

    def test_account(self):
        t = self.mint()
        self.account(t, self.between("true"), "ok", None)
        t = self.mint()
        self.account(t, self.wait_in_between(t, "revoke", "revoked"),
                     "perm_denied", "revoked")
        t = self.mint()
        self.account(t, self.wait_in_between(t, "suspend", "suspended"),
                     "perm_denied", "suspended")
        t = self.mint(expires_in=2)
        self.account(t, self.between("sleep 3"), "acct_expired", "expired")
        t = self.mint(auto_refresh=2, expires_in=60)
        self.account(t, self.between("sleep 3"), "acct_expired", "idle")

    def test_A23_account_of_another_login(self):
        """A module in between changes who it is."""
        t = self.mint()
        items = f"{self.wrapper_modules()}/pam_set_items.so"
        for phase in ("auth", "account"):
            for user, want in (("alice", "ok"), ("bob", "perm_denied"),
                               ("root", "perm_denied"),
                               ("alic", "perm_denied"),
                               ("alicex", "perm_denied")):
                with self.subTest(phase=phase, user=user):
                    self.stack(f"auth required {OURS} {{state}}\n"
                               f"{phase} required {items}\n"
                               f"account required {OURS} {{state}}")
                    got, log = self.pam("alice", t["token"], "authenticate",
                                        "acct_mgmt", env={"PAM_USER": user})
                    self.assertEqual(got, want, log)
                    ours = [l for l in log.splitlines()
                            if "(door:account): " in l]
                    self.assertEqual(len(ours), want != "ok", log)
                    for line in ours:
                        self.assertIn(
                            f"refused: wrong_user (token {t['id']} came in as "
                            f'"alice"), login "{user}"', line)

    def test_account_of_another_state(self):
        t, copy = self.mint(), self.folder / "copy"
        shutil.copy2(self.agent_.state, copy)
        auth = f"auth required {OURS} {{state}}\naccount required {OURS} state="
        says = (f"(door:account): refused: wrong_issuer (token {t['id']} is "
                f"known by state={self.agent_.state}, and this line says ")
        for state, want in ((self.agent_.state, "ok"), (copy, "perm_denied"),
                            (self.folder / "none", "perm_denied")):
            with self.subTest(state):
                self.stack(f"{auth}{state}")
                got, log = self.pam("alice", t["token"], "authenticate",
                                    "acct_mgmt")
                self.assertEqual(got, want, log)
                self.assertEqual(log.count("(door:account)"), want != "ok")
                if want != "ok":
                    self.assertIn(f"{says}state={state})", log)

    def test_F27_account_without_a_state(self):
        t, state = self.mint()["token"], self.folder / "copy"
        shutil.copy2(self.agent_.state, state)
        self.stack(self.between(f"rm {state}").replace(
            "{state}", f"state={state}"))
        got, log = self.pam("alice", t, "authenticate", "acct_mgmt")
        self.assertEqual(got, "authinfo_unavail", log)
        self.assertIn("(door:account): refused: unavailable", log)

    def test_A38_account_of_others(self):
        """Not ours: no opinion, and alone that is a refusal."""
        ours = f"account required {OURS} {{state}}"
        self.rows([
            ("a password", f"auth required pam_unix.so\n{ours}\n"
             "account required pam_unix.so", PASSWORD, "ok", None,
             "authenticate", "acct_mgmt"),
            ("nobody asked", f"auth required pam_unix.so\n{ours}\n"
             "account required pam_permit.so", "", "ok", None, "acct_mgmt"),
            ("alone", f"auth required pam_permit.so\n{ours}", "",
             "perm_denied", None, "acct_mgmt"),
        ])

    def test_A38_a_second_attempt_forgets_the_first(self):
        """What account hears of is the last attempt alone."""
        t = self.mint(scopes=["some"])["token"]
        first = f"auth optional {OURS} {{state}}\n"
        rest = f"auth required pam_permit.so\naccount required {OURS} {{state}}"
        for second, want in (("scope=some", "ok"), ("scope=x", "perm_denied"),
                             ("scope", "perm_denied")):
            self.stack(f"{first}auth optional {OURS} {{state}} {second}\n"
                       f"{rest}")
            got, log = self.pam("alice", t, "authenticate", "acct_mgmt")
            self.assertEqual(got, want, log)

    def test_a_use_is_a_use(self):
        """auto_refresh lives by PAM logins alone."""
        t = self.mint(auto_refresh=3, expires_in=600)
        self.stack(f"auth required {OURS} {{state}}")
        for _ in range(4):
            time.sleep(1.6)
            got, log = self.pam("alice", t["token"])
            self.assertEqual(got, "ok", log)
        time.sleep(3.2)
        self.assertEqual(self.pam("alice", t["token"])[0], "auth_err")
        wait_for("the report", lambda: self.issuer_.admin(
            "GET", f"/v1/tokens/{t['id']}")["last_used_at"])

    def test_the_door_is_called_after_the_service(self):
        t = self.mint()
        self.stack(f"auth required {OURS} {{state}}")
        got, log = self.pam("alice", t["token"])
        self.assertEqual(got, "ok", log)

        def shown():
            return self.issuer_.admin("GET", f"/v1/tokens/{t['id']}")
        wait_for("the report", lambda: shown()["last_used_at"])
        self.assertEqual(shown()["last_used_door"], "pam:door")


if __name__ == "__main__":
    need_programs("pamtester", "nsenter", "unshare")
    need_namespaces()
    main(at_once=2)
