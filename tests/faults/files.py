#!/usr/bin/env python3
"""No more descriptors, or no more connections: who connects has to wait, and
nothing else happens."""
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import SLOW, Flow, free_port, main, wait_for  # noqa: E402
from raw import Raw, open_files, request, watch, worked  # noqa: E402

AGAIN = 4  # more than fit


def limit_files(process, n=0):
    """To n, or so that there is just none left."""
    if n == 0:
        taken = open_files(process)
        n = min(set(range(len(taken) + 1)) - taken)
    subprocess.run(["prlimit", "--pid", str(process.proc.pid),
                    f"--nofile={n}:"], check=True)


class Files(Flow):
    def ready(self, conn):
        """The status, and whether it says that nobody can connect."""
        r = conn.ask("/health/ready")
        return r.status, b'"connections":{"status":"failing"' in r.body

    def rests(self, process, kept):
        """Nobody can connect: the program does not work at that, it is not
        all that it writes of, and it says so to who asks."""
        wait_for("it to say so", lambda: self.ready(kept) == (503, True))
        work, lines = worked(process), process.text().count("\n")
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            self.assertEqual(self.ready(kept), (503, True))
            time.sleep(0.1)
        self.assertLess(worked(process) - work, 0.5 * SLOW)
        self.assertLess(process.text().count("\n") - lines, 20)
        self.assertIn('"event":"http.full"', process.text())

    def recovers(self, waiting, kept):
        for c in waiting:
            self.assertEqual(c.reply().status, 200)
        wait_for("it to be good", lambda: self.ready(kept) == (200, False))

    def exhaust(self, process, where, target):
        """Clients, some of whom have to wait.  (It may have been about to
        close something when it was counted.)"""
        wait_for("all of it to be started", lambda: '.start"' in process.text())
        limit_files(process)
        clients = []

        def waits():
            c = Raw(where, request(target))
            clients.append(c)
            watch([c], 0.3 * SLOW, lambda: c.got)
            return not c.got

        wait_for("the end of descriptors", waits)
        return clients + [Raw(where, request(target)) for _ in range(AGAIN)]

    def starve(self, process, where, target, kept):
        clients = self.exhaust(process, where, target)
        self.rests(process, kept)
        limit_files(process, 4096)
        self.recovers(clients, kept)
        for c in clients:
            c.close()

    def test_F18_no_descriptors_at_the_mint(self):
        i = self.issuer()
        kept = Raw(i.port)
        local = Raw(i.socket)
        self.assertEqual(self.ready(kept), (200, False))
        self.assertEqual(local.ask("/version").status, 200)
        for _ in range(2):
            self.starve(i, i.port, "/version", kept)
        limit_files(i)
        self.assertTrue(local.send(request(
            "/v1/tokens", method="POST", body=b'{"user":"a","expires_in":99}')))
        self.assertEqual(local.reply().status, 201)
        limit_files(i, 4096)
        kept.close()
        local.close()

    def test_F18_no_descriptors_and_no_connection(self):
        """Where the library by itself spins."""
        i = self.issuer()
        waiting = self.exhaust(i, i.port, "/version")
        for c in waiting:
            if c.got:
                c.close()
        wait_for("it to say so", lambda: "http.full" in i.text())
        work, lines = worked(i), i.text().count("\n")
        time.sleep(1)
        self.assertLess(worked(i) - work, 0.3 * SLOW)
        self.assertLess(i.text().count("\n") - lines, 20)
        limit_files(i, 4096)
        for c in waiting:
            if not c.got:
                self.assertEqual(c.reply().status, 200)
                c.close()

    def test_F18_no_descriptors_at_the_agent(self):
        door = free_port()
        i, a = self.both(agent_flags=("--listen", f"127.0.0.1:{door}"))
        kept = Raw(door)
        self.assertEqual(self.ready(kept), (200, False))
        waiting = self.exhaust(a, door, "/health/live")
        wait_for("it to say so", lambda: self.ready(kept)[0] == 503)
        work, lines = worked(a), a.text().count("\n")
        time.sleep(1)
        self.assertLess(worked(a) - work, 0.3 * SLOW)
        self.assertLess(a.text().count("\n") - lines, 20)
        limit_files(a, 4096)
        self.recovers(waiting, kept)
        for c in (kept, *waiting):
            c.close()
        i.revoke(i.mint()["id"])  # and it follows

    def test_F18_no_connections(self):
        """Those that there may be are taken, by who says nothing."""
        i = self.issuer(flags=("--connections", "32"))
        local = Raw(i.socket)
        silent = [Raw(i.port) for _ in range(16)]
        wait_for("the mint to be full",
                 lambda: self.ready(local) == (503, True))
        waiting = [Raw(i.port, request("/version")) for _ in range(AGAIN)]
        self.rests(i, local)
        self.assertEqual(len(watch(waiting, 0.1)), AGAIN)
        self.assertEqual([c.got for c in waiting], [b""] * AGAIN)
        for c in silent:
            c.close()
        self.recovers(waiting, local)
        for c in (local, *waiting):
            c.close()

    def test_F18_started_with_few_descriptors(self):
        """Fewer connections than the setting says, and files in reserve."""
        i = self.issuer(start=False)
        spawn = i.spawn
        i.spawn = lambda *argv, **kw: spawn(
            "prlimit", "--nofile=300:300", *argv, **kw)
        i.start()
        self.assertIn('"event":"http.connections"', i.text())
        silent = [Raw(i.port) for _ in range(300)]
        wait_for("the mint to be full", lambda: i.admin(
            "GET", "/health/ready", expect=(200, 503))
            ["checks"]["connections"]["status"] == "failing")
        self.assertIn("http.full", i.text())
        self.assertLess(len(open_files(i)), 280)
        i.mint()
        for c in silent:
            c.close()
        wait_for("it to be good", i.ready)


if __name__ == "__main__":
    main()
