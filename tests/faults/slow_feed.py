#!/usr/bin/env python3
"""A server at the mint's address that comes to no end: one byte at a time, or
as fast as it can; in its headers, or in the body.  An agent gives it up in
time, holds little of it, and asks the next address."""
import pathlib
import time

from bad_days import Front
from flow import SLOW, Flow, main, wait_for

OK = b"HTTP/1.1 200 OK\r\n"
# What comes first, what comes again and again, and how long between.
ENDLESS = {
    "headers, slowly": (OK, b"X-A: b\r\n", 0.2),
    "a body, slowly": (OK + b"Content-Length: 999999\r\n\r\n", b"e", 0.2),
    "headers": (OK, (b"X-A: " + b"b" * 1000 + b"\r\n") * 50, 0),
    "one header": (OK + b"X-A: ", b"b" * 65536, 0),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0),
    "a body": (OK + b"Transfer-Encoding: chunked\r\n\r\n",
               b"10000\r\n" + b"x" * 65536 + b"\r\n", 0),
}
# Such an agent polls for 1 s, and gives up after 10 more.
PATIENCE = 12 + 3 * SLOW
MEMORY = 64 << 20  # more than the agent has anyway


class NoEnd(Front):
    """Each agent, known by its token, hears what is endless in its own way.
    began, ended: {kind: when}"""

    def __init__(self, mint):
        self.kinds, self.began, self.ended = {}, {}, {}
        super().__init__(mint=mint)

    def reply(self, s, raw):
        kind = next((k for t, k in self.kinds.items() if t in raw), None)
        if kind is None:
            return super().reply(s, raw)
        first, again, pause = ENDLESS[kind]
        self.began.setdefault(kind, time.monotonic())
        try:
            s.sendall(first)
            while True:
                s.sendall(again)
                time.sleep(pause)
        finally:
            self.ended.setdefault(kind, time.monotonic())


def memory(agent):
    """The most bytes that it ever had."""
    status = pathlib.Path(f"/proc/{agent.proc.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


class SlowFeed(Flow):
    def test_F12_servers_that_do_not_end(self):
        i = self.issuer(start=False)
        front = NoEnd(i)
        self.addCleanup(front.close)
        i.name = f"http://127.0.0.1:{front.port}"
        i.start()
        agents, before = {}, {}
        for n, kind in enumerate(ENDLESS):
            agents[kind] = a = self.agent(i, urls=[i.name, i.url], name=f"agent{n}",
                                          flags=["--max-staleness", "3s"])
            before[kind] = memory(a)
        t = i.mint()
        for a in agents.values():
            a.wait_reason(t["token"], None)

        for kind, a in agents.items():
            front.kinds[a.token_file.read_bytes().strip()] = kind
        i.revoke(i.mint()["id"])  # ends the polls that wait
        wait_for("all to be told without end", lambda: len(front.began) == len(ENDLESS))
        i.revoke(t["id"])
        for kind, a in agents.items():
            a.wait_reason(t["token"], "revoked", PATIENCE / SLOW + 5)
            wait_for("it to be given up", lambda: kind in front.ended, 5)
            took = front.ended[kind] - front.began[kind]
            grown = memory(a) - before[kind]
            self.assertLess(took, PATIENCE, kind)
            self.assertLess(grown, MEMORY * SLOW, kind)
            print(f"{kind}: given up after {took:.1f} s, {grown >> 20} MiB more")


if __name__ == "__main__":
    main()
