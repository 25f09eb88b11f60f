#!/usr/bin/env python3
"""A36: what was revoked stays so.  Another spelling of it, its uses, whatever
was made from it while it died, and ids that come again."""
import base64
import contextlib
import http.client
import sqlite3
import threading
import time

import paths  # noqa: F401
from agent import AgentDoor
from flow import Reader, main, wait_for
from key_compromise import b64, part
from web import basic, raw

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALPHABET = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            "0123456789-_")


def twins(token):
    """{what it is: the token in another spelling}"""
    head, body, sig = token.split(".")
    raw_sig = int.from_bytes(base64.urlsafe_b64decode(sig + "=="),
                             "big")
    r, s = raw_sig >> 256, raw_sig & ((1 << 256) - 1)
    last = ALPHABET.index(sig[-1])
    return {
        "the other s": f"{head}.{body}."
                       + b64((r << 256 | ORDER - s).to_bytes(64, "big")),
        "spare bits": token[:-1] + ALPHABET[last ^ 1],
        "padded": token + "==", "a dot": token + ".", "a line": token + "\n",
        "another alphabet": token.replace("-", "+").replace("_", "/") + "=="}


class Racers:
    """Threads that do work() again and again, until they are stopped."""

    def __init__(self, *works):
        self.over, self.failed, self.rounds = threading.Event(), [], 0
        self.threads = [threading.Thread(target=self.run, args=(w,), daemon=True)
                        for w in works]
        for t in self.threads:
            t.start()

    def run(self, work):
        while not self.over.is_set():
            try:
                work()
                self.rounds += 1
            except Exception as e:  # seen by stop()
                self.failed.append(e)
                return

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()
        assert not self.failed, self.failed


class Revived(AgentDoor):
    def entry(self, authorization):
        return raw(self.port, "GET /auth HTTP/1.1\r\nHost: x\r\nConnection: "
                   f"close\r\nAuthorization: {authorization}\r\n\r\n").status

    def test_A36_in_another_spelling(self):
        i, a = self.open()
        t = i.mint()
        other = twins(t["token"])
        self.assertEqual(a.reason(other["the other s"]), None, "a good twin")
        self.assertEqual(self.entry(f"Bearer {other['the other s']}"), 200)
        i.revoke(t["id"])
        a.wait_reason(t["token"], "revoked")
        for what, twin in other.items():
            self.assertIn(a.reason(twin.strip()), (
                "revoked", "malformed"), what)
            self.assertEqual(self.entry(basic("alice", twin)), 401, what)
            if "\n" not in twin:
                self.assertEqual(self.entry(f"Bearer {twin}"), 401, what)
        self.assertEqual(a.reason(other["the other s"]), "revoked")

    def report(self, agent, token_id, at):
        return self.i.http("POST", "/v1/uses", {"uses": [
            {"id": token_id, "at": at}]}, token=agent)[1]["accepted"]

    def test_A36_uses_race_the_revocation(self):
        """Reported late, or while it is being revoked: no use brings it
        back, at this agent or at one that begins now."""
        self.i, a = i, _ = self.open()
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        ts = [i.mint(auto_refresh=600, expires_in=3600) for _ in range(20)]
        time.sleep(1.1)
        reader = Reader(a.state)
        self.addCleanup(reader.close)
        lock = threading.Lock()

        def use():
            for t in ts:
                with lock:
                    reader.ask(t["token"])

        def tell():
            now = int(time.time())
            i.http("POST", "/v1/uses", {"uses": [
                {"id": t["id"], "at": now} for t in ts]}, token=agent)
        racers = Racers(use, tell, tell)
        try:
            for t in ts:
                i.revoke(t["id"])
            wait_for("all to be refused", lambda: all(
                a.reason(t["token"], "--no-use") == "revoked" for t in ts))
            rounds = racers.rounds
            wait_for("some more uses", lambda: racers.rounds > rounds + 20)
        finally:
            racers.stop()
        told = int(time.time())
        wait_for("a use that was not told yet", lambda: time.time() > told + 1)
        for t in ts:
            self.assertEqual(self.report(agent, t["id"], told + 1), 0)
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                             "revoked")
        b = self.agent(i, name="second")
        for t in ts:
            self.assertEqual(reader.ask(t["token"]), "revoked")
            self.assertEqual(b.reason(t["token"]), "revoked")
        a.stop()
        a.start()
        self.assertEqual({a.reason(t["token"]) for t in ts}, {"revoked"})

    def test_A36_what_it_makes_while_it_dies(self):
        """Its owner's tokens are all revoked; a thief mints, rotates and
        exchanges as fast as he can.  Nothing of it is alive afterwards."""
        self.i, a = i, _ = self.open()
        for _ in range(5):
            first = i.mint("alice", expires_in=3600)["token"]
            made, access = [first], []

            def mint():
                self.keep(made, i.http("POST", "/v1/tokens", {
                    "user": "alice", "expires_in": 600}, token=made[-1]))

            def rotate():
                self.keep(made, i.http("POST", "/v1/tokens/self/rotate", {},
                                       token=made[-1]))

            def exchange():
                status, reply, _ = i.exchange(made[-1], audience="files")
                if status == 200:
                    access.append(reply["access_token"])
            racers = Racers(mint, rotate, rotate, exchange)
            try:
                wait_for("a head start", lambda: len(made) > 6 and access)
                i.admin("DELETE", "/v1/users/alice/tokens")
            finally:
                racers.stop()
            alive = i.admin("GET", "/v1/tokens?user=alice&status=active")
            self.assertEqual(alive["tokens"], [])
            for t in made:
                self.assertEqual(i.http("GET", "/v1/me", token=t)[0], 401)
                a.wait_reason(t, "revoked")
            wait_for("the last access token to be refused", lambda: a.reason(
                access[-1], "--access-tokens", "--audience", "files"))
            self.assertEqual({a.reason(t, "--access-tokens", "--audience",
                                       "files") for t in access}, {"revoked"})

    @staticmethod
    def keep(made, answer):
        if answer[0] == 201:
            made.append(answer[1]["token"])

    def test_A36_ids_are_given_once(self):
        """Through crashes, revocations, and after rows were thrown away."""
        i = self.issuer()
        ids, lock = [], threading.Lock()

        def mint():
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, reply, _ = i.http("POST", "/v1/tokens", {
                    "user": "alice", "expires_in": 600}, local=True)
                if status == 201:
                    with lock:
                        ids.append(reply["id"])
        for n in range(3):
            had = len(ids)
            racers = Racers(mint, mint, mint, mint)
            try:
                wait_for("some tokens", lambda: len(ids) > had + 40)
                i.kill9()
            finally:
                racers.stop()
            if n == 1:  # as a purge of what nobody needs any more would
                with sqlite3.connect(i.data / "mintmark.db") as db:
                    self.assertGreater(
                        db.execute("DELETE FROM token").rowcount, 0)
                db.close()
            i.start()
            i.revoke(i.mint()["id"])
        ids += [i.mint()["id"] for _ in range(5)]
        self.assertEqual(len(ids), len(set(ids)))
        for t in ids[-5:]:
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t}")["status"],
                             "active")
        self.assertEqual(part(i.mint()["token"], 1)["jti"] in ids, False)


if __name__ == "__main__":
    main()
