#!/usr/bin/env python3
"""A9, A25: what is sent to be costly, at the doors of the processes: tokens of
keys that nobody has, long ones, deep ones.  They cost the sender his time."""
import base64
import re
import time
import urllib.request

import paths  # noqa: F401
from agent import AgentDoor
from flow import FORM, SLOW, free_port, main
from key_compromise import Stolen, part, stolen_keys
from raw import Raw, request
from web import basic

FLOOD = int(3000 / SLOW)
MIB = 1 << 20
MEMORY = 4 * MIB  # more than a process ever had before


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def memory(process):
    """The most bytes that it ever had."""
    with open(f"/proc/{process.proc.pid}/status", encoding="ascii") as f:
        return int(f.read().partition("VmHWM:")[2].split()[0]) << 10


class Heavy(AgentDoor):
    def open(self):
        port = free_port()
        self.page = f"http://127.0.0.1:{port}/metrics"
        i, a = super().open(flags=["--metrics", f"127.0.0.1:{port}"])
        self.good = i.mint("alice")["token"]
        a.wait_reason(self.good, None)
        return i, a

    def reached_the_mint(self):
        """Requests by route."""
        with urllib.request.urlopen(self.page) as r:
            return {route: int(n) for route, n in re.findall(
                r'(?m)^mintmark_http_requests_total\{.*route="([^"]*)".* (\d+)$',
                r.read().decode())}

    def good_passes(self, i):
        self.assertEqual(self.ask("alice", self.good)[0], 200)
        self.assertEqual(i.http("GET", "/v1/me", token=self.good)[0], 200)

    def test_A9_flood_at_the_door(self):
        """The mint hears nothing of it, but for the poll that there is anyway."""
        i, a = self.open()
        _, claims, sig = self.good.split(".")
        c = Raw(self.port)
        self.addCleanup(c.close)
        before, began = self.reached_the_mint(), time.monotonic()
        for n in range(FLOOD):
            kid = b64('{"alg":"ES256","kid":"%011d","typ":"JWT"}' % n)
            r = c.ask("/auth", f"Authorization: Bearer {kid}.{claims}.{sig}")
            self.assertEqual((r.status, r.headers["x-mintmark-reason"]),
                             (401, "unknown_key"))
        polls = 1 + (time.monotonic() - began) / 25
        after = self.reached_the_mint()
        self.assertLessEqual(after.pop("/v1/feed", 0),
                             before.pop("/v1/feed", 0) + polls)
        self.assertEqual(after, before)
        self.good_passes(i)

    def shapes(self, i):
        """Of A25; those that are short enough to be read are the mint's own."""
        key = stolen_keys(i)["active"]
        self.assertEqual(key.kid, part(self.good, 0)["kid"])
        head, claims, sig = self.good.split(".")
        deep = 0
        for _ in range(400):
            deep = [deep]
        yield from ("A" * n for n in (5000, 100000, MIB, 2500000))
        yield from ("." * 100000, f"{b64('[' * 100000)}.{claims}.{sig}",
                    f"{head}.{b64('[' * 100000)}.{sig}",
                    f"{head}.{b64('{' + ','.join(f'{n}:0' for n in range(100000)))}.{sig}",
                    key.token(self.good, x=deep),
                    key.token(self.good, **{f"{n:x}": 0 for n in range(200)}))

    def answer(self, port, target, *headers, **kw):
        """None where the connection ended without."""
        c = Raw(port)
        c.send(request(target, "Connection: close", *headers, **kw))
        replies = c.to_end()
        c.close()
        return replies[0] if replies else None

    def refused(self, r, *also):
        if r is not None and r.status not in also:
            self.assertIn(r.status, (400, 401, 405, 413, 431), r)

    def test_A25_at_the_doors(self):
        i, a = self.open()
        agent = a.token_file.read_text().strip()
        self.good_passes(i)
        shapes, before = list(self.shapes(i)), [memory(p) for p in (i, a)]
        for t in shapes:
            for kind in (f"Bearer {t}", basic("alice", t)):
                own = f"Authorization: {kind}"
                self.refused(self.answer(self.port, "/auth", own))
                self.refused(self.answer(i.port, "/v1/me", own))
            form = f"token={t}&subject_token={t}".encode()
            for port, path in ((self.port, "/auth"), (i.port, "/oauth/token"),
                               (i.port, "/oauth/revoke"),
                               (i.port, "/oauth/introspect")):
                r = self.answer(port, path, f"Content-Type: {FORM}",
                                f"Authorization: Bearer {agent}",
                                method="POST", body=form)
                self.refused(r, 200)  # revoked, as whatever is none
                if r is not None and r.status == 200:
                    self.assertIn(r.body, (b"", b'{"active":false}'))
        for p, most in zip((i, a), before):
            self.assertTrue(p.alive())
            self.assertLess(memory(p) - most, MEMORY * SLOW, p.log.name)
        self.good_passes(i)


if __name__ == "__main__":
    main()
