#!/usr/bin/env python3
"""A mint came back from a backup: what was revoked since, the hosts hold still,
and it is revoked again by what they say."""
import contextlib
import pathlib
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from flow import AGENT, SLOW, Flow, cli, main, wait_for
from postgres import started


class Host(Flow):
    def held(self, state, code=0):
        """What a host holds: its lines; or, with another code, what is said."""
        p = subprocess.run([AGENT, "revoked", "--state", state],
                           capture_output=True, text=True, timeout=60 * SLOW)
        self.assertEqual(p.returncode, code, p.stderr)
        if code:
            self.assertEqual(p.stdout, "")
            return p.stderr
        ids = p.stdout.split()
        self.assertIn(f"{len(ids)} revoked tokens of {self.i.name}, as of event ",
                      p.stderr)
        return ids


class RevokedAgain(Host):
    flags = ()

    def back_up(self):
        with contextlib.closing(sqlite3.connect(self.i.data / "mintmark.db")) as db:
            db.execute(f"VACUUM INTO '{self.folder / 'backup.db'}'")

    def put_back(self):
        for f in self.i.data.glob("mintmark.db*"):
            f.unlink()
        shutil.copy(self.folder / "backup.db", self.i.data / "mintmark.db")

    def status(self, t):
        return self.i.admin("GET", f"/v1/tokens/{t['id']}")["status"]

    def rotate(self, t):
        return self.i.http("POST", "/v1/tokens/self/rotate", {},
                           token=t["token"])[0]

    def begin(self):
        """A backup, and what happened after it."""
        self.i = self.issuer(flags=self.flags)
        self.a = self.agent(self.i)
        self.good, self.held_on, *self.bad = [
            self.i.mint(auto_refresh=3600) if k == 2 else
            self.i.mint("bob", scopes=["mintmark:self"]) for k in range(6)]
        self.i.revoke(self.bad[-1]["id"])
        self.back_up()
        for t in self.bad[:-1]:
            self.i.revoke(t["id"])
        self.i.admin("POST", f"/v1/tokens/{self.held_on['id']}/suspend")
        self.lost = [self.i.mint("bob") for _ in range(5)]
        for t in self.lost:
            self.i.revoke(t["id"])
        self.a.wait_reason(self.lost[-1]["token"], "revoked")
        self.i.stop()
        self.put_back()

    def test_F16_what_hosts_hold_is_revoked_again(self):
        self.begin()
        known = {t["id"] for t in self.bad}
        before = self.held(self.a.state)
        self.assertEqual(set(before), known | {t["id"] for t in self.lost})
        self.i.start(flags=["--restored"])
        self.assertIn("mintmark-agent revoked", self.i.text())
        self.assertEqual(self.status(self.bad[1]), "active")
        fresh = self.i.mint()
        wait_for("the new history",
                 lambda: self.a.reason(fresh["token"]) is None, 60)

        # they say so still when they have come along, and up to three more at
        # the end of each list, which has been cut there
        after = self.held(self.a.state)
        self.assertLessEqual(known, set(after))
        self.assertLessEqual(len(after), len(known) + 2 * 3)
        p = cli("token", "revoke", "--stdin", "--data", self.i.data,
                stdin="\n".join(before + after), check=1)
        self.assertIn(f"{self.bad[1]['id']}: revoked\n", p.stdout)
        self.assertIn(f"{self.bad[-1]['id']}: revoked already\n", p.stdout)
        # what the backup lacks is no token, and is said
        self.assertIn(self.lost[-1]["id"], p.stderr)
        self.assertEqual(p.stdout.count("\n") + p.stderr.count("\n"),
                         len(before + after))
        self.assertEqual({self.status(t) for t in self.bad}, {"revoked"})
        self.assertEqual(self.rotate(self.bad[1]), 401)
        for t in (self.good, self.held_on):
            self.assertEqual(self.status(t), "active")
        self.assertEqual(self.rotate(self.good), 201)


class OnPostgres(RevokedAgain):
    """As SECURITY.md says of a database."""
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.flags = ("--store", self.pg.url())

    def back_up(self):
        self.pg.back_up()

    def put_back(self):
        self.pg.put_back()


class Printed(Host):
    def test_no_state(self):
        self.i = self.issuer()
        state = self.folder / "state"
        self.assertIn(f"there is no state at {state}", self.held(state, 1))
        state.write_bytes(b"x" * 8192)
        self.assertIn(str(state), self.held(state, 1))
        conf = self.folder / "agent.conf"
        conf.write_text("")
        p = subprocess.run([AGENT, "revoked", "--config", conf],
                           capture_output=True, text=True, env={})
        self.assertEqual(p.returncode, 2)
        self.assertIn("--state is missing", p.stderr)

    def test_no_later_event_is_claimed(self):
        """Of what is revoked while it prints, too: it says as of when it
        looked first."""
        self.i = self.issuer()
        a = self.agent(self.i)
        first = self.i.mint("first")
        for _ in range(2000):  # more than a pipe and a buffer take
            last = self.i.mint("bob")
        self.i.admin("DELETE", "/v1/users/bob/tokens")
        a.wait_reason(last["token"], "revoked")
        argv = [AGENT, "revoked", "--state", a.state]
        before = subprocess.run(argv, capture_output=True, text=True)
        with subprocess.Popen(argv, text=True, pipesize=4096,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as p:
            ids = p.stdout.read(1)  # it is behind the first
            self.i.revoke(first["id"])
            a.wait_reason(first["token"], "revoked")
            ids += p.stdout.read()
            said = p.stderr.read()
        self.assertEqual(ids, before.stdout)
        self.assertEqual(said, before.stderr)

    def test_nobody_takes_a_part_for_the_whole(self):
        self.i = self.issuer()
        a = self.agent(self.i)
        t = self.i.mint()
        self.i.revoke(t["id"])
        a.wait_reason(t["token"], "revoked")
        with open("/dev/full", "wb") as full:
            p = subprocess.run([AGENT, "revoked", "--state", a.state],
                               stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("not the whole", p.stderr)


if __name__ == "__main__":
    main()
