"""bad_days.py - what the tests of faults share: the helpers of tests/flow, a
seed that can be given again, and a network that fails."""
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
    """A TCP proxy in front of a port of this host.

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
                    far = socket.create_connection(("127.0.0.1", self.to), 5)
                except OSError:
                    near.close()
                    continue
                self.pairs.append((near, far))
            threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    def carry(self, near, far):
        try:
            while True:
                for s in select.select([near, far], [], [], 0.5)[0]:
                    data = s.recv(65536)
                    if not data:
                        return
                    if self.there if s is near else self.back:
                        (far if s is near else near).sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            near.close()
            far.close()

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
