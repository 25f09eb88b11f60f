#!/usr/bin/env python3
"""Step 2, publish: keys, status lists, feed and snapshot; who may read them."""
import base64
import json
import resource
import signal
import socket
import time
import zlib

from flow import SLOW, Flow, led_on, main, wait_for


def part(jws, n):
    p = jws.split(".")[n]
    return base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))


def payload(raw):
    return json.loads(part(raw.decode(), 1))


def header(raw):
    return json.loads(part(raw.decode(), 0))


class Publish(Flow):
    def setUp(self):
        super().setUp()
        self.i = self.issuer()
        self.token = self.i.mint("agent", scopes=["mintmark:agent"])["token"]

    def get(self, path):
        return self.i.http("GET", path, token=self.token)

    def feed(self, after, wait=0):
        return self.get(f"/v1/feed?after={after}&wait={wait}")

    def status_of(self, token_id):
        lst, idx = map(int, token_id.split("."))
        status, raw, h = self.i.http("GET", f"/s/{lst}")
        self.assertEqual(status, 200)
        self.assertEqual(h["Content-Type"], "application/statuslist+jwt")
        p = payload(raw)
        self.assertEqual(header(raw)["typ"], "statuslist+jwt")
        self.assertEqual(p["sub"], f"{self.i.name}/s/{lst}")
        self.assertEqual(p["status_list"]["bits"], 2)
        z = p["status_list"]["lst"]
        bits = zlib.decompress(base64.urlsafe_b64decode(z + "=" * (-len(z) % 4)))
        self.assertEqual(len(bits), 2 ** 20 // 4)
        return bits[idx // 4] >> 2 * (idx % 4) & 3

    def test_public_things(self):
        status, jwks, h = self.i.http("GET", "/.well-known/jwks.json")
        self.assertEqual(status, 200)
        self.assertEqual(len(jwks["keys"]), 2)  # active and next
        for k in jwks["keys"]:
            self.assertEqual((k["kty"], k["alg"], k["use"]), ("EC", "ES256", "sig"))
            self.assertNotIn("d", k)
        for path in ("/health/live", "/health/ready", "/version"):
            self.assertEqual(self.i.http("GET", path)[0], 200, path)
        self.assertIn(b"<html", self.i.http("GET", "/console/")[1])
        self.assertEqual(self.i.http("GET", "/s/999")[0], 404)
        self.assertEqual(self.i.http("GET", "/s/x")[0], 404)

    def test_status_lists_follow_in_a_moment(self):
        t = self.i.mint()["id"]
        for change, status in ((None, 0), ("suspend", 2), ("reinstate", 0),
                               ("revoke", 1)):
            if change == "revoke":
                self.i.revoke(t)
            elif change:
                self.i.admin("POST", f"/v1/tokens/{t}/{change}")
            wait_for(f"the list to say {status}",
                     lambda s=status: self.status_of(t) == s, 1 * SLOW)

    def test_strangers_do_not_set_the_pace(self):
        """However much changes: a list that all the world may ask for is
        packed and signed a few times a second."""
        tokens = [self.i.mint()["id"] for _ in range(40)]
        seen, begin = set(), time.monotonic()
        for t in tokens:
            self.i.revoke(t)
            seen.add(self.i.http("GET", f"/s/{t.split('.')[0]}")[1])
        most = (time.monotonic() - begin) / .25 + 2
        self.assertLessEqual(len(seen), most)
        self.assertLess(most, len(tokens), "too slow to tell")

    def test_the_feed_tells_events_in_order(self):
        t = self.i.mint()["id"]
        snap = payload(self.get("/v1/snapshot")[1])
        self.assertEqual(snap["iss"], self.i.name)
        self.i.admin("POST", f"/v1/tokens/{t}/suspend")
        self.i.revoke(t)
        status, raw, h = self.feed(snap["seq"])
        b = payload(raw)
        self.assertEqual((status, header(raw)["typ"]), (200, "mintmark-feed+jwt"))
        self.assertEqual((b["after"], b["seq"]), (snap["seq"], snap["seq"] + 2))
        self.assertEqual([e["seq"] for e in b["events"]],
                         [snap["seq"] + 1, snap["seq"] + 2])
        lst, idx = map(int, t.split("."))
        self.assertEqual([(e["type"], e["list"], e["idx"], e["value"])
                          for e in b["events"]],
                         [("status", lst, idx, 2), ("status", lst, idx, 1)])
        self.assertEqual(b["epoch"], snap["epoch"])
        # the same bytes for everybody at the same sequence
        self.assertEqual(self.feed(snap["seq"])[1], raw)
        # from the very beginning, without gaps
        everything = payload(self.feed(0)[1])["events"]
        self.assertEqual([e["seq"] for e in everything],
                         list(range(1, snap["seq"] + 3)))

    def test_F16_every_answer_says_which_history_it_ends(self):
        """As PROTOCOL.md has it, from what stands in the batches; and after
        a restart, which reads it from the store, no other one."""
        t = self.i.mint()["id"]
        self.i.admin("POST", f"/v1/tokens/{t}/suspend")
        self.i.revoke(t)
        raw = part(self.feed(0)[1].decode(), 1).decode()
        b = json.loads(raw)
        history, led = "", []
        for e in b["events"]:
            self.assertIn(json.dumps(e, separators=(",", ":")), raw)
            history = led_on(history, e)
            led.append(history)
        self.assertEqual(b["history"], history)
        self.assertNotEqual(led[-1], led[-2])
        for again in (False, True):
            if again:
                self.i.stop()
                self.i.start()
            said = [payload(self.get(path)[1]) for path in (
                "/v1/snapshot", f"/v1/feed?after={b['seq']}&wait=0",
                f"/v1/feed?after={b['seq'] - 1}&wait=0")]
            self.assertEqual([(p["seq"], p["history"]) for p in said],
                             3 * [(b["seq"], history)])
        self.i.revoke(self.i.mint()["id"])  # and on from there
        p = payload(self.feed(b["seq"])[1])
        self.assertEqual(p["history"], led_on(history, p["events"][0]))

    def test_heartbeat_and_long_poll(self):
        head = payload(self.get("/v1/snapshot")[1])["seq"]
        b = payload(self.feed(head)[1])
        self.assertEqual((b["events"], b["seq"]), ([], head))
        begun = time.monotonic()
        b = payload(self.feed(head, wait=1)[1])
        self.assertGreaterEqual(time.monotonic() - begun, 0.9)
        self.assertEqual(b["events"], [])
        import threading
        t = self.i.mint()["id"]
        threading.Timer(0.3, self.i.revoke, (t,)).start()
        begun = time.monotonic()
        b = payload(self.feed(head, wait=20)[1])
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual(len(b["events"]), 1)

    def crowd(self, count):
        """Connections that agents could poll over."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (min(max(soft, count + 100), hard), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        agents = [socket.create_connection(("127.0.0.1", self.i.port), 30 * SLOW)
                  for _ in range(count)]
        for a in agents:
            self.addCleanup(a.close)
        return agents

    def poll_at_once(self, agents, after, wait):
        """All polls are there before mintmarkd sees the first."""
        request = (f"GET /v1/feed?after={after}&wait={wait} HTTP/1.1\r\n"
                   f"Host: h\r\nAuthorization: Bearer {self.token}\r\n\r\n")
        self.i.proc.send_signal(signal.SIGSTOP)
        for a in agents:
            a.sendall(request.encode())
        self.i.proc.send_signal(signal.SIGCONT)

    def answers(self, agents):
        """The status of each, and the events that it was told."""
        for a in agents:
            raw = b""
            while b"\r\n\r\n" not in raw:
                piece = a.recv(65536)
                self.assertTrue(piece, "no answer")
                raw += piece
            head, body = raw.split(b"\r\n\r\n", 1)
            length = int(head.lower().split(b"content-length:")[1].split()[0])
            while len(body) < length:
                body += a.recv(65536)
            status = int(head.split()[1])
            yield status, payload(body)["events"] if status == 200 else []

    def test_no_agent_of_a_crowd_is_sent_away(self):
        agents = self.crowd(900)
        head = payload(self.get("/v1/snapshot")[1])["seq"]
        t = self.i.mint()["id"]
        self.poll_at_once(agents, head, 0)
        self.assertEqual({status for status, _ in self.answers(agents)}, {200})
        self.poll_at_once(agents, head, 25)
        self.assertEqual(self.i.http("GET", "/.well-known/jwks.json")[0], 200)
        self.i.revoke(t)
        told = [(status, len(events)) for status, events in self.answers(agents)]
        self.assertEqual(set(told), {(200, 1)})

    def test_who_may_read_the_feed(self):
        other = self.i.mint("alice")["token"]
        for path in ("/v1/feed?after=0", "/v1/snapshot"):
            self.assertEqual(self.i.http("GET", path)[0], 401)
            self.assertEqual(self.i.http("GET", path, token=other)[0], 403)
            self.assertEqual(self.get(path)[0], 200)

    def test_bad_questions(self):
        for path, want in (("/v1/feed", 400), ("/v1/feed?after=-1", 400),
                           ("/v1/feed?after=x", 400),
                           ("/v1/feed?after=1&wait=999", 400),
                           ("/v1/feed?after=99999999999999999999", 400),
                           ("/v1/nothing", 404), ("/v1/tokens?status=x", 400),
                           ("/v1/tokens?limit=0", 400),
                           ("/v1/tokens?cursor=zz", 400)):
            token = self.i.mint("root", scopes=["mintmark:admin"])["token"]
            status, reply, h = self.i.http("GET", path, token=token)
            self.assertEqual(status, want, path)
            self.assertEqual(h["Content-Type"], "application/problem+json")
            self.assertEqual(reply["status"], want)
        status, reply, h = self.i.http("PUT", "/v1/tokens", local=True)
        self.assertEqual(status, 405)
        self.assertIn("POST", h["Allow"])

    def test_what_cannot_be_followed_is_not_signed(self):
        """A log that cannot be read must not look fresh; revoked is stale."""
        a = self.agent(self.i, flags=["--max-staleness", f"{4 * SLOW:.0f}s"])
        t = self.i.mint()
        admin = self.i.mint("root", scopes=["mintmark:admin"])
        a.wait_reason(t["token"], None)

        def damage(*statements):
            import sqlite3
            with sqlite3.connect(self.i.data / "mintmark.db", timeout=10) as db:
                for statement in statements:
                    db.execute(statement)
            db.close()

        damage("CREATE TABLE spare AS SELECT kid, jwk FROM key",
               "UPDATE key SET jwk = 'x'", "UPDATE head SET seq = seq + 1",
               "INSERT INTO event(seq, at, body) SELECT seq, 0, 'x' FROM head")
        wait_for("it to notice", lambda: self.i.http("GET", "/health/ready")[0] == 503)
        self.assertFalse(self.i.revoke(t["id"])["published"])
        self.assertFalse(self.i.revoke(admin["id"])["published"])
        for path in ("/v1/snapshot", "/v1/feed?after=0"):
            self.assertNotEqual(self.get(path)[0], 200, path)
        self.assertNotEqual(
            self.i.http("GET", "/v1/users", token=admin["token"])[0], 200)
        a.wait_reason(t["token"], "stale", 12)
        damage("UPDATE key SET jwk = (SELECT jwk FROM spare WHERE spare.kid = key.kid)",
               "DROP TABLE spare")
        a.wait_reason(t["token"], "revoked", 60)

    def test_a_place_no_longer_kept_is_gone(self):
        self.i.stop()
        import sqlite3
        with sqlite3.connect(self.i.data / "mintmark.db") as db:
            db.execute("DELETE FROM event WHERE seq < 10")
        db.close()
        self.i.start()
        self.assertEqual(self.feed(3)[0], 410)
        self.assertEqual(self.feed(9)[0], 200)


if __name__ == "__main__":
    main(at_once=2)
