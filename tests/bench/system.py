"""system.py - what minting and revoking cost between real processes.

A row's figures are nanoseconds.  mint.http: POST /v1/tokens over TCP, each
token durable before it is answered; ns is the time from one token to the
next, p50 and p99 are what a client waits.  propagation: from the
acknowledged DELETE to the refusal by another process that has the state
mapped and is asked without a pause, so one question (some 0.1 ms) is the
least that can be seen.
"""
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))
from flow import VERIFY_LINES, Agent, Issuer  # noqa: E402

CLIENTS = 32
GRANT = {"user": "alice", "label": "bench", "expires_in": 86400,
         "scopes": ["photos:read"]}


def percentile(values, p):
    """The nearest rank."""
    values = sorted(values)
    return values[max(0, -(-len(values) * p // 100) - 1)]


class Client:
    """One connection, kept alive."""

    def __init__(self, issuer, token):
        self.conn = http.client.HTTPConnection("127.0.0.1", issuer.port,
                                               timeout=30)
        self.heads = {"Authorization": f"Bearer {token}",
                      "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        self.conn.request(method, path, headers=self.heads,
                          body=body and json.dumps(body))
        reply = self.conn.getresponse()
        said = json.loads(reply.read())
        if reply.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {reply.status} {said}")
        return said


# ---- mint.http ----

def mint_with_wrk(issuer, token, seconds):
    p = subprocess.run(
        ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--latency",
         "-s", HERE / "mint.lua", f"{issuer.url}/v1/tokens"],
        env={**os.environ, "MM_BENCH_TOKEN": token}, text=True, check=True,
        capture_output=True, timeout=seconds + 60)
    r = json.loads(p.stdout.splitlines()[-1])
    if r["errors"]:
        raise RuntimeError(f"mint.http: {r['errors']} requests failed")
    return {"count": r["count"], "ns": r["us"] * 1000 // r["count"],
            "p50": r["p50_us"] * 1000, "p99": r["p99_us"] * 1000,
            "how": f"wrk, {CLIENTS} connections"}


def mint_with_threads(issuer, token, seconds):
    took, failed = [], []
    end = time.monotonic() + seconds

    def client():
        try:
            c = Client(issuer, token)
            while time.monotonic() < end:
                start = time.monotonic_ns()
                c.ask("POST", "/v1/tokens", GRANT)
                took.append(time.monotonic_ns() - start)
        except (OSError, RuntimeError, http.client.HTTPException) as e:
            failed.append(e)

    start = time.monotonic_ns()
    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise RuntimeError(f"mint.http: {failed[0]}")
    return {"count": len(took),
            "ns": (time.monotonic_ns() - start) // len(took),
            "p50": percentile(took, 50), "p99": percentile(took, 99),
            "how": f"{CLIENTS} Python threads: wrk, which costs less, "
                   "is not installed"}


def mint_http(issuer, token, seconds):
    measure = mint_with_wrk if shutil.which("wrk") else mint_with_threads
    return {"name": "mint.http", **measure(issuer, token, seconds)}


# ---- propagation ----

class Asker:
    """Another process, which has the state mapped all the while."""

    def __init__(self, state):
        self.proc = subprocess.Popen(
            [VERIFY_LINES, state], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def ask(self, line):
        self.proc.stdin.write(line)
        self.proc.stdin.flush()
        return self.proc.stdout.readline()

    def close(self):
        self.proc.stdin.close()
        self.proc.wait()
        self.proc.stdout.close()


def revoke_one(client, asker, minted):
    line = minted["token"].encode() + b"\n"
    if asker.ask(line) != b"ok\n":
        raise RuntimeError("propagation: a fresh token is refused")
    client.ask("DELETE", f"/v1/tokens/{minted['id']}")
    start = time.monotonic_ns()
    while asker.ask(line) != b"revoked\n":
        if time.monotonic_ns() - start > 60e9:
            raise RuntimeError("propagation: not refused within a minute")
    return time.monotonic_ns() - start


def propagation(issuer, agent, token, count):
    client, asker = Client(issuer, token), Asker(agent.state)
    rng = random.Random(1)
    took = []
    try:
        for minted in [client.ask("POST", "/v1/tokens", GRANT)
                       for _ in range(count)]:
            time.sleep(rng.random() * 0.02)
            took.append(revoke_one(client, asker, minted))
    finally:
        asker.close()
    return {"name": "propagation", "count": count, "ns": percentile(took, 50),
            "p50": percentile(took, 50), "p99": percentile(took, 99),
            "min": min(took), "max": max(took),
            "how": "one issuer, one agent, one host"}


# ---- all ----

@contextlib.contextmanager
def running(process):
    try:
        yield process.start()
        process.stop()
    finally:
        process.kill9()


def rows(quick):
    with tempfile.TemporaryDirectory(prefix="mintmark-bench-") as folder:
        with running(Issuer(folder)) as issuer:
            token = issuer.mint("bench", scopes=["mintmark:admin"])["token"]
            yield mint_http(issuer, token, 1 if quick else 5)
            with running(Agent(folder, issuer)) as agent:
                yield propagation(issuer, agent, token, 20 if quick else 300)
