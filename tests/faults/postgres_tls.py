#!/usr/bin/env python3
"""A PostgreSQL that is reached over TCP, as README has it: TLS, its name and its
authority checked, a password out of a file."""
import os
import shutil
import subprocess
import unittest.mock

import bad_days  # noqa: F401 (where flow is)
from flow import MINTMARKD, Flow, Issuer, free_port, main, wait_for
from postgres import started
from tls import HOST, Authority

PASSWORD = "geheim-und-lang"


class Remote(Flow):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.pg = started(self)
        self.pg.ask(f"CREATE ROLE mint LOGIN PASSWORD '{PASSWORD}'")
        self.pg.ask("GRANT CREATE ON DATABASE postgres TO mint")
        self.pg.stop()
        self.ours, self.theirs = (Authority(self.folder, n) for n in ("ours", "theirs"))
        self.speak_tls()
        self.passfile = self.folder / "pgpass"
        self.passfile.write_text(f"*:{self.port}:postgres:mint:{PASSWORD}\n")
        self.passfile.chmod(0o600)
        self.i = Issuer(self.folder, flags=("--store", self.store()))
        self.processes.append(self.i)

    def speak_tls(self):
        """Over TCP nothing else, and with a password."""
        self.ours.context(HOST)
        pem = self.pg.folder / "server.pem"
        shutil.copy(self.folder / "server.pem", pem)
        pem.chmod(0o600)
        if self.pg.root:
            shutil.chown(pem, "nobody", "nogroup")
        (self.pg.data / "pg_hba.conf").write_text(
            "local all mintmark trust\nhostssl all mint 127.0.0.1/32 scram-sha-256\n")
        self.start()

    def start(self):
        self.pg.start("listen_addresses=127.0.0.1", f"port={self.port}", "ssl=on",
                      f"ssl_cert_file={self.pg.folder}/server.pem",
                      f"ssl_key_file={self.pg.folder}/server.pem")

    def store(self, host=HOST, ca=None):
        return (f"postgresql://mint@{host}:{self.port}/postgres?hostaddr=127.0.0.1"
                f"&sslmode=verify-full&sslrootcert={(ca or self.ours).pem}"
                f"&passfile={self.passfile}")

    def ask(self, sql):
        return [line.split("|") for line in self.pg.run(
            "psql", "-h", self.pg.folder, "-p", self.port, "-U", "mintmark", "-d",
            "postgres", "-XqAtc", sql).splitlines()]

    def test_F24_a_database_over_tls(self):
        self.i.start()
        t = self.i.mint()
        self.pg.stop()
        self.start()
        wait_for("it to work again", lambda: self.i.http(
            "DELETE", f"/v1/tokens/{t['id']}", local=True)[0] == 200, 20)
        self.i.stop()
        self.i.start()
        self.assertEqual(self.i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                         "revoked")
        self.assertEqual(self.ask(
            "SELECT DISTINCT usename, ssl, version FROM pg_stat_activity"
            " JOIN pg_stat_ssl USING (pid) WHERE application_name = 'mintmarkd'"),
            [["mint", "t", "TLSv1.3"]])
        self.assertNotIn(PASSWORD, self.i.text())

    def refused(self, why, code=75, **how):
        said = self.i.refused("--store", self.store(**how), code=code)
        line, = (l for l in said.splitlines() if not l.startswith("{"))
        self.assertRegex(line, why if code == 1 else
                         f"cannot use the database: .*{why}")
        self.assertNotIn(PASSWORD, said)
        return line

    def test_F24_a_database_that_is_another(self):
        self.i.start().stop()
        self.refused("certificate verify failed", ca=self.theirs)
        self.refused(f'certificate for "{HOST}" does not match host name '
                     '"db.example.org"', host="db.example.org")
        self.passfile.write_text("*:*:*:*:wrong\n")
        self.refused('password authentication failed for user "mint": password '
                     f'retrieved from file "{self.passfile}"$')

    def not_taken(self, why):
        """Nor by --test, which asks nobody."""
        line = self.refused(why, code=1)
        p = subprocess.run([MINTMARKD, "--data", self.i.data, "--issuer",
                            self.i.name, *self.i.flags, "--test"],
                           capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stderr), (2, line + "\n"))

    def test_a_file_of_passwords_that_will_not_do(self):
        """libpq passes over it, and says at most that there is no password."""
        named = f"{self.passfile}, where the database's password is to be, "
        self.passfile.chmod(0o640)  # as one that whoever made it is used to
        self.not_taken(f"^mintmarkd: others can read {self.passfile}, .*chmod 600")
        aside = self.passfile.rename(self.folder / "aside")
        self.not_taken(f"{named}cannot be read .*: No such file")
        self.passfile.mkdir(0o700)
        self.not_taken(f"{named}is not a plain file$")
        self.passfile.rmdir()
        self.passfile.write_text(f"db.example.org:{self.port}:postgres:mint:{PASSWORD}\n")
        self.passfile.chmod(0o600)
        self.refused(f"no password supplied: no line of {self.passfile} is for it: put "
                     f"one there, {HOST}:{self.port}:postgres:mint:PASSWORD$")
        aside.chmod(0o600)
        aside.rename(self.passfile)
        self.i.start()

    def test_no_file_of_passwords_is_named(self):
        """Then it is the environment's, or that of the user's home."""
        store = self.store().partition("&passfile")[0]
        with unittest.mock.patch.dict(os.environ, {"HOME": str(self.folder)}):
            said = self.i.refused("--store", store, code=75)
            self.assertIn(f"no password supplied: {self.folder}/.pgpass, where", said)
        with unittest.mock.patch.dict(os.environ, {"PGPASSFILE": "/none/pgpass"}):
            self.assertIn("/none/pgpass, where",
                          self.i.refused("--store", store, code=75))
        with unittest.mock.patch.dict(os.environ,
                                      {"PGPASSFILE": str(self.passfile)}):
            self.i.flags = ("--store", store)
            self.i.start()


if __name__ == "__main__":
    main(at_once=2)
