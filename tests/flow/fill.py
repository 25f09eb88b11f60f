#!/usr/bin/env python3
"""Fill the store of a mintmarkd that does not run: what years leave behind.

    tests/flow/fill.py DATA [--tokens 100000] [--users 10000]

DATA is a folder that mintmarkd has made (start it once).  The rows go in by
SQL: 100,000 mints would take a quarter of an hour.  No token of them can be
shown to anybody; everything that lists, counts, searches or changes them
works."""
import argparse
import pathlib
import random
import sqlite3
import time

DAY = 86400
PERIOD = 30 * DAY  # LIST_PERIOD of issuer/store.h
LABELS = ("laptop", "backup job", "CI runner", "phone", "rclone on the NAS",
          "photo frame", "build server", "WebDAV mount", "nightly export")


class Lists:
    """Where the next token of a kind that expires then goes: the announced
    lists, and dead ones for what has expired."""

    def __init__(self, db):
        self.db = db
        self.next = {}
        self.open = {(kind, end): (number, free) for number, kind, end, free in
                     db.execute("SELECT list, kind, expires, next FROM list"
                                " WHERE dead = 0")}

    def take(self, kind, exp):
        end = -(-exp // PERIOD) * PERIOD
        if (kind, end) not in self.open:
            number = self.db.execute(
                "INSERT INTO list(kind, expires, size, dead)"
                " VALUES(?, ?, 1048576, 1) RETURNING list", (kind, end)).fetchone()[0]
            self.open[kind, end] = number, 0
        number, free = self.open[kind, end]
        self.open[kind, end] = number, free + 1
        self.next[number] = free + 1
        return number, free

    def close(self):
        self.db.executemany("UPDATE list SET next = ? WHERE list = ?",
                            [(n, number) for number, n in self.next.items()])


def a_token(rng, user, now, lists, kid):
    """A row, as its life may have been."""
    iat = now - int(rng.random() ** 2 * 300 * DAY) - 1
    window = rng.choice((0, 0, 0, 7 * DAY, 30 * DAY))
    exp = iat + rng.choice((7, 30, 60, 90, 365)) * DAY
    window = window if window < exp - iat else 0
    used = 0 if window == 0 or rng.random() < 0.2 else \
        rng.randint(iat, min(now, exp))
    dies = min(exp, max(iat, used) + window) if window else exp
    status, changed, by = 0, 0, ""
    chance = rng.random()
    if dies <= now and dies < exp:
        status, changed, by = 3, dies, "sweep"
    elif chance < 0.15:
        status, by = 1, "root (token 1.0)"
        changed = rng.randint(iat, min(now, dies))
    elif chance < 0.17:
        status, by, changed = 2, "root (token 1.0)", min(now, dies)
    scope = rng.choice((None, "mintmark:self", "photos:read",
                        f"node:{rng.getrandbits(32):08x}:rw"))
    number, index = lists.take(2 if window else 1, exp)
    return (number, index, user, f"{rng.choice(LABELS)} {rng.randint(1, 99)}",
            scope, "", kid, rng.choice((f"{user} (token 1.0)", "local uid 0")),
            by, iat, exp, window, used, dies, status, changed)


def fill(data, tokens=100000, users=10000, now=None, seed=1):
    """Users are person-00000 and on; the first ten have a tenth of all."""
    rng, now = random.Random(seed), now or int(time.time())
    db = sqlite3.connect(pathlib.Path(data) / "mintmark.db", isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    lists = Lists(db)
    kid = db.execute("SELECT kid FROM key WHERE gone = 0 ORDER BY seq").fetchone()[0]
    names = [f"person-{n:05}" for n in range(users)]

    def user(n):
        if n < users:
            return names[n]
        return names[rng.randrange(10 if rng.random() < 0.1 else users)]
    rows = (a_token(rng, user(n), now, lists, kid) for n in range(tokens))
    db.executemany(
        "INSERT INTO token(list, idx, user, label, scope, audience, kid,"
        " created_by, changed_by, iat, exp, auto_refresh, last_use, dies_at,"
        " status, changed_at) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
    lists.close()
    db.execute("UPDATE key SET last_exp = (SELECT max(exp) FROM token)"
               " WHERE kid = ?", (kid,))
    db.execute("COMMIT")
    db.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("data", type=pathlib.Path)
    p.add_argument("--tokens", type=int, default=100000)
    p.add_argument("--users", type=int, default=10000)
    a = p.parse_args()
    fill(a.data, a.tokens, a.users)


if __name__ == "__main__":
    main()
