#!/usr/bin/env python3
"""Metrics and health: what is done moves the numbers that it should, by as much
as it should, and no other; and health says what does not work."""
import contextlib
import http.client
import json
import re
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request

from flow import SLOW, TOP, Flow, cli, free_port, main, wait_for

SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# They go by themselves: clocks, threads, and the disk.
RESTLESS = re.compile(r"_(bucket|sum|count|busy|queued|waiting|bytes)$"
                      r"|_age_seconds$")


def parse(page):
    """{"name{label=value,...}": number}; labels in their order."""
    samples = {}
    for line in page.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        key = ",".join(f"{k}={v}" for k, v in LABEL.findall(labels or ""))
        key = f"{name}{{{key}}}" if key else name
        assert key not in samples, f"twice: {key}"
        samples[key] = float(value)
    return samples


def fetch(url):
    """(status, text)"""
    try:
        with urllib.request.urlopen(url, timeout=30) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


class Page:
    """The metrics of one daemon."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.port = free_port()
        self.flags = ["--metrics", f"127.0.0.1:{self.port}"]

    def text(self):
        status, text = fetch(f"http://127.0.0.1:{self.port}/metrics")
        assert status == 200, text
        return text

    def all(self):
        return {k.removeprefix(self.prefix): v
                for k, v in parse(self.text()).items()}

    def __getitem__(self, key):
        return self.all().get(key)


class Metrics(Flow):
    def setUp(self):
        super().setUp()
        self.mint = Page("mintmark_")
        self.host = Page("mintmark_agent_")
        self.door = free_port()
        self.i = self.issuer(flags=self.mint.flags)
        self.wait_shown(self.i)

    def wait_shown(self, daemon):
        """It is ready a moment before its metrics are."""
        wait_for("the metrics", lambda: '"metrics.start"' in daemon.text())

    def start_agent(self, *flags, page=None, **kw):
        a = self.agent(self.i, flags=[
            *(page or self.host).flags, "--listen", f"127.0.0.1:{self.door}",
            *flags], **kw)
        self.wait_shown(a)
        wait_for("the agent to follow", lambda: "feed.connected" in a.text())
        return a

    def counted(self):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.i.data}/mintmark.db?mode=ro", uri=True)) as db:
            total, live = db.execute(
                "SELECT count(*), coalesce(sum(status = 0 AND dies_at > ?), 0)"
                " FROM token", (int(time.time()),)).fetchone()
        now = self.mint.all()
        return (now["tokens{state=all}"], now["tokens{state=live}"]) == (total, live)

    @contextlib.contextmanager
    def moves(self, page, expected):
        """Of what stands still by itself, just these move, by so much; though
        perhaps not at once: tokens are counted when there is time."""
        if page is self.mint:
            wait_for("the tokens to be counted", self.counted)
        before = page.all()
        yield

        def moved():
            after = page.all()
            self.assertLessEqual(set(before), set(after))
            return {k: v - before.get(k, 0) for k, v in after.items()
                    if v != before.get(k, 0)
                    and not RESTLESS.search(k.split("{")[0])}
        with contextlib.suppress(AssertionError):
            wait_for("it", lambda: moved() == expected, 20)
        self.assertEqual(moved(), expected)

    def asked(self, method, route, status="2xx"):
        return (f"http_requests_total{{method={method},route={route},"
                f"status={status}}}")

    def ask_door(self, token=None, path="/auth"):
        c = http.client.HTTPConnection("127.0.0.1", self.door, timeout=30)
        try:
            # as the proxies do it that ask so
            headers = {"X-Mintmark-Need": "from=127.0.0.1"} if (
                path.startswith("/auth/")) else {}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            c.request("GET", path, headers=headers)
            r = c.getresponse()
            r.read()
            return r.status
        finally:
            c.close()

    # ---- the mint ----

    def test_what_is_minted_and_changed(self):
        mint = {self.asked("POST", "/v1/tokens"): 1,
                "tokens{state=live}": 1, "tokens{state=all}": 1}
        with self.moves(self.mint, {**mint, "tokens_minted_total{model=fixed}": 1}):
            t = self.i.mint(label="a secret label")
        with self.moves(self.mint, {
                **mint, "tokens_minted_total{model=auto_refresh}": 1}):
            other = self.i.mint(auto_refresh=3600)
        for verb, change, live in (("suspend", "suspended", -1),
                                   ("reinstate", "reinstated", 1)):
            with self.moves(self.mint, {
                    self.asked("POST", f"/v1/tokens/{{}}/{verb}"): 1,
                    f"token_changes_total{{change={change}}}": 1,
                    "tokens{state=live}": live, "feed_sequence": 1}):
                self.i.admin("POST", f"/v1/tokens/{t['id']}/{verb}")
        with self.moves(self.mint, {
                self.asked("POST", "/v1/tokens/{}/rotate"): 1,
                "token_changes_total{change=rotated}": 1,
                "tokens_minted_total{model=fixed}": 1,
                "tokens{state=all}": 1, "feed_sequence": 1}):
            t = self.i.admin("POST", f"/v1/tokens/{t['id']}/rotate")
        revoke = {self.asked("DELETE", "/v1/tokens/{}"): 1}
        with self.moves(self.mint, {
                **revoke, "token_changes_total{change=revoked}": 1,
                "tokens{state=live}": -1, "feed_sequence": 1}):
            self.i.revoke(other["id"])
        with self.moves(self.mint, revoke):
            self.i.revoke(other["id"])  # it was, already
        self.i.mint(), self.i.mint()
        with self.moves(self.mint, {
                self.asked("DELETE", "/v1/users/{}/tokens"): 1,
                "token_changes_total{change=revoked}": 3,
                "tokens{state=live}": -3, "feed_sequence": 3}):
            self.i.admin("DELETE", "/v1/users/alice/tokens")

    def test_what_is_exchanged(self):
        t = self.i.mint()["token"]
        with self.moves(self.mint, {
                self.asked("POST", "/oauth/token"): 1,
                "tokens_minted_total{model=access_token}": 1}):
            self.assertEqual(self.i.exchange(t, audience="files")[0], 200)
        with self.moves(self.mint, {
                self.asked("POST", "/oauth/revoke"): 1, "feed_sequence": 1,
                "token_changes_total{change=revoked}": 1,
                "tokens{state=live}": -1}):
            self.i.form("/oauth/revoke", {"token": t})
        with self.moves(self.mint, {
                self.asked("POST", "/oauth/token", "4xx"): 1,
                "refusals_total{reason=revoked}": 1}):
            self.assertEqual(self.i.exchange(t, audience="files")[0], 400)

    def test_what_is_swept(self):
        with self.moves(self.mint, {
                self.asked("POST", "/v1/tokens"): 1, "feed_sequence": 1,
                "tokens_minted_total{model=auto_refresh}": 1,
                "token_changes_total{change=swept}": 1,
                "tokens{state=all}": 1}):
            self.i.mint(auto_refresh=1)
            wait_for("the sweeper", lambda: self.mint[
                "token_changes_total{change=swept}"] == 1)

    def test_who_is_refused(self):
        live, dead, other = (self.i.mint(scopes=["photos:read"])
                             for _ in range(3))
        self.i.revoke(dead["id"])
        self.i.admin("POST", f"/v1/tokens/{other['id']}/suspend")
        for token, reason in ((dead["token"], "revoked"), ("x", "malformed"),
                              (other["token"], "suspended"),
                              (live["token"][:-8] + "AAAAAAAA", "bad_signature"),
                              (live["token"], "insufficient_scope")):
            with self.moves(self.mint, {
                    self.asked("GET", "/v1/tokens", "4xx"): 1,
                    f"refusals_total{{reason={reason}}}": 1}):
                self.i.http("GET", "/v1/tokens", token=token)
        with self.moves(self.mint, {self.asked("GET", "/v1/tokens", "4xx"): 1}):
            self.i.http("GET", "/v1/tokens")  # nobody is refused
        with self.moves(self.mint, {self.asked("none", "none", "4xx"): 2}):
            self.i.http("GET", "/v1/nothing/alice")
            self.i.http("PUT", "/v1/tokens")

    def test_no_page_says_too_much(self):
        self.start_agent()
        t = self.i.mint("mallory", label="labelled", scopes=["photos:read"])
        self.i.http("GET", f"/v1/tokens/{t['id']}", token=t["token"])
        self.i.http("GET", "/nowhere/mallory?token=" + t["token"])
        self.ask_door(t["token"])
        self.ask_door(t["token"], "/auth/mallory")
        for page in (self.mint, self.host):
            text = page.text()
            for never in ("mallory", "labelled", "photos", t["token"][:20],
                          "nowhere", "127.0.0.1"):
                self.assertNotIn(never, text)
            self.assertNotIn(t["id"], [v for _, v in LABEL.findall(text)])

    def test_keys(self):
        self.assertEqual([self.mint[f"keys{{state={s}}}"]
                          for s in ("next", "active", "retiring")], [1, 1, 0])
        cli("key", "rotate", "--now", "--data", self.i.data, check=0)
        self.i.admin("POST", "/v1/keys/reload", {})
        self.assertEqual([self.mint[f"keys{{state={s}}}"]
                          for s in ("next", "active", "retiring")], [1, 1, 1])
        for key in (self.i.data / "keys").glob("*/*.pem"):
            age = self.mint[f"key_age_seconds{{kid={key.stem},"
                            f"state={key.parent.name}}}"]
            self.assertTrue(0 <= age < 600, age)

    def test_agents_and_their_lag(self):
        self.assertEqual(self.mint["agents_connected"], 0)
        a = self.start_agent()
        second = Page("mintmark_agent_")
        self.door = free_port()
        b = self.start_agent(name="second", page=second)
        t = [self.i.mint()["id"] for _ in range(4)]
        self.i.revoke(t[0])
        wait_for("both to have all", lambda: self.mint["agents_lag_events"] == 0)
        self.assertEqual(self.mint["agents_connected"], 2)
        for page in (self.host, second):
            self.assertEqual(page["feed_sequence"], self.mint["feed_sequence"])
        b.freeze()
        for x in t[1:]:
            self.i.revoke(x)
        wait_for("a lag of three", lambda: self.mint["agents_lag_events"] == 3)
        self.assertEqual(self.mint["agents_connected"], 2)
        b.proc.send_signal(signal.SIGCONT)
        wait_for("none", lambda: self.mint["agents_lag_events"] == 0)
        self.assertTrue(a.alive())

    # ---- the agent ----

    def test_what_the_door_is_asked(self):
        self.start_agent()
        t = self.i.mint(scopes=["photos:read"])
        dead = self.i.mint()
        self.i.revoke(dead["id"])
        for token, path, status, route, result in (
                (t["token"], "/auth", "2xx", "/auth", "ok"),
                (t["token"], "/auth/a/b", "2xx", "/auth/*", "ok"),
                (dead["token"], "/auth", "4xx", "/auth", "revoked"),
                ("x", "/auth/", "4xx", "/auth/*", "malformed"),
                (None, "/auth", "4xx", "/auth", "unauthenticated"),
                (t["token"], "/auth?scope=a", "4xx", "/auth",
                 "insufficient_scope"),
                (t["token"], "/auth?scop=a", "5xx", "/auth", "misconfigured")):
            method = "*" if "*" in route else "GET"
            with self.moves(self.host, {
                    self.asked(method, route, status): 1,
                    f"verifies_total{{door={route},result={result}}}": 1}):
                self.ask_door(token, path)
        self.assertEqual(self.host["http_request_duration_seconds_count"
                                   "{method=GET,route=/auth}"], 5)

    def test_uses(self):
        self.start_agent()
        t = self.i.mint(auto_refresh=16)["token"]
        # one dated at the mint's own second would be no news
        wait_for("a use", lambda: self.ask_door(t) == 200
                 and self.host["uses_waiting"] == 1)
        wait_for("its report", lambda: self.host["uses_reported_total"] == 1, 20)
        wait_for("none to wait", lambda: self.host["uses_waiting"] == 0)
        self.assertEqual(self.mint["uses_total{result=taken}"], 1)
        self.assertEqual(self.mint["uses_total{result=refused}"], 0)

    def ready(self, port):
        status, text = fetch(f"http://127.0.0.1:{port}/health/ready")
        reply = json.loads(text)
        good = all(c["status"] == "ok" for c in reply["checks"].values())
        self.assertEqual((status, reply["status"]),
                         (200, "ok") if good else (503, "failing"))
        for check in reply["checks"].values():
            self.assertEqual("do" in check, check["status"] != "ok")
        return {k for k, c in reply["checks"].items() if c["status"] != "ok"}

    def test_an_agent_that_is_cut_off(self):
        stale = int(4 * SLOW)
        self.start_agent("--max-staleness", f"{stale}s")
        wait_for("it to be ready", lambda: self.ready(self.door) == set())
        self.assertEqual((self.host["stale"], self.host["feed_connected"],
                          self.host["max_staleness_seconds"]), (0, 1, stale))
        self.i.stop()
        wait_for("it to be stale", lambda: self.host["stale"] == 1, 20)
        self.assertGreater(self.host["feed_age_seconds"], stale)
        self.assertEqual(self.host["feed_connected"], 0)
        self.assertGreater(self.host["feed_failures_total"], 0)
        wait_for("the door to say so, too",
                 lambda: self.ready(self.door) == {"state"})
        self.i.start()
        wait_for("it to be fresh", lambda: self.host["stale"] == 0, 40)
        self.assertEqual(self.host["feed_connects_total"], 2)
        self.assertEqual(self.host["feed_connected"], 1)
        wait_for("it to be ready", lambda: self.ready(self.door) == set())
        self.assertEqual(fetch(f"http://127.0.0.1:{self.door}/health/live")[0], 200)

    def test_an_agent_that_hears_nothing(self):
        a = self.start_agent()
        self.assertEqual(self.host["uses_heard"], 1)
        (a.state.parent / f"{a.state.name}.sock").unlink()
        self.assertEqual(self.host["uses_heard"], 0)
        self.assertEqual(self.ready(self.door), {"uses"})

    def test_an_agent_without_a_door(self):
        a = self.agent(self.i, flags=self.host.flags)
        self.wait_shown(a)
        wait_for("the agent to follow", lambda: "feed.connected" in a.text())
        self.assertEqual(self.host["stale"], 0)
        self.assertFalse([k for k in self.host.all() if "verifies" in k])

    # ---- health of the mint ----

    def test_a_store_that_cannot_be_written(self):
        self.assertEqual(self.ready(self.i.port), set())
        self.assertEqual(self.mint["health_check{check=store_write}"], 1)
        db = sqlite3.connect(self.i.data / "mintmark.db", timeout=20,
                             isolation_level=None)
        db.execute("BEGIN IMMEDIATE")  # as a careless administrator would
        wait_for("it to be noticed",
                 lambda: self.ready(self.i.port) == {"store_write"}, 40)
        self.assertEqual(self.mint["health_check{check=store_write}"], 0)
        self.assertEqual(self.mint["health_check{check=signing}"], 1)
        self.assertEqual(fetch(f"{self.i.url}/health/live")[0], 200)
        db.execute("ROLLBACK")
        db.close()
        wait_for("it to be good again",
                 lambda: self.ready(self.i.port) == set(), 40)
        said = [json.loads(l)["event"] for l in self.i.text().splitlines()
                if '"health.' in l]
        self.assertEqual(said, ["health.failing", "health.good"])

    # ---- the pages ----

    def documented(self, prefix):
        """The rows of docs/metrics.md: [(name, type, help)], and labels."""
        rows, labels = [], {}
        for line in (TOP / "docs/metrics.md").read_text().splitlines():
            m = re.match(r"\| `(mintmark_\w+)` \| (\w+) \| (.*) \| (.*) \|$", line)
            if m and m[1].startswith("mintmark_agent_") == (
                    prefix == "mintmark_agent_"):
                rows.append((m[1], m[2], m[4]))
                labels[m[1]] = re.findall(r"`(\w+)`", m[3])
        return rows, labels

    def test_a_relay(self):
        """Who waits, who was answered, and from where."""
        port = free_port()
        relay = Page("mintmark_agent_")
        a = self.start_agent("--serve-feed", f"127.0.0.1:{port}", page=relay)
        url = f"http://127.0.0.1:{port}"
        asked = ('relay_requests_total{method=GET,route=/v1/feed,status=%s}')

        def ask(query, status):
            wait_for(f"{query} to be answered {status}", lambda: self.ask_relay(
                url + "/v1/feed?" + query, a) == status)
        ask("after=0", 200)  # upstream, unless it is there by now
        seq = int(relay["feed_sequence"])
        ask(f"after={seq}", 200)
        with self.moves(relay, {asked % "2xx": 1,
                                "relay_answers_total{source=kept}": 1}):
            ask(f"after={seq}", 200)
        with self.moves(relay, {asked % "2xx": 1,
                                "relay_answers_total{source=upstream}": 1}):
            ask("after=0", 200)
        with self.moves(relay, {asked % "4xx": 1}):
            ask("after=x", 400)
        threads = [threading.Thread(target=ask, args=(
            f"after={seq}&wait=20", 200)) for _ in range(3)]
        for t in threads:
            t.start()
        wait_for("three to wait", lambda: relay["relay_agents_waiting"] == 3)
        self.i.revoke(self.i.mint()["id"])
        for t in threads:
            t.join()
        self.assertEqual(relay["relay_agents_waiting"], 0)

    def ask_relay(self, url, agent):
        rq = urllib.request.Request(url, headers={
            "Authorization": f"Bearer {agent.token_file.read_text().strip()}"})
        return fetch(rq)[0]

    def test_documents_say_the_same(self):
        port = free_port()
        a = self.start_agent("--serve-feed", f"127.0.0.1:{port}")
        self.ask_door()
        wait_for("the relay", lambda: self.ask_relay(
            f"http://127.0.0.1:{port}/v1/feed?after=0", a) == 200)
        self.i.mint()
        for page in (self.mint, self.host):
            rows, labels = self.documented(page.prefix)
            text = page.text()
            self.assertEqual(rows, [
                (name, kind, words) for name, words, kind in re.findall(
                    r"# HELP (\w+) (.*)\n# TYPE \1 (\w+)\n", text)])
            seen = set()
            for key in parse(text):
                name, _, rest = key.partition("{")
                if name not in labels:
                    name = re.sub("_(bucket|sum|count)$", "", name)
                seen.add(name)
                self.assertEqual([k for k in re.findall(r"(\w+)=", rest)
                                  if k != "le"], labels[name], key)
            self.assertEqual(seen, set(labels))  # each has a sample

    def test_promtool(self):
        self.start_agent()
        self.ask_door()
        self.ask_door("x", "/auth/")
        self.i.exchange(self.i.mint()["token"], audience="files")
        self.i.http("GET", "/nowhere")
        for page in (self.mint, self.host):
            p = subprocess.run(["promtool", "check", "metrics"], text=True,
                               input=page.text(), capture_output=True)
            self.assertEqual((p.returncode, p.stdout + p.stderr), (0, ""))

    def test_there_and_nowhere_else(self):
        self.assertEqual(fetch(f"{self.i.url}/metrics")[0], 404)
        for path in ("/", "/health/ready", "/v1/tokens"):
            self.assertEqual(
                fetch(f"http://127.0.0.1:{self.mint.port}{path}")[0], 404)
        self.start_agent()
        self.assertEqual(fetch(f"http://127.0.0.1:{self.door}/metrics")[0], 404)
        other = self.issuer(start=False)
        other.data = self.folder / "other"
        self.assertIn("--metrics", other.refused(*self.mint.flags))
        self.i.stop()
        self.i.flags = ()
        self.i.start()
        self.assertEqual(self.i.text().count('"metrics.start"'), 1)


if __name__ == "__main__":
    main(at_once=3)
