#!/usr/bin/env python3
"""What many agents cost one issuer, and how soon they hear of a revocation:

    fanout.py [--agents 10000] [--rate 5] [--revocations 100] [--rest 77]
              [--storms 1] [--by relay|other] [-o json]

Starts a mintmarkd of its own, and `agents` (agents.c), which plays all agents
in one process on the same machine: at rest, while tokens are revoked, and when
the issuer is killed and started again.  --by relay: they follow one
mintmark-agent --serve-feed, which follows the issuer.  --by other: two issuers
share a PostgreSQL; they follow one, and tokens are revoked at the other."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

for near in ("flow", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / near))
from flow import BUILD, Agent, Issuer, free_port, wait_for  # noqa: E402
from postgres import Postgres  # noqa: E402
from raw import Raw, resident, worked  # noqa: E402

MINTERS = 16
SPARE = 200  # connections of others
DAY = 86400
# seconds that a poll waits: where there is nobody else to ask, and where there
# is (PROTOCOL.md section 5)
WAIT, WAIT_CHOICE = 25, 5
BEHIND = {"issuer": "", "relay": " behind a relay",
          "other": " at the other of two issuers"}


class Herd:
    """The agents: each command is answered with what was counted."""

    def __init__(self, agents, follow, tokens, revoke_at, after, wait):
        program = BUILD / "tests/bench/agents"
        if not program.exists():
            raise SystemExit(f"{program} is not there: cmake --build {BUILD}")
        self.proc = subprocess.Popen(
            [program, "--agents", str(agents), "--follow",
             follow, "--tokens", tokens, "--revoke-at", revoke_at,
             "--after", str(after), "--wait", str(wait)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.started = self.answer()

    def answer(self):
        line = self.proc.stdout.readline()
        if not line:
            raise SystemExit(f"agents ended: {self.proc.wait()}")
        return json.loads(line)

    def tell(self, *words):
        print(*words, file=self.proc.stdin, flush=True)

    def do(self, *words):
        self.tell(*words)
        return self.answer()

    def end(self):
        self.proc.stdin.close()
        self.proc.wait()
        self.proc.stdout.close()


def mint_some(issuer, count):
    """The tokens of agents, over one connection."""
    c = Raw(issuer.socket)
    body = json.dumps({"user": "agent", "expires_in": 86400,
                       "scopes": ["mintmark:agent"]}).encode()
    found = [json.loads(c.ask("/v1/tokens", method="POST", body=body).body)
             ["token"] for _ in range(count)]
    c.close()
    return found


def mint_many(issuer, count):
    """One for each agent: mints that come at once share a commit."""
    shares = [count // MINTERS + (k < count % MINTERS) for k in range(MINTERS)]
    with concurrent.futures.ThreadPoolExecutor(MINTERS) as pool:
        return [t for some in pool.map(lambda n: mint_some(issuer, n), shares)
                for t in some]


def load():
    return os.getloadavg()[0]


class Fanout:
    """One issuer, perhaps a relay or another issuer, and all the agents."""

    def __init__(self, folder, agents, by="issuer"):
        self.agents, self.by = agents, by
        self.flags = ("--connections", str(agents + SPARE))
        self.pg = None
        if by == "other":
            self.pg = Postgres().make()
            self.flags += "--store", self.pg.url()
        self.issuer = Issuer(folder, flags=self.flags)
        self.issuer.start()
        self.first = resident(self.issuer)
        file = pathlib.Path(folder) / "herd.tokens"
        file.touch(0o600)
        file.write_text("\n".join(mint_many(self.issuer, agents)))
        self.served_by, at = self.between(pathlib.Path(folder))
        seq = self.issuer.admin("GET", "/health/ready")["seq"]
        self.wait = WAIT if by == "issuer" else WAIT_CHOICE
        self.herd = Herd(agents, at, file, self.issuer.socket, seq, self.wait)
        self.out = {"agents": agents, "by": by, "load": load(),
                    "start": self.herd.started}

    def between(self, folder):
        """Whom the agents follow, and where it listens."""
        if self.by == "issuer":
            return self.issuer, f"127.0.0.1:{self.issuer.port}"
        if self.by == "relay":
            at = f"127.0.0.1:{free_port()}"
            p = Agent(folder, self.issuer, name="relay",
                      flags=("--serve-feed", at))
        else:
            shutil.copytree(self.issuer.data / "keys", folder / "b/data/keys")
            p = Issuer(folder / "b", issuer=self.issuer.name, flags=self.flags)
            at = f"127.0.0.1:{p.port}"
        p.start()
        self.first = resident(p)
        return p, at

    def at_rest(self, seconds):
        """Bytes are those of HTTP: TCP and IP come to them.  Of a day they
        are what one poll takes, times the polls that fit into it."""
        work = worked(self.served_by)
        r = self.herd.do("rest", seconds)
        work = worked(self.served_by) - work
        bytes_a_poll = (r["sent"] + r["got"]) / max(1, r["answers"])
        r.update(cpu_percent=100 * work / r["seconds"],
                 polls_a_second=self.agents / self.wait,
                 cpu_us_a_poll=1e6 * work / max(1, r["answers"]),
                 bytes_a_poll=bytes_a_poll,
                 bytes_an_agent_a_day=bytes_a_poll * DAY / self.wait,
                 resident=resident(self.served_by), at_first=self.first)
        self.out["rest"] = r

    def revoke(self, count, rate):
        ids = [self.issuer.mint()["id"] for _ in range(count)]
        self.herd.do("rest", 1)  # their lists have come by then
        work = worked(self.served_by)
        r = self.herd.do("revoke", rate, *ids)
        work = worked(self.served_by) - work
        r.update(rate=rate, cpu_percent=100 * work / r["seconds"],
                 cpu_us_an_answer=1e6 * work / max(1, r["answers"]))
        self.out["revoke"] = r

    def storm(self):
        p = self.served_by
        self.herd.tell("storm")
        p.kill9()
        began = time.monotonic()
        p.start()
        started = time.monotonic() - began
        r = self.herd.answer()
        r.update(started_ms=1e3 * started, work_s=worked(p),
                 resident=resident(p))
        self.out.setdefault("storms", []).append(r)

    def end(self):
        self.herd.end()
        for p in {self.served_by, self.issuer}:
            p.stop()
        text = self.served_by.text()
        self.out["said"] = sorted(set(re.findall(r'"event":"(http\.\w+)"', text))
                                  - {"http.request"})
        self.out["load_after"] = load()


def run(agents=10000, rest=77, revocations=100, rate=5, storms=1, by="issuer"):
    folder = tempfile.mkdtemp(prefix="mintmark-fanout-")
    f = None
    try:
        f = Fanout(folder, agents, by)
        f.at_rest(rest)
        f.revoke(revocations, rate)
        for _ in range(storms):
            f.storm()
        f.end()
        return f.out
    finally:
        if f:
            f.herd.proc.kill()
            for p in {f.served_by, f.issuer}:
                p.kill9()
            if f.pg:
                f.pg.end()
        if "MM_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


def ms(t):
    return (f"p50 {t['p50']:.1f} ms, p99 {t['p99']:.1f}, p999 {t['p999']:.1f},"
            f" most {t['most']:.1f}")


def table(o):
    r, v = o["rest"], o["revoke"]
    print(f"{o['agents']} agents{BEHIND[o['by']]}; "
          f"load {o['load']:.1f} to {o['load_after']:.1f}")
    print(f"start     all follow after {o['start']['seconds']:.1f} s, "
          f"{o['start']['busy']} x 503, {o['start']['failed']} failed")
    print(f"at rest   {r['polls_a_second']:.0f} polls/s, "
          f"{r['cpu_percent']:.1f} % of a processor, "
          f"{r['cpu_us_a_poll']:.0f} us a poll, "
          f"{r['bytes_an_agent_a_day'] / 1e6:.2f} MB an agent a day, "
          f"{r['resident'] / 2**20:.0f} MiB "
          f"({r['at_first'] / 2**20:.0f} without them)")
    print(f"revoke    {v['rate']} a second, seen: {ms(v['seen'])}; answered: "
          f"{ms(v['acked'])}; {v['cpu_us_an_answer']:.0f} us an agent told, "
          f"{v['cpu_percent']:.0f} % of a processor, {v['busy']} x 503, "
          f"{v['failed']} failed{'' if v['done'] else ', NOT ALL SEEN'}")
    for s in o.get("storms", ()):
        print(f"storm     back: {ms(s['back'])}; ready again after "
              f"{s['started_ms']:.0f} ms, {s['busy']} x 503, {s['failed']} "
              f"failed, {s['work_s']:.2f} s of work"
              f"{'' if s['done'] else ', NOT ALL BACK'}")
    print("log      ", *o["said"] or ["nothing"])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--agents", type=int, default=10000)
    p.add_argument("--rest", type=float, default=77)
    p.add_argument("--revocations", type=int, default=100)
    p.add_argument("--rate", type=float, default=5)
    p.add_argument("--storms", type=int, default=1)
    p.add_argument("--by", choices=BEHIND, default="issuer")
    p.add_argument("-o", choices=["json"])
    a = p.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    out = run(a.agents, a.rest, a.revocations, a.rate, a.storms, a.by)
    print(json.dumps(out)) if a.o else table(out)


if __name__ == "__main__":
    main()
