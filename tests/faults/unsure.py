#!/usr/bin/env python3
"""The connection breaks after PostgreSQL has committed and before it has said
so: who asked is told that nobody knows, and nothing is done a second time."""
import json

from bad_days import Wire
from flow import Flow, main, wait_for
from postgres import started


class Between(Wire):
    """It ends a connection when PostgreSQL has done a COMMIT of it."""

    def __init__(self, port):
        self.mark, self.marked, self.committed, self.cuts = None, set(), set(), 0
        super().__init__(port)

    def cut_after(self, mark):
        """The next COMMIT of a connection on which this was said."""
        self.mark = mark

    def passes(self, pair, data, there):
        if there and self.mark and self.mark in data:
            self.marked.add(pair)
        if there and pair in self.marked and b"COMMIT\0" in data:
            self.mark = None
            self.committed.add(pair)
        elif not there and pair in self.committed:
            self.cuts += 1
            raise ConnectionError
        return True


class Unsure(Flow):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.between = Between(self.pg.socket())
        self.addCleanup(self.between.close)
        self.i = self.issuer(flags=("--store", "postgresql://127.0.0.1:"
                                    f"{self.between.port}/postgres?user=mintmark"))

    def audit(self, event, word):
        lines = [json.loads(line) for line, in self.pg.ask(
            "SELECT line FROM mintmark.audit ORDER BY seq")]
        return [a for a in lines if a["event"] == event and word in str(a)]

    def no_gaps(self):
        seqs = [int(s) for s, in self.pg.ask(
            "SELECT seq FROM mintmark.event ORDER BY seq")]
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))

    def asked(self, method, path, body=None):
        status, reply, _ = self.i.http(method, path, body, local=True)
        self.assertEqual(self.between.cuts, 1)
        self.assertEqual((status, reply["reason"]), (503, "unsure"), reply)
        return reply["detail"]

    def test_F14_the_connection_breaks_at_a_mint(self):
        self.between.cut_after(b"somebody")
        said = self.asked("POST", "/v1/tokens", {"user": "somebody", "expires_in": 60})
        self.assertIn("may have been made, or not", said)
        t, = self.i.admin("GET", "/v1/tokens?user=somebody")["tokens"]
        self.assertEqual(len(self.audit("token.mint", "somebody")), 1)
        self.assertNotEqual(self.i.mint("somebody")["id"], t["id"])
        self.no_gaps()

    def test_F14_with_a_key_it_is_asked_again(self):
        """It is there, and is the same one."""
        self.between.cut_after(b"somebody")
        ask = ("POST", "/v1/tokens", {"user": "somebody", "expires_in": 60})
        key = {"Idempotency-Key": "once"}
        status = self.i.http(*ask, local=True, headers=key)[0]
        self.assertEqual((status, self.between.cuts), (503, 1))
        status, reply, _ = self.i.http(*ask, local=True, headers=key)
        self.assertEqual(status, 201, reply)
        t, = self.i.admin("GET", "/v1/tokens?user=somebody")["tokens"]
        self.assertEqual(t["id"], reply["id"])

    def test_F14_the_connection_breaks_at_a_revocation(self):
        t = self.i.mint()
        a = self.agent(self.i)
        a.wait_reason(t["token"], None)
        self.between.cut_after(b"token.revoke")
        said = self.asked("DELETE", f"/v1/tokens/{t['id']}")
        self.assertIn("may have been done, or not", said)
        a.wait_reason(t["token"], "revoked")
        self.i.revoke(t["id"])  # asked again, as it said
        self.assertEqual(len(self.audit("token.revoke", t["id"])), 1)
        self.no_gaps()
        wait_for("it to be well", self.i.ready)


if __name__ == "__main__":
    main()
