#!/usr/bin/env python3
"""How many changes a second an installation takes, by where its store is:

    changes.py [--seconds 5] [--rounds 3] [-o json]

SQLite; a PostgreSQL of its own with one issuer, and with two that share it.
32 clients mint a token and revoke it, again and again, each change durable before
it is answered; with two issuers, a half of them at each.  The rounds of the
three are interleaved, and medians given.  Clients, issuers and database share
the machine's processors: what each took is said."""
import argparse
import contextlib
import json
import multiprocessing
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "flow"), str(TESTS / "faults")]
from flow import Issuer  # noqa: E402
from postgres import Postgres  # noqa: E402
from raw import Raw, request, worked  # noqa: E402

CLIENTS = 32
KINDS = {  # whether in PostgreSQL, issuers
    "SQLite": (False, 1),
    "PostgreSQL": (True, 1),
    "PostgreSQL, two issuers": (True, 2),
}
GRANT = json.dumps({"user": "alice", "scopes": ["files:read"], "expires_in": "1h"}).encode()


def client(port, token, seconds, begin, out):
    """Mints and revokes, from when all can; tells how long each change took, in
    seconds."""
    by = f"Authorization: Bearer {token}"
    to, took = Raw(port), []

    def ask(want, target, **what):
        began = time.monotonic()
        reply = to.ask(target, by, "Content-Type: application/json", **what)
        assert reply.status == want, reply
        took.append(time.monotonic() - began)
        return reply

    begin.wait()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        made = ask(201, "/v1/tokens", method="POST", body=GRANT)
        ask(200, f"/v1/tokens/{json.loads(made.body)['id']}", method="DELETE")
    out.put(took)


def sessions(pg):
    """The processor seconds that PostgreSQL's processes have had, of those that
    are there."""
    first = (pg.data / "postmaster.pid").read_text().split()[0]
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, _, rest = stat.read_text().partition(" ")
            rest = rest.rpartition(")")[2].split()
            if first in (pid, rest[1]):
                ticks += int(rest[11]) + int(rest[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Installation:
    def __init__(self, kind, folder):
        in_postgres, issuers = KINDS[kind]
        self.kind = kind
        self.pg = Postgres().make() if in_postgres else None
        flags = ("--store", self.pg.url()) if in_postgres else ()
        self.issuers = []
        for n in range(issuers):
            self.add(Issuer(folder / f"{kind}-{n}", flags=flags))
        self.token = self.issuers[0].mint(
            "admin", scopes=["mintmark:admin"])["token"]
        self.seen = {"a_second": [], "p50_ms": [], "p99_ms": [],
                     "issuers_percent": [], "database_percent": []}

    def add(self, one):
        one.data.mkdir(parents=True, mode=0o700)
        if self.issuers:
            one.name = self.issuers[0].name
            shutil.copytree(self.issuers[0].data / "keys", one.data / "keys")
        self.issuers.append(one.start())

    def processor(self):
        return (sum(worked(i) for i in self.issuers),
                sessions(self.pg) if self.pg else 0.0)

    def ask_for(self, seconds):
        """How long each change took, of that many seconds, and what the issuers
        and the database had of a processor meanwhile, in percent."""
        out, begin = multiprocessing.Queue(), multiprocessing.Barrier(CLIENTS + 1)
        clients = [multiprocessing.Process(target=client, args=(
            self.issuers[n % len(self.issuers)].port, self.token,
            seconds, begin, out)) for n in range(CLIENTS)]
        for c in clients:
            c.start()
        begin.wait(60)
        before, began = self.processor(), time.monotonic()
        time.sleep(seconds)
        elapsed, after = time.monotonic() - began, self.processor()
        took = sorted(t for _ in clients for t in out.get(timeout=seconds + 60))
        for c in clients:
            c.join()
        return took, elapsed, [100 * (now - was) / elapsed
                               for now, was in zip(after, before)]

    def round(self, seconds):
        took, elapsed, spent = self.ask_for(seconds)
        for name, value in zip(self.seen, (
                len(took) / elapsed, 1e3 * took[len(took) // 2],
                1e3 * took[len(took) * 99 // 100], *spent)):
            self.seen[name].append(value)

    def result(self):
        return {"store": self.kind, **{
            name: statistics.median(values) for name, values in self.seen.items()},
            "a_second_all": self.seen["a_second"]}

    def end(self):
        for i in self.issuers:
            i.kill9()
        if self.pg:
            self.pg.end()


def run(seconds, rounds):
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="mintmark-changes-")))
        all_of_them = []
        for kind in KINDS:
            all_of_them.append(Installation(kind, folder))
            stack.callback(all_of_them[-1].end)
        for n in range(rounds + 1):
            for one in all_of_them:
                one.round(seconds if n else 1)
                if n == 0:  # that was to warm up
                    one.seen = {name: [] for name in one.seen}
        return [one.result() for one in all_of_them]


def table(results):
    print("| store | changes a second (of each round) | answered, ms: p50, p99 |"
          " issuers | database |\n|---|---|---|---|---|")
    for r in results:
        each = ", ".join(f"{v:,.0f}" for v in sorted(r["a_second_all"]))
        print(f"| {r['store']} | {r['a_second']:,.0f} ({each}) | "
              f"{r['p50_ms']:.0f}, {r['p99_ms']:.0f} | "
              f"{r['issuers_percent']:.0f} % of a processor | "
              f"{r['database_percent']:.0f} % |")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("-o", choices=["json"])
    a = p.parse_args()
    results = run(a.seconds, a.rounds)
    print(json.dumps(results)) if a.o else table(results)


if __name__ == "__main__":
    main()
