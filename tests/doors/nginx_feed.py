#!/usr/bin/env python3
"""nginx_feed.py - nginx as a cache of the feed: deploy/nginx/feed.conf."""
import base64
import http.client
import json
import sqlite3
import threading
import time
import urllib.request

from doors import SLOW, Agent, Door, free_port, main, need_programs, wait_for
from nginx import start_nginx

AGENTS = 50


def payload(jws):
    middle = jws.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + b"=="))


class NginxFeed(Door):
    def listen(self):
        return f"unix:{self.folder}/auth.sock"

    def begin(self):
        metrics = free_port()
        self.metrics = f"http://127.0.0.1:{metrics}/metrics"
        self.i, self.a = self.both(
            agent_flags=["--listen", self.listen()],
            flags=["--metrics", f"127.0.0.1:{metrics}"])
        self.folder.chmod(0o755)
        cache = self.folder / "cache"
        cache.mkdir()
        cache.chmod(0o777)
        start_nginx(self, "feed.conf", lambda port: {
            "127.0.0.1:8086": f"127.0.0.1:{port}",
            "127.0.0.1:8080": f"127.0.0.1:{self.i.port}",
            "/var/cache/nginx/mintmark": cache})
        self.token = self.i.mint("agent", scopes=["mintmark:agent"])["token"]
        self.a.wait_reason(self.token, None)

    def get(self, path, token=None, method="GET"):
        """(status, bytes)"""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request(method, path, headers={
                "Authorization": f"Bearer {token}"} if token else {})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def head(self):
        return self.i.http("GET", "/health/ready")[1]["seq"]

    def metric(self, start):
        """The sum of the mint's samples that begin so."""
        with urllib.request.urlopen(self.metrics) as r:
            page = r.read().decode()
        return sum(float(line.split()[-1]) for line in page.splitlines()
                   if line.startswith(start))

    def asked(self, route="/v1/feed"):
        """How often the mint has answered this, to our agent, too."""
        return self.metric("mintmark_http_requests_total"
                           f'{{method="GET",route="{route}"')

    def waiting(self):
        """Polls that it holds."""
        return self.metric("mintmark_feed_polls_waiting")

    @staticmethod
    def at_second():
        """Until the next second begins: what comes then is in one."""
        time.sleep(1 - time.time() % 1)

    def crowd(self, path):
        """AGENTS ask at once, early in a second: threads, and their list of
        (status, bytes, when)."""
        answers = []

        def one():
            answers.append((*self.get(path, self.token), time.monotonic()))

        threads = [threading.Thread(target=one) for _ in range(AGENTS)]
        self.at_second()
        for t in threads:
            t.start()
        return threads, answers

    def test_a_crowd_is_one(self):
        self.begin()
        bad = self.i.mint()
        threads, answers = self.crowd(f"/v1/feed?after={self.head()}&wait=20")
        wait_for("the mint to hold a poll, and our agent's", lambda:
                 self.waiting() >= 2)
        time.sleep(1)  # for the last ones to be there
        before = self.asked()
        began = time.monotonic()
        self.i.revoke(bad["id"])
        for t in threads:
            t.join()
        self.assertEqual({a[0] for a in answers}, {200})
        self.assertEqual(len({a[1] for a in answers}), 1)
        self.assertEqual(len(answers), AGENTS)
        self.assertLess(max(a[2] for a in answers) - began, 1.5 * SLOW)
        # one for all (two if the second ended between them), and our agent's
        self.assertLessEqual(self.asked() - before, 3)

        # and the second time, when what was kept is too old
        path = f"/v1/feed?after={self.head()}&wait=1"
        for kept_until in (time.time(), time.time() + 5):
            time.sleep(max(0, kept_until - time.time()))
            before = self.asked()
            threads, answers = self.crowd(path)
            for t in threads:
                t.join()
            self.assertEqual({a[0] for a in answers}, {200})
            self.assertLessEqual(self.asked() - before, 3)

    def test_a_crowd_of_beginners(self):
        self.begin()
        before = self.asked("/v1/snapshot")
        threads, answers = self.crowd("/v1/snapshot")
        for t in threads:
            t.join()
        self.assertEqual({a[0] for a in answers}, {200})
        self.assertLessEqual(self.asked("/v1/snapshot") - before, 2)

    def test_who_may(self):
        self.begin()
        seq = self.head()
        some = self.i.mint(scopes=["photos:read"])["token"]
        gone = self.i.mint("agent", scopes=["mintmark:agent"])
        self.a.wait_reason(gone["token"], None)
        for path in (f"/v1/feed?after={seq - 1}&wait=0", "/v1/snapshot"):
            self.assertEqual(self.get(path, self.token)[0], 200)
            self.assertEqual(self.get(path, gone["token"])[0], 200)
        self.i.revoke(gone["id"])
        for _ in range(3):
            for path in (f"/v1/feed?after={seq - 1}&wait=0", "/v1/snapshot"):
                self.assertEqual(self.get(path, self.token)[0], 200)
                self.assertEqual(self.get(path, gone["token"])[0], 401)
                self.assertEqual(self.get(path, some)[0], 403)
                self.assertEqual(self.get(path)[0], 401)
        self.assertEqual(self.get("/v1/tokens", self.token)[0], 404)
        self.assertEqual(self.get("/v1/snapshot", self.token, "POST")[0], 403)
        # the mint is asked what the key says, and nothing else
        self.at_second()
        for query in (f"AFTER={seq}&after={seq - 1}", f"after={seq}"):
            status, jws = self.get(f"/v1/feed?{query}", self.token)
            self.assertEqual(status, 200)
            self.assertEqual(payload(jws)["after"], seq)
        self.assertEqual(self.get("/v1/feed?after=x", self.token)[0], 400)

    def test_nothing_bad_is_kept(self):
        self.begin()
        self.i.stop()
        for _ in range(2):
            self.assertIn(self.get("/v1/feed?after=1", self.token)[0],
                          (502, 503, 504))
        with sqlite3.connect(self.i.data / "mintmark.db") as db:
            db.execute("DELETE FROM event WHERE seq < "
                       "(SELECT max(seq) FROM event)")
        db.close()
        self.i.start()
        wait_for("the mint", lambda: self.get(
            f"/v1/feed?after={self.head()}", self.token)[0] == 200)
        before = self.asked()
        for n in range(3):
            self.assertEqual(self.get("/v1/feed?after=1", self.token)[0], 410)
        self.assertGreaterEqual(self.asked() - before, 3)

    def test_agents_follow_through_it(self):
        self.begin()
        leaves = []
        for n in range(3):
            leaf = Agent(self.folder, self.i, name=f"leaf{n}",
                         flags=["--feed-from", self.url])
            self.processes.append(leaf.start())
            leaves.append(leaf)
        for leaf in leaves:
            wait_for("it to follow through nginx", lambda leaf=leaf:
                     f'"feed.connected","issuer":"{self.url}"' in leaf.text())
        late = []
        for _ in range(3):
            t = self.i.mint()
            for leaf in leaves:
                leaf.wait_reason(t["token"], None)
            self.i.revoke(t["id"])
            began = time.monotonic()
            for leaf in leaves:
                leaf.wait_reason(t["token"], "revoked", 3)
            late.append(time.monotonic() - began)
        self.assertLess(max(late), 2 * SLOW)
        sliding = self.i.mint(auto_refresh=8)
        leaves[0].wait_reason(sliding["token"], None)
        self.assertEqual(leaves[0].verify(sliding["token"])[0], 0)
        wait_for("the mint to hear of it", lambda: self.i.admin(
            "GET", f"/v1/tokens/{sliding['id']}").get("last_used_at"), 10)


if __name__ == "__main__":
    need_programs("nginx")
    main()
