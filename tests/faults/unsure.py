#!/usr/bin/env python3
"""The connection breaks after PostgreSQL has committed and before it has said
so: who asked is told that nobody knows, and nothing is done a second time."""
import contextlib
import json
import socket
import tempfile
import threading

import bad_days  # noqa: F401 (where flow is)
from flow import Flow, main, wait_for
from postgres import Postgres


class Between:
    """What goes between mintmarkd and PostgreSQL goes through here."""

    def __init__(self, pg):
        self.pg = str(pg.folder / ".s.PGSQL.5432")
        self.folder = tempfile.TemporaryDirectory(prefix="mintmark-between-")
        self.mark, self.cuts, self.sockets = None, 0, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.folder.name + "/.s.PGSQL.5432")
        self.listener.listen()
        self.start(self.accept)

    @staticmethod
    def start(run, *args):
        threading.Thread(target=run, args=args, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                self.sockets += client, server
                server.connect(self.pg)
                held = threading.Event()
                self.start(self.ask, client, server, held)
                self.start(self.answer, client, server, held)

    def cut_after(self, mark):
        """The next COMMIT of a connection on which this was said."""
        self.mark = mark

    def ask(self, client, server, held):
        marked = False
        with contextlib.suppress(OSError):
            while said := client.recv(65536):
                marked |= self.mark is not None and self.mark in said
                if marked and b"COMMIT\0" in said:
                    self.mark = None
                    held.set()
                server.sendall(said)
        self.end(client, server)

    def answer(self, client, server, held):
        with contextlib.suppress(OSError):
            while said := server.recv(65536):
                if held.is_set():  # it is committed
                    self.cuts += 1
                    break
                client.sendall(said)
        self.end(client, server)

    @staticmethod
    def end(*sockets):
        for s in sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self):
        for s in (self.listener, *self.sockets):
            self.end(s)
            s.close()
        self.folder.cleanup()


class Unsure(Flow):
    def setUp(self):
        super().setUp()
        self.pg = Postgres()
        self.addCleanup(self.pg.end)
        self.pg.make()
        self.between = Between(self.pg)
        self.addCleanup(self.between.close)
        self.i = self.issuer(flags=(
            "--store", self.pg.url().replace(str(self.pg.folder),
                                             self.between.folder.name)))

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
