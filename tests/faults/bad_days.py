"""bad_days.py - what the tests of faults share: the helpers of tests/flow, a
seed that can be given again, a network that fails, and a server that lies."""
import http.client
import os
import pathlib
import random
import select
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))

LONG = "MM_LONG" in os.environ


def seeded():
    """Randomness that a failure can be run again with."""
    seed = int(os.environ.get("MM_SEED") or random.randrange(1 << 32))
    print(f"seed: MM_SEED={seed}", file=sys.stderr, flush=True)
    return random.Random(seed)


class Wire:
    """A TCP proxy in front of a port of this host, or of a Unix socket (a path).

    there, back: what becomes of the bytes of either direction: True they pass,
    False they are lost on the way (nobody is told, as behind a cut cable).
    cut() also ends what is open, and refuses what comes, until mend()."""

    def __init__(self, port):
        self.to, self.there, self.back = port, True, True
        self.refuse, self.lock, self.pairs = False, threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            with self.lock:
                if self.refuse:
                    near.close()
                    continue
                try:
                    far = self.call()
                except OSError:
                    near.close()
                    continue
                self.pairs.append((near, far))
            threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    def call(self):
        if isinstance(self.to, int):
            return socket.create_connection(("127.0.0.1", self.to), 5)
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(str(self.to))
        except OSError:
            far.close()
            raise
        return far

    def carry(self, near, far):
        try:
            while True:
                for s in select.select([near, far], [], [], 0.5)[0]:
                    data = s.recv(65536)
                    if not data:
                        return
                    there = s is near
                    if self.passes((near, far), data, there):
                        (far if there else near).sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            near.close()
            far.close()

    def passes(self, pair, data, there):
        """May these bytes go on?  An OSError ends that connection."""
        return self.there if there else self.back

    def cut(self):
        with self.lock:
            self.refuse, pairs, self.pairs = True, self.pairs, []
        for s in sum(pairs, ()):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.there = self.back = True
        self.cut()  # what hung for want of bytes lost on the way
        self.refuse = False

    def close(self):
        self.listener.close()
        self.cut()


class Front:
    """What stands at the mint's address: it answers `answer`, or what the mint
    does.  With a context it speaks TLS.  calls: connections; heard: all that it
    was told."""

    def __init__(self, context=None, mint=None):
        self.context, self.mint, self.answer = context, mint, None
        self.calls, self.heard = 0, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                s = self.listener.accept()[0]
            except OSError:
                return
            self.calls += 1
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        s.settimeout(40)
        try:
            if self.context:
                s = self.context.wrap_socket(s, server_side=True)
            raw = b""
            while b"\r\n\r\n" not in raw:
                more = s.recv(65536)
                self.heard += more
                raw += more
                if not more:
                    return
            self.reply(s, raw)
        except OSError:  # also what TLS refuses
            pass
        finally:
            s.close()

    def reply(self, s, raw):
        s.sendall(self.answer or self.ask(raw, s))

    def ask(self, raw, s):
        if not self.mint:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        head, _, body = raw.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        method, path, _ = line.split()
        h = {k.lower(): v.strip() for k, _, v in (f.partition(":") for f in fields)}
        while len(body) < int(h.get("content-length", 0)):
            body += s.recv(65536)
        c = http.client.HTTPConnection("127.0.0.1", self.mint.port, timeout=40)
        try:
            c.request(method, path, body or None, {
                k: v for k, v in h.items() if k in ("authorization", "content-type")})
            r = c.getresponse()
            text = r.read()
        finally:
            c.close()
        return (f"HTTP/1.1 {r.status} x\r\nContent-Length: {len(text)}\r\n"
                "Connection: close\r\n\r\n").encode() + text

    def close(self):
        self.listener.close()
