#!/usr/bin/env python3
"""An agent that is told of more tokens in use than it has room for, while the
mint is away: it takes no more memory, says so, and a crash loses none of what
it took.  When the mint is back there is room again."""
import contextlib
import pathlib
import socket
import struct
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import SLOW, Flow, cli, free_port, main, wait_for  # noqa: E402
from raw import resident  # noqa: E402

ROOM = 1 << 19
DAY = 86400
SAVED = ROOM * 64 + 65536 * 96  # with a use each, and those that were seen
WINDOW = int(60 * SLOW)  # of the tokens that are used, and are to live
MIB = 1 << 20


class UsesFull(Flow):
    def setUp(self):
        super().setUp()
        port = free_port()
        self.page = f"http://127.0.0.1:{port}/metrics"
        self.i, self.a = self.both(agent_flags=["--metrics", f"127.0.0.1:{port}"])
        self.pending = pathlib.Path(f"{self.a.state}.pending")

    def metric(self, name):
        with urllib.request.urlopen(self.page) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(f"mintmark_agent_{name} "):
                    return float(line.split()[1])
        return None

    def wait_told(self, t):
        wait_for("its use to be told", lambda: self.i.admin(
            "GET", f"/v1/tokens/{t['id']}")["last_used_at"], WINDOW)

    def tell(self, list_number, count):
        """Of uses of tokens that were never minted."""
        now = int(time.time())
        with contextlib.closing(socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM)) as s:
            s.connect(f"{self.a.state}.sock")
            for idx in range(1000, 1000 + count):
                s.send(struct.pack("=4sIIIqqqq32s48s", b"MMU2", list_number, idx,
                                   0, now - 1, now - 2, now + 20 * DAY,
                                   19 * DAY, b"x", b""))

    def test_F20_more_uses_than_there_is_room_for(self):
        t = self.i.mint(auto_refresh=WINDOW, expires_in=DAY)
        time.sleep(1.1 + WINDOW / 64)
        self.i.kill9()
        self.assertIsNone(self.a.reason(t["token"]))
        self.assertLess(self.metric("uses_full_ratio"), 0.001)
        self.tell(int(t["id"].split(".")[0]), ROOM + 5000)
        wait_for("it to say so", lambda: '"uses.full"' in self.a.text(), 20 * SLOW)
        self.assertGreaterEqual(self.metric("uses_refused_total"), 5000)
        self.assertEqual(self.metric("uses_waiting"), ROOM)
        self.assertEqual(self.metric("uses_full_ratio"), 1)
        if SLOW == 1:  # sanitizers have their own ideas of memory
            self.assertLess(resident(self.a), 200 * MIB)
        wait_for("all to be saved", lambda: self.pending.stat().st_size > SAVED,
                 30 * SLOW)
        p = cli("doctor", "--state", self.a.state, check=1)
        self.assertRegex(p.stdout, r"WRONG  uses +.*; (99|100) % of the room")

        self.a.kill9()
        self.a.start(wait=False)
        wait_for("the metrics", lambda: self.a.text().count('"metrics.start"') == 2,
                 20 * SLOW)
        self.assertEqual(self.metric("uses_waiting"), ROOM)
        self.i.start()
        wait_for("room", lambda: self.metric("uses_waiting") < ROOM - 1000, 60 * SLOW)
        late = self.i.mint(auto_refresh=WINDOW, expires_in=DAY)
        time.sleep(1.1 + WINDOW / 64)
        self.assertIsNone(self.a.reason(late["token"]))
        self.wait_told(t)
        self.wait_told(late)


if __name__ == "__main__":
    main()
