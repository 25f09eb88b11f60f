#!/usr/bin/env python3
"""Lists whose tokens have all expired are gone everywhere: from the mint and
its memory, the snapshot, and the agent's state file and memory.  The mint looks
once a minute, so this is one of the long tests."""
import contextlib
import sqlite3
import struct
import time

from fill import COLUMNS, LIST_SIZE
from flow import Flow, main, wait_for
from key_compromise import part
from raw import resident

LISTS = 12
MIB = 1 << 20
# A used token on each page of their renewals: 4 MiB a list.
STEP = 1024


class ListsEnd(Flow):
    def fill(self, i, end):
        """Lists that end soon, and tokens in all of their pages."""
        with contextlib.closing(sqlite3.connect(i.data / "mintmark.db")) as db:
            last = db.execute("SELECT max(list) FROM list").fetchone()[0]
            kid = db.execute("SELECT kid FROM key").fetchone()[0]
            numbers = range(last + 1, last + 1 + LISTS)
            db.executemany(
                "INSERT INTO list(list, kind, expires, size, next) VALUES(?, 2, ?,"
                f" {LIST_SIZE}, {LIST_SIZE})", [(n, end) for n in numbers])
            db.executemany(
                f"INSERT INTO token({', '.join(COLUMNS)})"
                f" VALUES({', '.join('?' * len(COLUMNS))})",
                [(n, idx, "alice", "", None, "", kid, "", "", end - 9000, end,
                  8000, end - 100, end, int(idx % 4096 == 0), 0)
                 for n in numbers for idx in range(0, LIST_SIZE, STEP)])
            db.commit()
        return set(numbers)

    def in_snapshot(self, i, a):
        raw = i.http("GET", "/v1/snapshot",
                     token=a.token_file.read_text().strip())[1]
        return {l["list"] for l in part(raw.decode(), 1)["lists"]}, len(raw)

    def in_state(self, a):
        """(their numbers, its bytes on the disk), by verifier/state.h"""
        head = a.state.read_bytes()[:65536]
        count, = struct.unpack_from("I", head, 140)
        at, = struct.unpack_from("I", head, 148)
        return ({struct.unpack_from("I", head, at + 40 * n)[0]
                 for n in range(count)}, a.state.stat().st_blocks * 512)

    def test_they_are_gone_everywhere(self):
        i = self.issuer()
        i.stop()
        end = int(time.time()) + 10
        old = self.fill(i, end)
        i.start()
        a = self.agent(i)
        wait_for("the agent to have them", lambda: old <= self.in_state(a)[0])
        known, size = self.in_snapshot(i, a)
        self.assertLessEqual(old, known)
        state, before = self.in_state(a)[1], (resident(i), resident(a))
        self.assertGreater(state, LISTS * 4 * MIB)
        wait_for("the agent to forget them",
                 lambda: not old & self.in_state(a)[0], 90)
        known, now = self.in_snapshot(i, a)
        self.assertFalse(old & known)
        self.assertLess(now, size - LISTS * STEP)
        self.assertLess(self.in_state(a)[1], state - LISTS * 4 * MIB)
        for p, was in zip((i, a), before):
            print(f"{p.log.name}: {was / MIB:.0f} MiB, then "
                  f"{resident(p) / MIB:.0f}")
            self.assertLess(resident(p), was - LISTS * 3 * MIB, p.log.name)
        # and what is alive goes on
        t = i.mint()
        wait_for("a token of today", lambda: a.reason(t["token"]) is None)


if __name__ == "__main__":
    main()
