#!/usr/bin/env python3
"""A23: who may write to the agent's socket cannot make other people's tokens
die, whatever he says of them and however often."""
import contextlib
import socket
import struct
import threading
import time

import paths  # noqa: F401
from flow import SLOW, Flow, Reader, main

WINDOW = int(12 * max(1, SLOW / 2))
DAY = 86400
LIES = {  # used_at, iat, exp, auto_refresh
    "a long window": lambda now, iat: (now, iat, now + 20 * DAY, 19 * DAY),
    "a short window": lambda now, iat: (now, iat, now + 20 * DAY, 1),
    "over soon": lambda now, iat: (now, iat, now + 2, 3600),
    "made just now": lambda now, iat: (now + 1, now + 1, now + 20 * DAY, DAY),
    "made long ago": lambda now, iat: (now, iat - DAY, now + 9999 * DAY, 9 * DAY),
}


class Liar:
    """Says of each of his tokens what he says of it, again and again."""

    def __init__(self, agent):
        self.victims, self.over = [], threading.Event()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(f"{agent.state}.sock")
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.over.wait(0.005):
            now = int(time.time())
            for place, iat, lie in self.victims:
                d = struct.pack("=4sIIIqqqq32s48s", b"MMU2", *place, 0,
                                *lie(now, iat), b"x", b"")
                with contextlib.suppress(ConnectionError):  # at the end
                    self.socket.send(d)

    def stop(self):
        self.over.set()
        if self.thread.ident:
            self.thread.join()
        self.socket.close()


class OthersUses(Flow):
    def test_A23_nobody_dies_of_what_others_say(self):
        i, a = self.both()
        other = self.agent(i, name="other")
        stays = Reader(a.state)
        self.addCleanup(stays.close)
        liar = Liar(a)
        self.addCleanup(liar.stop)
        tokens = {}
        for what, lie in LIES.items():
            t = i.mint("bob", auto_refresh=WINDOW)
            tokens[what] = t["token"]
            liar.victims.append((tuple(map(int, t["id"].split("."))),
                                 int(time.time()), lie))
        liar.thread.start()
        end = time.time() + 2.5 * WINDOW
        while time.time() < end:
            for what, token in tokens.items():
                self.assertEqual(stays.ask(token), "ok", what)
            for what, token in tokens.items():  # where it is not used
                self.assertIsNone(other.reason(token, "--no-use"), what)


if __name__ == "__main__":
    main()
