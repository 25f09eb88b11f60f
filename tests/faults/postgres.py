"""postgres.py - a PostgreSQL of a test's own: started, broken, copied.

It keeps what it acknowledged (fsync is on), is reached by a socket in its
folder alone, and does not run as root: then it is nobody's."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest


def programs():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found:
        raise unittest.SkipTest("there is no PostgreSQL here")
    return found[-1].parent


class Postgres:
    def __init__(self):
        self.bin = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mintmark-pg-"))
        self.data = self.folder / "data"
        self.root = os.geteuid() == 0
        if self.root:
            shutil.chown(self.folder, "nobody", "nogroup")

    def run(self, program, *argv, check=True):
        become = (["setpriv", "--reuid", "nobody", "--regid", "nogroup",
                   "--clear-groups"] if self.root else [])
        p = subprocess.run([*become, self.bin / program, *map(str, argv)],
                           text=True, cwd=self.folder, timeout=120,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        if check and p.returncode != 0:
            raise AssertionError(f"{program}: {p.stdout}\n{self.log()}")
        return p.stdout

    def log(self):
        f = self.folder / "log"
        return f.read_text()[-3000:] if f.exists() else ""

    def make(self, *settings):
        self.run("initdb", "-D", self.data, "-U", "mintmark", "-A", "trust",
                 "-E", "UTF8", "--no-locale", "-N")
        return self.start(*settings)

    def start(self, *settings):
        every = ("listen_addresses=", "max_connections=60", "shared_buffers=32MB",
                 *settings)
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o",
                 f"-k {self.folder} " + " ".join(f"-c {s}" for s in every), "start")
        return self

    def stop(self, mode="fast"):
        """fast: sessions are told; immediate: as if it had crashed."""
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def end(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop",
                 check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def copy(self, over=None):
        """A standby that streams from this one; not started.  over: in the
        place of one that does not run."""
        other = over or Postgres()
        shutil.rmtree(other.data, ignore_errors=True)
        other.run("pg_basebackup", "-h", self.folder, "-U", "mintmark", "-D",
                  other.data, "-R", "-X", "stream", "-c", "fast")
        return other

    def back_up(self):
        """As SECURITY.md says."""
        self.run("pg_dump", self.url(), "-Fc", "-n", "mintmark", "-f",
                 self.folder / "mintmark.dump")

    def put_back(self):
        self.ask("DROP SCHEMA mintmark CASCADE")
        self.run("pg_restore", "-e", "-1", "--no-owner", "-d", self.url(),
                 self.folder / "mintmark.dump")

    def promote(self):
        self.run("pg_ctl", "-D", self.data, "-w", "promote")

    def url(self, *others):
        """For --store; with others, whichever of them takes changes."""
        hosts = ",".join(str(p.folder) for p in (self, *others))
        return f"postgresql:///postgres?host={hosts}&user=mintmark"

    def socket(self):
        return self.folder / ".s.PGSQL.5432"

    def ask(self, sql):
        """Rows of texts."""
        out = self.run("psql", "-h", self.folder, "-U", "mintmark", "-d",
                       "postgres", "-X", "-q", "-A", "-t", "-F", "\t", "-c", sql)
        return [line.split("\t") for line in out.splitlines()]


def started(test):
    """One that is there until the test ends."""
    pg = Postgres()
    test.addCleanup(pg.end)
    return pg.make()
