#!/usr/bin/env python3
"""What ten million live tokens cost, in the mint and in an agent:

    size.py [--tokens 10000000] [--users 100000] [--postgres] [-o json]

The tokens go straight into the store (tests/flow/fill.py --live has what kind
they are), a SQLite file or, with --postgres, a PostgreSQL of its own; then
mintmarkd starts on it, is asked what its console asks, and an agent begins with
nothing.  1,000,000 take a minute, 10,000,000 some ten.

The PostgreSQL has been vacuumed, as one that grew slowly: by itself it began 55 s
after 10,000,000 rows were there, and took 70, while the first pages were asked.
Where tokens are renewed it is slower than here: a fifth of them may be before it
is vacuumed again, which is some in every page of the table, and what reads an
index then looks its entries up there."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "flow"), str(TESTS / "faults")]
from fill import fill, fill_postgres  # noqa: E402
from flow import Agent, Issuer, wait_for  # noqa: E402
from postgres import Postgres  # noqa: E402
from raw import Raw, request, resident, worked  # noqa: E402

PAGES = {  # what the console asks for
    "list": "/v1/tokens?limit=100",
    "list of one user": "/v1/tokens?limit=100&user=person-00003",
    "search that finds": "/v1/tokens?limit=100&q=laptop",
    "search in vain": "/v1/tokens?limit=100&q=no+such+words",
    "users": "/v1/users?limit=100",
    "users, search that finds": "/v1/users?limit=100&q=son-0001",
    "users, search in vain": "/v1/users?limit=100&q=nobody",
    "overview": "/v1/overview",
}


def seconds(body):
    began = time.perf_counter()
    value = body()
    return time.perf_counter() - began, value


def on_disk(path):
    """Bytes that are no holes."""
    return path.stat().st_blocks * 512


class Size:
    def __init__(self, folder, postgres):
        self.folder = pathlib.Path(folder)
        self.pg = Postgres().make() if postgres else None
        flags = ("--store", self.pg.url()) if postgres else ()
        self.i = Issuer(folder, flags=flags)
        self.a = None
        self.out = {"store": "PostgreSQL" if postgres else "SQLite"}

    def fill(self, tokens, users):
        self.i.start()
        self.i.stop()
        took, _ = seconds(lambda: fill_postgres(
            self.pg.url(), tokens, users, live=True) if self.pg else fill(
                self.i.data, tokens, users, live=True))
        self.out.update(tokens=tokens, users=users, fill_s=took,
                        load=os.getloadavg()[0], store_bytes=self.store_bytes())

    def store_bytes(self):
        if not self.pg:
            return (self.i.data / "mintmark.db").stat().st_size
        return int(self.pg.ask("SELECT sum(pg_total_relation_size(oid)) FROM"
                               " pg_class WHERE relkind = 'r' AND relnamespace"
                               " = 'mintmark'::regnamespace")[0][0])

    def start(self):
        took, _ = seconds(self.i.start)
        self.out.update(start_s=took, start_cpu_s=worked(self.i),
                        resident_started=resident(self.i))

    def pages(self):
        """The first time, and the best of three.  What a database does not
        answer in time is answered with 503."""
        self.out["pages"] = {}
        for name, path in PAGES.items():
            asked = [seconds(lambda p=path: self.i.admin(
                "GET", p, expect=(200, 503))) for _ in range(3)]
            times = [took for took, _ in asked]
            self.out["pages"][name] = {
                "first_s": times[0], "best_s": min(times), "busy": sum(
                    reply.get("status") == 503 for _, reply in asked)}
        took, t = seconds(self.i.mint)
        self.out.update(mint_s=took, revoke_s=seconds(
            lambda: self.i.revoke(t["id"]))[0])

    def snapshot(self):
        token = self.i.mint("agent", scopes=["mintmark:agent"])["token"]
        took, (status, body, _) = seconds(
            lambda: self.i.http("GET", "/v1/snapshot", token=token))
        assert status == 200, body[:200]
        self.out.update(snapshot_s=took, snapshot_bytes=len(body),
                        resident_snapshot=resident(self.i),
                        lists=self.i.admin("GET", "/health/ready")["lists"])

    def revoke_meanwhile(self):
        """How soon who waits is told of a revocation while others take
        snapshots: 20 of them, so that one comes at each moment of it."""
        token = self.i.mint("agent", scopes=["mintmark:agent"])["token"]
        ids = [self.i.mint()["id"] for _ in range(20)]
        stop = threading.Event()

        def take():
            while not stop.is_set():
                self.i.http("GET", "/v1/snapshot", token=token)

        taker = threading.Thread(target=take)
        taker.start()
        try:
            took = [self.told(one, token) for one in ids]
        finally:
            stop.set()
            taker.join()
        self.out.update(told_meanwhile_s=statistics.median(took),
                        told_meanwhile_most_s=max(took))

    def told(self, one, token):
        """From the DELETE to the answer of a poll that waited."""
        poll, revoke = Raw(self.i.port), Raw(self.i.socket)
        seq = self.i.admin("GET", "/health/ready")["seq"]
        poll.send(request(f"/v1/feed?after={seq}&wait=25",
                          f"Authorization: Bearer {token}"))
        wait_for("it to wait", lambda: self.i.admin(
            "GET", "/health/ready")["polls"] > 0)
        began = time.perf_counter()
        revoke.send(request(f"/v1/tokens/{one}", method="DELETE"))
        assert poll.reply().status == 200
        took = time.perf_counter() - began
        assert revoke.reply().status == 200
        poll.close()
        revoke.close()
        return took

    def agent(self):
        self.a = Agent(self.folder, self.i)
        self.i.admin("GET", "/health/ready")
        took, _ = seconds(self.follow)
        self.out.update(agent_s=took, agent_cpu_s=worked(self.a),
                        agent_resident=resident(self.a),
                        state_bytes=on_disk(self.a.state),
                        state_size=self.a.state.stat().st_size,
                        checkpoint_bytes=on_disk(
                            self.a.state.with_suffix(".state.checkpoint")))
        self.a.stop()
        took, _ = seconds(self.follow)
        self.out.update(agent_again_s=took,
                        agent_resident_again=resident(self.a))

    def follow(self):
        """Until the state is there, and the feed is followed."""
        before = self.a.text().count("feed.connected")
        self.a.start(wait=False)
        wait_for("the agent to follow", lambda: self.a.text().count(
            "feed.connected") > before, 600)

    def end(self):
        for p in (self.a, self.i):
            if p:
                p.stop()
        self.out["load_after"] = os.getloadavg()[0]


def run(tokens=10_000_000, users=100_000, postgres=False):
    folder = tempfile.mkdtemp(prefix="mintmark-size-")
    s = None
    try:
        s = Size(folder, postgres)
        s.fill(tokens, users)
        s.start()
        s.pages()
        s.snapshot()
        s.revoke_meanwhile()
        s.agent()
        s.end()
        return s.out
    finally:
        if s:
            for p in (s.a, s.i):
                if p:
                    p.kill9()
            if s.pg:
                s.pg.end()
        if "MM_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


def mib(n):
    return f"{n / 2**20:.1f} MiB"


def table(o):
    n = o["tokens"]
    print(f"{n:,} live tokens of {o['users']:,} users in {o['store']}; load "
          f"{o['load']:.1f} to {o['load_after']:.1f}; filled in {o['fill_s']:.0f} s")
    print(f"store      {mib(o['store_bytes'])}, {o['store_bytes'] / n:.0f} bytes "
          "a token")
    print(f"start      {o['start_s']:.2f} s, {mib(o['resident_started'])} "
          f"resident; {mib(o['resident_snapshot'])} after a snapshot; "
          f"{o['lists']} lists")
    print(f"snapshot   {mib(o['snapshot_bytes'])}, {o['snapshot_bytes'] / n:.2f} "
          f"bytes a token, in {o['snapshot_s']:.2f} s")
    print(f"agent      follows after {o['agent_s']:.2f} s ({o['agent_cpu_s']:.2f} "
          f"of work), {mib(o['agent_resident'])} resident; again after "
          f"{o['agent_again_s']:.2f} s, {mib(o['agent_resident_again'])}")
    print(f"state      {mib(o['state_bytes'])}; checkpoint "
          f"{mib(o['checkpoint_bytes'])}")
    print(f"mint       {1e3 * o['mint_s']:.1f} ms, revoke "
          f"{1e3 * o['revoke_s']:.1f} ms; who waits is told after "
          f"{1e3 * o['told_meanwhile_s']:.1f} ms while snapshots are taken, "
          f"{1e3 * o['told_meanwhile_most_s']:.1f} at most")
    for name, t in o["pages"].items():
        print(f"{name:24}{1e3 * t['first_s']:9.1f} ms, best of three "
              f"{1e3 * t['best_s']:.1f}"
              f"{', 503' if t['busy'] else ''}")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--tokens", type=int, default=10_000_000)
    p.add_argument("--users", type=int, default=100_000)
    p.add_argument("--postgres", action="store_true")
    p.add_argument("-o", choices=["json"])
    a = p.parse_args()
    out = run(a.tokens, a.users, a.postgres)
    print(json.dumps(out)) if a.o else table(out)


if __name__ == "__main__":
    main()
