"""flow.py - real processes and real files for the tests of the six steps.

Each test gets an empty folder, free ports, and starts mintmarkd and
mintmark-agent as a person would; the command line is the way in wherever it
can be.  MM_BUILD names the build folder (ctest sets it); with MM_KEEP the folders
stay, to be looked at.
"""
import base64
import concurrent.futures
import contextlib
import fcntl
import hashlib
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from urllib.parse import urlencode

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MM_BUILD", TOP / "build/dev"))
MINTMARKD = BUILD / "issuer/mintmarkd"
AGENT = BUILD / "verifier/mintmark-agent"
MINTMARK = BUILD / "cli/mintmark"
VERIFY_LINES = BUILD / "tests/flow/verify_lines"
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
# Sanitized builds are several times slower.
SLOW = float(os.environ.get("MM_SLOW", "1"))


PORTS = range(10240, 32768)  # below those that connections are given


def free_port():
    """One that no other test has been given for long: many run at once, and
    the system may give the same one to two that ask before they use it."""
    with open(pathlib.Path(tempfile.gettempdir()) / "mintmark-test-port",
              "a+") as last:
        fcntl.flock(last, fcntl.LOCK_EX)
        last.seek(0)
        port = int(last.read() or random.choice(PORTS))
        while True:
            port = port + 1 if port + 1 in PORTS else PORTS[0]
            with socket.socket() as s, contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                break
        last.truncate(0)
        last.write(str(port))
    return port


def led_on(history, event):
    """The history that an event leads to (PROTOCOL.md section 5)."""
    text = history + json.dumps(event, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def wait_for(what, condition, seconds=10.0):
    """Wait until condition() is true; say `what` if it never is.  The longer
    it takes the less often we ask: asking costs what is waited for its time."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < seconds * SLOW:
        value = condition()
        if value:
            return value
        time.sleep(min(0.01 + waited / 20, 0.1))
    raise AssertionError(f"waited {seconds:g} s in vain: {what}")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


FORM = "application/x-www-form-urlencoded"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"


class Process:
    """A daemon whose standard error goes to a file."""

    def __init__(self, log):
        self.log = pathlib.Path(log)
        self.proc = None

    def spawn(self, *argv, env=None):
        with self.log.open("ab") as err:
            self.proc = subprocess.Popen(
                [str(a) for a in argv], stderr=err, stdout=err,
                stdin=subprocess.DEVNULL, env=env)

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def kill9(self):
        if self.alive():
            self.proc.kill()
            self.proc.wait()

    def freeze(self):
        """SIGSTOP, and wait until each thread has stopped."""
        self.proc.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.proc.pid}/task")
        wait_for("all threads to stop", lambda: all(
            "State:\tT" in (t / "status").read_text()
            for t in tasks.iterdir()))

    def stop(self):
        """As systemd would.  The exit code must be 0 and sanitizers silent."""
        if not self.alive():
            return
        self.proc.send_signal(signal.SIGTERM)
        try:
            code = self.proc.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"{self.log.name}: did not stop:\n{self.text()}")
        assert code == 0, f"{self.log.name}: exit {code}:\n{self.text()}"

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Issuer(Process):
    def __init__(self, folder, port=None, issuer=None, flags=()):
        super().__init__(pathlib.Path(folder) / "mintmarkd.log")
        self.data = pathlib.Path(folder) / "data"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.name = issuer or self.url
        self.flags = flags

    @property
    def socket(self):
        return self.data / "admin.sock"

    def start(self, wait=True, flags=()):
        self.spawn(MINTMARKD, "--data", self.data, "--listen",
                   f"127.0.0.1:{self.port}", "--issuer", self.name,
                   *self.flags, *flags)
        if wait:
            wait_for(f"mintmarkd to be ready\n{self.text()}", self.ready, 20)
        return self

    def refused(self, *flags, data=None, code=1):
        """A start that is to fail: what it says.  (It is not in the log: what
        libraries leak when they cannot begin is not ours.)"""
        p = subprocess.run(
            [MINTMARKD, "--data", data or self.data, "--issuer", self.name,
             "--listen", f"127.0.0.1:{self.port}", *flags],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60)
        assert p.returncode == code, f"exit {p.returncode}:\n{p.stderr}"
        return p.stderr

    def ready(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.http("GET", "/health/ready")[0] == 200
        return False

    def http(self, method, path, body=None, token=None, local=False,
             headers=None):
        """(status, parsed body or bytes, headers)"""
        c = (UnixConnection(self.socket) if local else
             http.client.HTTPConnection("127.0.0.1", self.port, timeout=40))
        try:
            h = dict(headers or {})
            if token:
                h["Authorization"] = f"Bearer {token}"
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode()
                h["Content-Type"] = "application/json"
            c.request(method, path, body=body, headers=h)
            r = c.getresponse()
            raw = r.read()
            kind = r.getheader("Content-Type") or ""
            if raw and "json" in kind and "ndjson" not in kind:
                raw = json.loads(raw)
            return r.status, raw, r.headers
        finally:
            c.close()

    def admin(self, method, path, body=None, expect=(200, 201)):
        status, reply, _ = self.http(method, path, body, local=True)
        assert status in expect, f"{method} {path}: {status} {reply}"
        return reply

    def mint(self, user="alice", **grant):
        """The API's reply: id, token, ..."""
        if not {"expires_in", "expires_at", "auto_refresh"} & set(grant):
            grant["expires_in"] = 86400
        return self.admin("POST", "/v1/tokens", {"user": user, **grant})

    def revoke(self, token_id):
        return self.admin("DELETE", f"/v1/tokens/{token_id}")

    def form(self, path, params, headers=None, **kw):
        """POST of a form: bytes, or names and values without the Nones."""
        if not isinstance(params, bytes):
            params = urlencode({k: v for k, v in params.items()
                                if v is not None}, True).encode()
        return self.http("POST", path, params, headers={
            "Content-Type": FORM, **(headers or {})}, **kw)

    def exchange(self, token, **more):
        """RFC 8693: (status, reply, headers)"""
        return self.form("/oauth/token", {
            "grant_type": EXCHANGE, "subject_token": token,
            "subject_token_type": ACCESS, **more})


class Agent(Process):
    def __init__(self, folder, issuer, urls=None, flags=(), name="agent"):
        folder = pathlib.Path(folder)
        super().__init__(folder / f"{name}.log")
        self.state = folder / f"{name}.state"
        self.token_file = folder / f"{name}.token"
        self.issuer = issuer
        self.urls = urls or [issuer.url]
        self.flags = flags

    def start(self, wait=True):
        if not self.token_file.exists():
            reply = self.issuer.mint("agent", scopes=["mintmark:agent"])
            self.token_file.write_text(reply["token"] + "\n")
            self.token_file.chmod(0o600)
        argv = [AGENT, "--token-file", self.token_file, "--state", self.state]
        for url in self.urls:
            argv += ["--issuer", url]
        self.spawn(*argv, *self.flags)
        if wait:
            wait_for("the state file", self.state.exists, 20)
        return self

    def verify(self, token, *flags):
        """`mintmark verify`: (exit code, parsed JSON)"""
        return verify(token, "--state", self.state, *flags)

    def reason(self, token, *flags):
        """None when valid, else the reason's word."""
        return self.verify(token, *flags)[1].get("reason")

    def wait_reason(self, token, want, seconds=10.0, *flags):
        said = None

        def says():
            nonlocal said
            said = self.reason(token, "--no-use", *flags)
            return said == want
        try:
            wait_for(f"verify to say {want!r}", says, seconds)
        except AssertionError as e:
            raise AssertionError(
                f"{e}; it says {said!r}\n{self.text()}") from None


def cli(*argv, stdin="", env=None, check=None):
    """Run mintmark; the completed process, with text output."""
    p = subprocess.run([str(MINTMARK), *map(str, argv)], input=stdin,
                       capture_output=True, text=True, timeout=60,
                       env={**os.environ, **(env or {})})
    if check is not None and p.returncode != check:
        raise AssertionError(
            f"mintmark {' '.join(map(str, argv))}: exit {p.returncode}, "
            f"expected {check}\n{p.stdout}{p.stderr}")
    return p


def verify(token, *flags):
    p = cli("verify", "-o", "json", *flags, "-", stdin=token)
    return p.returncode, json.loads(p.stdout)


class Reader:
    """One verifying process that stays, and has its state mapped."""

    def __init__(self, state):
        self.p = subprocess.Popen([VERIFY_LINES, state], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, token):
        self.p.stdin.write(token + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def close(self):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


class Flow(unittest.TestCase):
    """A folder of its own, and processes that end with the test."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mintmark-flow-"))
        self.processes = []
        self.addCleanup(self.clean)  # also where a setUp behind this one fails

    def tearDown(self):
        for p in reversed(self.processes):
            p.stop()
            self.assertNotIn("Sanitizer", p.text(), p.log.name)

    def clean(self):
        for p in self.processes:
            p.kill9()
        if "MM_KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)

    def issuer(self, start=True, **kw):
        p = Issuer(self.folder, **kw)
        self.processes.append(p)
        return p.start() if start else p

    def agent(self, issuer, start=True, **kw):
        p = Agent(self.folder, issuer, **kw)
        self.processes.append(p)
        return p.start() if start else p

    def both(self, agent_flags=(), **kw):
        i = self.issuer(**kw)
        a = self.agent(i, flags=agent_flags)
        wait_for("the agent to follow", lambda: "feed.connected" in a.text())
        return i, a


def skip(why):
    """End the program: none of its tests can be run here.  tests/skipped reads
    why, and whether that may be."""
    print("skipped:", *why.split(), file=sys.stderr, flush=True)
    sys.exit(SKIPPED)


def may_trace():
    if shutil.which("strace") is None:
        return "there is no strace"
    p = subprocess.run(["strace", "-o", "/dev/null", "true"],
                       capture_output=True, text=True)
    return None if p.returncode == 0 else p.stderr.strip()


def traced_env():
    """The leak checker wants to trace by itself."""
    return {**os.environ, "ASAN_OPTIONS":
            os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class AtOnce:
    """A runner for tests that wait most of the time: so many beside each
    other, each in a process that runs one after the other."""

    def __init__(self, count):
        self.count = count

    def run(self, suite):
        whole = unittest.TestResult()
        with concurrent.futures.ProcessPoolExecutor(
                self.count, multiprocessing.get_context("fork")) as pool:
            for test, failed, skipped in pool.map(run_one, flat(suite)):
                whole.testsRun += 1
                whole.failures += [(test, text) for text in failed]
                whole.skipped += [(test, why) for why in skipped]
        print(f"{whole.testsRun} tests, {len(whole.failures)} failures, "
              f"{len(whole.skipped)} skipped", file=sys.stderr, flush=True)
        return whole


def run_one(test):
    """Its name, what went wrong, and why it was skipped."""
    result, began = unittest.TestResult(), time.monotonic()
    test(result)
    failed = [text for _, text in result.failures + result.errors]
    skipped = [why for _, why in result.skipped]
    word = "FAIL" if failed else "skipped" if skipped else "ok"
    print(f"{test.id()} ... {word} ({time.monotonic() - began:.1f} s)",
          *failed, *skipped, sep="\n", file=sys.stderr, flush=True)
    return test.id(), failed, skipped


def flat(suite):
    """The tests of a suite of suites."""
    for t in suite:
        yield from flat(t) if isinstance(t, unittest.TestSuite) else (t,)


def main(at_once=1):
    """The tests of the file that was called, by AtOnce where it is more than
    one.  One that was skipped is none that passed: it is said, and ctest calls
    the program skipped."""
    how = {"testRunner": AtOnce(at_once)} if at_once > 1 else {"verbosity": 2}
    result = unittest.main(exit=False, **how).result
    for test, why in result.skipped:
        name = test if isinstance(test, str) else test.id()
        print(f"skipped: {name.removeprefix('__main__.')}:", *why.split(),
              file=sys.stderr, flush=True)
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped else 0)
