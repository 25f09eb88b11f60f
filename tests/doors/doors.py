"""doors.py - what every door must do, whatever stands in it.

A door's test is a class of Door that starts the real server on our agent
and knows how to read and write through it with a real client.  The life of
a token is then the same everywhere: Life's tests are run for each door.
"""
import datetime
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import (AGENT, BUILD, MINTMARK, SLOW, TOP, Agent, Flow,  # noqa: E402,F401
                  Process, cli, free_port, main, skip, wait_for)

DEPLOY = TOP / "deploy"
WINDOW = int(4 * max(1, SLOW / 2))


def need_programs(*names):
    """End the test as skipped, and say why, when one of them is missing."""
    missing = [n for n in names if shutil.which(n, path=PATH) is None]
    if missing:
        skip(f"{', '.join(missing)} not installed: tests/install-packages test")


PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


class Door(Flow):
    """To be filled in: start_door(), read(), write(), and the two scopes."""

    READ = ["node:root:r"]
    WRITE = ["node:root:rw"]

    def start_door(self, issuer, agent):
        """Start the server; append its Process to self.processes."""
        raise NotImplementedError

    def read(self, user, token):
        """Read something with a real client: True, or False when refused."""
        raise NotImplementedError

    def write(self, user, token):
        """The same, writing."""
        raise NotImplementedError

    def open(self, **kw):
        """An issuer, an agent, and the door on it."""
        i, a = self.both(**kw)
        self.start_door(i, a)
        return i, a


class Life:
    """Mixed into a Door: allowed, read-only, another's, revoked, kept alive
    through this door alone, idle."""

    def test_allowed_and_read_only(self):
        i, _ = self.open()
        both = i.mint("alice", scopes=self.WRITE)["token"]
        only = i.mint("alice", scopes=self.READ)["token"]
        login = i.mint("alice")["token"]
        for token in (both, login):
            self.assertTrue(self.write("alice", token))
            self.assertTrue(self.read("alice", token))
        self.assertTrue(self.read("alice", only))
        self.assertFalse(self.write("alice", only))

    def test_A23_another_user(self):
        i, _ = self.open()
        token = i.mint("alice", scopes=self.WRITE)["token"]
        self.assertFalse(self.read("bob", token))
        self.assertFalse(self.read("Alice", token))
        self.assertFalse(self.read("", token))
        self.assertFalse(self.read("alice", ""))
        self.assertFalse(self.read("alice", token[:-2]))
        self.assertTrue(self.read("alice", token))

    def test_revoked_while_in_use(self):
        i, _ = self.open()
        t = i.mint("alice", scopes=self.WRITE)
        self.assertTrue(self.read("alice", t["token"]))
        i.revoke(t["id"])
        time.sleep(1)
        self.assertFalse(self.read("alice", t["token"]))
        self.assertFalse(self.write("alice", t["token"]))

    def test_kept_alive_through_this_door_alone_then_idle(self):
        i, _ = self.open()
        used = i.mint("alice", scopes=self.WRITE, auto_refresh=WINDOW,
                      expires_in=3600)
        idle = i.mint("alice", scopes=self.WRITE, auto_refresh=WINDOW,
                      expires_in=3600)
        begun = time.time()
        while time.time() - begun < 4 * WINDOW:
            time.sleep(WINDOW * 0.5)
            self.assertTrue(self.read("alice", used["token"]),
                            f"after {time.time() - begun:.1f} s")
        self.assertFalse(self.read("alice", idle["token"]))
        shown = i.admin("GET", f"/v1/tokens/{used['id']}")
        self.assertEqual(shown["status"], "active")
        last = datetime.datetime.fromisoformat(shown["last_used_at"])
        self.assertGreater(last.timestamp(), begun)
        time.sleep(WINDOW + 1.2)
        self.assertFalse(self.read("alice", used["token"]))
        wait_for("the sweeper", lambda: i.admin(
            "GET", f"/v1/tokens/{used['id']}")["status"] == "idle")
