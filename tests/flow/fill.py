#!/usr/bin/env python3
"""Fill the store of a mintmarkd that does not run: what years leave behind.

    tests/flow/fill.py DATA [--tokens 100000] [--users 10000] [--live]

DATA is a folder that mintmarkd has made (start it once), or the postgresql://
address of a database that it has.  The rows go in by
SQL: 100,000 mints would take a quarter of an hour.  No token of them can be
shown to anybody; everything that lists, counts, searches or changes them
works.  --live: none has expired, 2 % are revoked, 3 in 10 are auto_refresh and
most of these used: what docs/scale.md counts with."""
import argparse
import contextlib
import os
import pathlib
import random
import sqlite3
import subprocess
import time

DAY = 86400
PERIOD = 30 * DAY  # LIST_PERIOD of issuer/store.h
LIST_SIZE = 1 << 20
IN_SCHEMA = {**os.environ, "PGOPTIONS": "-c search_path=mintmark"}
LABELS = ("laptop", "backup job", "CI runner", "phone", "rclone on the NAS",
          "photo frame", "build server", "WebDAV mount", "nightly export")


class Lists:
    """Where the next token of a kind that expires then goes: the announced
    lists, new ones when these are full, and dead ones for what has expired.
    Rows of the table list: (list, kind, expires, next)."""

    def __init__(self, rows, last, now):
        self.now, self.last = now, last
        self.open = {(kind, end): [number, free]
                     for number, kind, end, free in rows}
        self.old = {number for number, *_ in rows}
        self.full = []

    def take(self, kind, exp):
        end = -(-exp // PERIOD) * PERIOD
        place = self.open.get((kind, end))
        if place is None or place[1] == LIST_SIZE:
            if place:
                self.full.append((kind, end, place))
            self.last += 1
            place = self.open[kind, end] = [self.last, 0]
        place[1] += 1
        return place[0], place[1] - 1

    def changed(self):
        """(known before, list, kind, expires, next, dead) of each"""
        for kind, end, (number, free) in [*self.full, *(
                (*at, place) for at, place in self.open.items())]:
            yield (number in self.old, number, kind, end, free,
                   int(end <= self.now))


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


def a_live_token(rng, user, now, lists, kid):
    """A row of a token that is good, or would be were it not revoked."""
    chance = rng.random
    iat = now - int(chance() * 25 * DAY) - 1
    exp = iat + (30, 60, 90, 180, 365)[int(chance() * 5)] * DAY
    window = 30 * DAY if chance() < 0.3 and exp - iat > 30 * DAY else 0
    used = iat + int(chance() * (now - iat)) if window and chance() < 0.8 else 0
    dies = min(exp, max(iat, used) + window) if window else exp
    status = int(chance() < 0.02)
    number, index = lists.take(2 if window else 1, exp)
    return (number, index, user, LABELS[index % len(LABELS)], "photos:read", "",
            kid, "local uid 0", "local uid 0" if status else "", iat, exp,
            window, used, dies, status, now - 1 if status else 0)


COLUMNS = ("list", "idx", '"user"', "label", "scope", "audience", "kid",
           "created_by", "changed_by", "iat", "exp", "auto_refresh", "last_use",
           "dies_at", "status", "changed_at")


def rows(tokens, users, now, seed, lists, kid, live):
    """Of that many tokens, users first."""
    rng = random.Random(seed)
    names = [f"person-{n:05}" for n in range(users)]
    make = a_live_token if live else a_token
    for n in range(tokens):
        name = names[n] if n < users else \
            names[rng.randrange(10 if rng.random() < 0.1 else users)]
        yield make(rng, name, now, lists, kid)


@contextlib.contextmanager
def without_indices(db):
    """Made again afterwards, each at once: ten times as quick for millions."""
    those = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'"
                       " AND tbl_name = 'token' AND sql IS NOT NULL").fetchall()
    for name, _ in those:
        db.execute(f"DROP INDEX {name}")
    yield
    for _, sql in those:
        db.execute(sql)


def fill(data, tokens=100000, users=10000, now=None, seed=1, live=False):
    """Users are person-00000 and on; the first ten have a tenth of all."""
    now = now or int(time.time())
    db = sqlite3.connect(pathlib.Path(data) / "mintmark.db", isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -500000")
    db.execute("BEGIN")
    lists = Lists(db.execute("SELECT list, kind, expires, next FROM list"
                             " WHERE dead = 0").fetchall(),
                  db.execute("SELECT max(list) FROM list").fetchone()[0], now)
    kid = db.execute("SELECT kid FROM key WHERE gone = 0 ORDER BY seq").fetchone()[0]
    with without_indices(db):
        db.executemany(
            f"INSERT INTO token({', '.join(COLUMNS)})"
            f" VALUES({', '.join('?' * len(COLUMNS))})",
            rows(tokens, users, now, seed, lists, kid, live))
    for known, number, kind, end, free, dead in lists.changed():
        if known:
            db.execute("UPDATE list SET next = ? WHERE list = ?", (free, number))
        else:
            db.execute("INSERT INTO list(list, kind, expires, size, next, dead)"
                       " VALUES(?, ?, ?, ?, ?, ?)",
                       (number, kind, end, LIST_SIZE, free, dead))
    db.execute("UPDATE key SET last_exp = (SELECT max(exp) FROM token)"
               " WHERE kid = ?", (kid,))
    db.execute("COMMIT")
    db.close()


def ask(url, sql):
    """Rows of texts, from a PostgreSQL."""
    out = subprocess.run(["psql", url, "-XqAt", "-F", "\t", "-v",
                          "ON_ERROR_STOP=1", "-c", sql], check=True, text=True,
                         stdout=subprocess.PIPE, env=IN_SCHEMA).stdout
    return [line.split("\t") for line in out.splitlines()]


def copied(value):
    """As COPY reads it; nothing of ours has a tab."""
    return "\\N" if value is None else str(value)


def copy(url, table_rows):
    with subprocess.Popen(
            ["psql", url, "-Xq", "-v", "ON_ERROR_STOP=1", "-c",
             f"COPY token({', '.join(COLUMNS)}) FROM STDIN"],
            stdin=subprocess.PIPE, text=True, env=IN_SCHEMA) as p:
        for row in table_rows:
            p.stdin.write("\t".join(map(copied, row)) + "\n")
    if p.returncode != 0:
        raise SystemExit(f"fill.py: psql ended with {p.returncode}")


def fill_postgres(url, tokens=100000, users=10000, now=None, seed=1, live=False):
    """The same rows, into the schema that a mintmarkd has made there."""
    now = now or int(time.time())
    lists = Lists([tuple(map(int, row)) for row in ask(
        url, "SELECT list, kind, expires, next FROM list WHERE dead = 0")],
        int(ask(url, "SELECT max(list) FROM list")[0][0]), now)
    kid = ask(url, "SELECT kid FROM key WHERE gone = 0 ORDER BY seq")[0][0]
    indices = ask(url, "SELECT indexname, indexdef FROM pg_indexes WHERE"
                  " schemaname = 'mintmark' AND tablename = 'token'"
                  " AND indexname <> 'token_pkey'")
    ask(url, "; ".join(f"DROP INDEX {name}" for name, _ in indices))
    copy(url, rows(tokens, users, now, seed, lists, kid, live))
    for _, sql in indices:
        ask(url, f"SET maintenance_work_mem = '512MB'; {sql}")
    for known, number, kind, end, free, dead in lists.changed():
        ask(url, f"UPDATE list SET next = {free} WHERE list = {number}" if known
            else "INSERT INTO list(list, kind, expires, size, next, dead)"
            f" VALUES({number}, {kind}, {end}, {LIST_SIZE}, {free}, {dead})")
    ask(url, "UPDATE key SET last_exp = (SELECT max(exp) FROM token)"
        f" WHERE kid = '{kid}'")
    # as autovacuum would have it, were there the time
    ask(url, "VACUUM ANALYZE token")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("data")
    p.add_argument("--tokens", type=int, default=100000)
    p.add_argument("--users", type=int, default=10000)
    p.add_argument("--live", action="store_true")
    a = p.parse_args()
    into = fill_postgres if a.data.startswith("postgresql:") else fill
    into(a.data, a.tokens, a.users, live=a.live)


if __name__ == "__main__":
    main()
