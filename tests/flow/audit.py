#!/usr/bin/env python3
"""The audit: who did what, from where; a chain that shows what was changed; and
nothing is done that cannot be written down."""
import json
import sqlite3
import subprocess
import time

from flow import MINTMARK, Flow, cli, main, wait_for


def lines(i, *flags):
    out = cli("audit", "--data", i.data, "-o", "json", *flags, check=0).stdout
    return [json.loads(line) for line in out.splitlines()]


class Audit(Flow):
    def last(self, i, **want):
        line = lines(i)[-1]
        self.assertEqual({k: line.get(k) for k in want}, want, line)
        return line

    def test_who_did_what(self):
        i = self.issuer()
        one = i.mint("alice", scopes=["mintmark:self"], label="laptop")
        me = f"alice (token {one['id']})"
        self.last(i, event="token.mint", id=one["id"], user="alice",
                  scope="mintmark:self", label="laptop", key=one["key"],
                  expires_at=one["expires_at"])
        status, two, headers = i.http("POST", "/v1/tokens", {
            "user": "alice", "auto_refresh": 60}, token=one["token"],
            headers={"Idempotency-Key": "K"})
        self.assertEqual(status, 201)
        self.last(i, event="token.mint", id=two["id"], by=me,
                  address="127.0.0.1", request=headers["X-Request-Id"],
                  auto_refresh=60)
        i.http("POST", "/v1/tokens", {"user": "alice", "auto_refresh": 60},
               token=one["token"], headers={"Idempotency-Key": "K"})
        self.last(i, event="token.again", id=two["id"], by=me)
        i.form("/oauth/revoke", {"token": two["token"]})
        self.last(i, event="token.revoke", id=two["id"],
                  by=f"holder of {two['id']}", address="127.0.0.1")
        cli("key", "rotate", "--now", "--data", i.data, check=0)
        self.last(i, event="key.sign")
        secrets = [t["token"].split(".")[2] for t in (one, two)]
        text = json.dumps(lines(i))
        self.assertFalse([s for s in secrets if s in text])

    def test_what_was_refused(self):
        i = self.issuer()
        t = i.mint("alice", scopes=["mintmark:self"])
        me = f"alice (token {t['id']})"
        i.http("GET", "/v1/keys", token=t["token"])
        self.last(i, event="call.refuse", by=me, address="127.0.0.1",
                  detail="GET /v1/keys: insufficient_scope")
        i.http("DELETE", "/v1/users/bob/tokens", token=t["token"])
        self.last(i, event="call.refuse", by=me,
                  detail="DELETE /v1/users/bob/tokens: forbidden")
        i.http("GET", "/v1/audit")
        self.last(i, event="call.refuse",
                  detail="GET /v1/audit: unauthenticated")
        before = len(lines(i))
        i.http("GET", "/v1/tokens")  # about nobody's administration
        i.http("GET", "/v1/feed?after=0")
        self.assertEqual(len(lines(i)), before)
        for _ in range(100):
            i.http("GET", "/v1/users")
        self.assertLessEqual(len(lines(i)) - before, 2)
        # who is known is seen all the same, and does not hide others
        other = i.mint("bob", scopes=["mintmark:self"])
        for _ in range(50):
            i.http("GET", "/v1/users", token=other["token"])
        i.http("GET", "/v1/users", token=t["token"])
        self.last(i, event="call.refuse", by=me)
        self.assertLessEqual(len(lines(i)) - before, 2 + 1 + 2 * 10 + 1)
        i.stop()
        i.start()
        rest = [a["detail"] for a in lines(i)
                if a.get("by") == "mintmarkd" and a["event"] == "call.refuse"]
        self.assertRegex(rest[0], "^[0-9]+ more, of strangers$")

    def test_whose_dead_token_it_was(self):
        i = self.issuer()
        admin = {"scopes": ["mintmark:admin"]}
        revoked, suspended, away, short = (
            i.mint("root", **admin), i.mint("root", **admin),
            i.mint("root", cidr=["192.0.2.0/24"], **admin),
            i.mint("root", expires_in=1, **admin))
        i.revoke(revoked["id"])
        i.admin("POST", f"/v1/tokens/{suspended['id']}/suspend", {})
        time.sleep(1.1)
        for t in (revoked, suspended, away, short):
            self.assertEqual(i.http("GET", "/v1/users", token=t["token"])[0],
                             401)
            self.last(i, event="call.refuse", by=f"root (token {t['id']})",
                      detail="GET /v1/users: unauthenticated")
        head, body, sig = revoked["token"].split(".")
        i.http("GET", "/v1/users",
               token=f"{head}.{body}.{sig[40:80]}{sig[:40]}{sig[80:]}")
        self.last(i, event="call.refuse", by=None)

    def test_the_chain(self):
        i = self.issuer()
        at = ("--data", i.data)
        ids = [i.mint()["id"] for _ in range(5)]
        out = cli("audit", "--verify", *at, check=0).stdout
        head = out.splitlines()[-1]
        self.assertIn("from line 1 to 8", out)
        i.revoke(ids[0])
        self.assertEqual(cli("audit", "--verify", "--head", head, *at,
                             check=0).stdout.splitlines()[0],
                         "The chain is whole, from line 1 to 9.")
        kept = self.folder / "audit.jsonl"
        text = cli("audit", "-o", "json", *at, check=0).stdout.splitlines()
        rest = cli("audit", "-o", "json", "--after", 4, *at,
                   check=0).stdout.splitlines()
        self.assertEqual(text[4:], rest)
        changed = text[4].replace('"alice"', '"mallory"')
        for good, what in ((True, text), (True, rest),
                           (False, text[:4] + [changed] + rest[1:]),
                           (False, text[:4] + rest[1:])):
            kept.write_text("".join(f"{line}\n" for line in what))
            p = cli("audit", "--verify", kept)
            self.assertEqual(p.returncode, 0 if good else 1, p.stdout)
            self.assertEqual(
                "The file begins at line 5: what was before it is not here."
                in p.stderr, what is rest, p.stderr)
            self.assertEqual(p.stderr == "", what is text, p.stderr)
        for cut, code in ((8, 0), (7, 1), (0, 1)):
            kept.write_text("".join(f"{line}\n" for line in text[:cut]))
            p = cli("audit", "--verify", "--head", head, "-",
                    stdin=kept.read_text())
            self.assertEqual(p.returncode, code, p.stderr)
            self.assertEqual("was cut" in p.stderr, code == 1, p.stderr)
        p = cli("audit", "--verify", "-")
        self.assertEqual((p.returncode, p.stdout), (1, ""))
        self.assertIn("nothing to verify", p.stderr)

    def test_rewritten_in_the_store(self):
        """Who can write the file can take the triggers away, and is seen."""
        i = self.issuer()
        i.mint()
        i.mint()
        i.stop()
        db = sqlite3.connect(i.data / "mintmark.db")
        db.executescript("DROP TRIGGER audit_stands; UPDATE audit SET line = "
                         "replace(line, 'alice', 'carol') WHERE seq = 4")
        db.close()
        i.start()
        i.mint()
        self.assertIn("audit.mended", i.text())
        p = cli("audit", "--verify", "--data", i.data)
        self.assertEqual(p.returncode, 1)
        self.assertIn("behind line 4", p.stderr)
        self.assertEqual(p.stdout, "")

    CUT = "DROP TRIGGER IF EXISTS audit_stays; DELETE FROM audit WHERE "

    def cut(self, i, where):
        db = sqlite3.connect(i.data / "mintmark.db", timeout=30)
        db.executescript(self.CUT + where)
        db.close()

    def test_guards_are_put_back(self):
        """Also when one with their name does nothing."""
        i = self.issuer()
        for what in ("DROP TRIGGER audit_stays", "DROP TRIGGER audit_stands; "
                     "CREATE TRIGGER audit_stands BEFORE UPDATE ON audit "
                     "WHEN 0 BEGIN SELECT 1; END"):
            i.stop()
            db = sqlite3.connect(i.data / "mintmark.db")
            db.executescript(what)
            db.close()
            i.start()
            self.last(i, event="audit.mended", by="mintmarkd")
            i.stop()
            db = sqlite3.connect(i.data / "mintmark.db")
            for change in ("DELETE FROM audit", "UPDATE audit SET seq = 9"):
                with self.assertRaises(sqlite3.IntegrityError):
                    db.execute(change)
            db.close()
            i.start()
        self.assertEqual(len(lines(i, "--after", 3)), 2)
        cli("audit", "--verify", "--data", i.data, check=0)
        i.stop()
        db = sqlite3.connect(i.data / "mintmark.db")
        db.executescript("DROP TRIGGER audit_stays; CREATE TRIGGER full "
                         "BEFORE INSERT ON audit BEGIN SELECT "
                         "raise(ABORT, 'no room'); END")
        db.close()
        self.assertIn("cannot be put back: no room", i.refused())

    def test_the_beginning_is_cut(self):
        i = self.issuer()
        for _ in range(3):
            i.mint()
        self.cut(i, "seq < 5")
        for flags in ((), ("-o", "json"), ("--verify",), ("--after", 3)):
            p = cli("audit", "--data", i.data, *flags)
            self.assertEqual((p.returncode, p.stdout), (1, ""), flags)
            self.assertIn("begins at line 5, not at "
                          f"{4 if '--after' in flags else 1}:", p.stderr)
        self.assertEqual([line["seq"] for line in lines(i, "--after", 4)],
                         [5, 6])
        self.assertIn("from line 5 to 6", cli(
            "audit", "--verify", "--after", 4, "--data", i.data,
            check=0).stdout)

    def test_no_line_no_change(self):
        i, a = self.both()
        t = i.mint()
        i.stop()
        db = sqlite3.connect(i.data / "mintmark.db")
        db.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN "
                   "SELECT raise(ABORT, 'no room'); END")
        db.close()
        i.start()
        for method, path, body in (
                ("POST", "/v1/tokens", {"user": "bob", "expires_in": 60}),
                ("DELETE", f"/v1/tokens/{t['id']}", None),
                ("POST", f"/v1/tokens/{t['id']}/rotate", {}),
                ("DELETE", "/v1/users/alice/tokens", None)):
            status, reply, _ = i.http(method, path, body, local=True)
            self.assertGreaterEqual(status, 409, reply)
            self.assertNotIn("token", reply)
        shown = i.admin("GET", "/v1/tokens?status=all")["tokens"]
        self.assertEqual(sorted(s["user"] for s in shown), ["agent", "alice"])
        self.assertIsNone(a.reason(t["token"]))

    def test_follow(self):
        i = self.issuer()
        out = self.folder / "out"
        with out.open("wb") as f:
            p = subprocess.Popen([str(MINTMARK), "audit", "--follow", "-o",
                                  "json", "--data", str(i.data)], stdout=f)
        try:
            wait_for("the newest lines", lambda: "key.sign" in out.read_text())
            t = i.mint()
            wait_for("the next line", lambda: t["id"] in out.read_text())
        finally:
            p.kill()
            p.wait()

    def test_follow_sees_a_cut(self):
        """Also before there is a next line."""
        i = self.issuer()
        p = subprocess.Popen([str(MINTMARK), "audit", "--follow", "-o",
                              "json", "--data", str(i.data)], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            last = lines(i)[-1]["seq"]
            while json.loads(p.stdout.readline())["seq"] < last:
                pass
            self.cut(i, f"seq = {last}")
            _, said = p.communicate(timeout=10)
            self.assertEqual(p.returncode, 1, said)
            self.assertIn(f"line {last} is not there any more", said)
        finally:
            p.kill()
            p.wait()

    def test_wrong_flags(self):
        for flags in (("--follow", "--verify"), ("--head", "1:x"), ("file",),
                      ("--verify", "--head", "x", "file"),
                      ("--after", "x"), ("--verify", "--after", "1", "file"),
                      ("--verify", "/nowhere/audit")):
            p = cli("audit", "--data", self.folder, *flags)
            self.assertIn(p.returncode, (2, 3), (flags, p.stderr))
            self.assertEqual(p.stdout, "")


if __name__ == "__main__":
    main()
