#!/usr/bin/env python3
"""A store in PostgreSQL to which somebody has done something odd."""
import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import threading
import time
import unittest.mock

import bad_days  # noqa: F401 (where flow is)
from flow import MINTMARKD, Flow, Issuer, cli, main, wait_for
from key_compromise import compromise, kid
from postgres import started


class Thief(socketserver.ThreadingTCPServer):
    """It is no PostgreSQL, and asks for the password."""
    daemon_threads = True

    def __init__(self):
        self.came, self.got = 0, b""
        super().__init__(("127.0.0.1", 0), None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, _):
        self.came += 1
        while said := request.recv(4096):
            self.got += said
            if said[0] == ord("p"):
                return
            request.sendall(b"N" if len(said) == 8 else  # no TLS, no GSSAPI
                            b"R\0\0\0\x08\0\0\0\x03")


class Way(Flow):
    """How the database is reached, as PG* and files of libpq have it."""

    def test_no_password_goes_to_another_host(self):
        thief = Thief()
        self.addCleanup(thief.server_close)
        self.addCleanup(thief.shutdown)
        port = str(thief.server_address[1])
        services = self.folder / "services"
        services.write_text("[db]\nhost=0.0.0.0\n")
        base = {"PGPASSWORD": "geheim", "PGPORT": port,
                "PGSERVICEFILE": str(services), "PGCONNECT_TIMEOUT": "3"}
        i = Issuer(self.folder)
        for env, store in (
                ({"PGHOST": "0.0.0.0"}, "postgresql:///x?user=u"),
                ({"PGHOSTADDR": "0.0.0.0"}, "postgresql://u@localhost/x"),
                ({"PGSERVICE": "db"}, "postgresql:///x?user=u"),
                ({}, "postgresql:///x?user=u&service=db"),
                ({"PGSSLMODE": "require"}, "postgresql:///?user=u&service=db")):
            with unittest.mock.patch.dict(os.environ, {**base, **env}):
                said = i.refused("--store", store, code=75)
            self.assertEqual((thief.came, thief.got), (0, b""), (env, store))
            self.assertIn("sslmode=verify-full", said)
        # and somebody does listen there
        with unittest.mock.patch.dict(os.environ, {**base, "PGHOST": "127.0.0.1"}):
            i.refused("--store", "postgresql:///x?user=u", code=75)
        self.assertIn(b"geheim", thief.got)


class Planted(Flow):
    """Somebody else of that database was there before the first start."""

    def setUp(self):
        super().setUp()
        self.pg = started(self)
        for role in ("mint", "evil", "owners"):
            self.pg.ask(f"CREATE ROLE {role} LOGIN")
        self.pg.ask("GRANT CREATE ON DATABASE postgres TO mint, evil, owners")
        self.mint = self.pg.url().replace("user=mintmark", "user=mint")
        self.i = Issuer(self.folder, flags=("--store", self.mint))
        self.processes.append(self.i)

    def refused(self, store=None):
        self.assertIn("belongs to the role evil",
                      self.i.refused("--store", store or self.mint))

    def give(self):
        """All of it, to whoever asks."""
        self.pg.ask("SET ROLE evil; GRANT ALL ON SCHEMA mintmark TO PUBLIC;"
                    " GRANT ALL ON ALL TABLES IN SCHEMA mintmark TO PUBLIC")

    def test_a_schema_and_tables_of_somebody_elses(self):
        self.pg.ask("SET ROLE evil; CREATE SCHEMA mintmark")
        self.give()
        self.refused()
        self.refused(self.pg.url())  # a superuser, too
        self.assertEqual(self.pg.ask("SELECT relname FROM pg_class WHERE"
                                     " relnamespace = 'mintmark'::regnamespace"),
                         [])
        self.pg.ask("DROP SCHEMA mintmark")
        self.i.start().stop()
        self.pg.ask("REASSIGN OWNED BY mint TO evil")
        self.give()
        self.refused()
        p = subprocess.run([MINTMARKD, "migrate", "--store", self.mint],
                           capture_output=True, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("belongs to the role evil", p.stderr)
        self.pg.ask("REASSIGN OWNED BY evil TO mint")
        self.i.start()

    def test_one_thing_of_somebody_elses(self):
        self.pg.ask("CREATE SCHEMA mintmark AUTHORIZATION mint")
        self.pg.ask("GRANT CREATE ON SCHEMA mintmark TO evil")
        for made, kind in (("TABLE mintmark.other()", "TABLE mintmark.other"),
                           ("FUNCTION mintmark.audit_stays() RETURNS trigger"
                            " LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
                            "FUNCTION mintmark.audit_stays")):
            self.pg.ask(f"SET ROLE evil; CREATE {made}")
            self.refused()
            self.pg.ask(f"DROP {kind}")
        self.i.start()

    def test_those_of_a_role_that_ours_is_a_member_of(self):
        self.pg.ask("SET ROLE owners; CREATE SCHEMA mintmark")
        self.pg.ask("GRANT owners TO mint")
        self.i.start().stop()
        self.pg.ask("REASSIGN OWNED BY mint TO owners")
        self.i.start().mint()


class Odd(Flow):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.i = self.issuer(flags=("--store", self.pg.url()))

    def test_A37_a_key_thrown_out_while_the_mint_is_stopped(self):
        token = self.i.mint("root", scopes=["mintmark:admin"])["token"]
        self.assertEqual(self.i.http("GET", "/v1/users", token=token)[0], 200)
        self.i.stop()
        compromise(self.i, kid(token), check=3)  # nobody there to be told
        self.i.start()
        self.assertEqual(self.i.http("GET", "/v1/users", token=token)[0], 401)
        keys = self.i.http("GET", "/.well-known/jwks.json")[1]["keys"]
        self.assertNotIn(kid(token), [k["kid"] for k in keys])
        self.assertIn('"key.compromised"', self.i.text())

    def no_key_ends(self):
        self.pg.ask("CREATE FUNCTION mintmark.no() RETURNS trigger LANGUAGE"
                    " plpgsql AS $$BEGIN RAISE 'not now'; END$$")
        self.pg.ask("CREATE TRIGGER no BEFORE UPDATE OF gone ON mintmark.key"
                    " FOR EACH ROW EXECUTE FUNCTION mintmark.no()")

    def reload(self, event):
        self.i.proc.send_signal(signal.SIGHUP)
        wait_for(event, lambda: f'"{event}"' in self.i.text())

    def test_a_stolen_key_whose_end_cannot_be_written(self):
        """By then the other keys are in force: nobody is told otherwise, and to
        do the same again does it."""
        token = self.i.mint("root", scopes=["mintmark:admin"])["token"]
        self.no_key_ends()
        key = kid(token)
        said = cli("key", "compromise", key, "--yes", "--data", self.i.data)
        self.assertIn("signs with the keys as they are now, but", said.stderr)
        self.assertNotIn("goes on with", said.stderr)
        self.assertNotEqual(self.i.mint()["key"], key)
        found = json.loads(cli("doctor", "--data", self.i.data, "-o", "json").stdout)
        said, = (f for f in found if f["check"] == "keys.stolen")
        self.assertRegex(said["next"], "^does the database answer, and has it room"
                         rf".* mintmark key compromise .* {key}; ")
        self.pg.ask("DROP TRIGGER no ON mintmark.key")
        self.reload("key.compromised")
        wait_for("its tokens to be refused", lambda: self.i.http(
            "GET", "/v1/users", token=token)[0] == 401)

    def test_a_retired_key_whose_end_cannot_be_written(self):
        self.no_key_ends()
        self.take_out()
        self.assertNotIn("goes on with", self.i.text())
        self.pg.ask("DROP TRIGGER no ON mintmark.key")
        self.reload("key.retired")
        self.assertNotIn("keys.elsewhere", self.i.text())

    def take_out(self, event="keys.reload_failed"):
        """The key that waits; then its name."""
        pem = next(self.i.data.glob("keys/next/*.pem"))
        (self.i.data / "keys/retired" / pem.stem).touch(0o600)
        pem.unlink()
        self.again(event)
        return pem.stem

    def again(self, event):
        said = self.i.text().count(f'"{event}"')
        self.i.proc.send_signal(signal.SIGHUP)
        wait_for(event, lambda: self.i.text().count(f'"{event}"') > said)

    def published(self):
        keys = self.i.http("GET", "/.well-known/jwks.json")[1]["keys"]
        return {k["kid"] for k in keys}

    def test_several_keys_whose_end_cannot_be_written(self):
        """One came and went while the first was to be announced already."""
        self.no_key_ends()
        gone = {self.take_out()}
        cli("key", "generate", "--data", self.i.data)
        self.again("keys.reload_failed")
        gone.add(self.take_out())
        self.assertEqual(len(gone & self.published()), 2)
        self.pg.ask("DROP TRIGGER no ON mintmark.key")
        self.again("key.retired")
        wait_for("both to be gone", lambda: not gone & self.published())
        wait_for("their marks to be gone",
                 lambda: not list(self.i.data.glob("keys/retired/*")))
        self.assertNotIn("keys.elsewhere", self.i.text())

    def another_issuers_key(self):
        b = Issuer(self.folder / "b", issuer=self.i.name, flags=self.i.flags)
        shutil.copytree(self.i.data / "keys", b.data / "keys",
                        ignore=shutil.ignore_patterns("retired"))
        b.data.chmod(0o700)
        self.processes.append(b.start())
        made = cli("key", "generate", "--data", b.data, check=0).stdout
        b.stop()
        return re.search(r"the key (\S{11})", made)[1]

    def test_an_end_that_cannot_be_written_over_a_restart(self):
        """It stands beside the keys.  What another issuer on this store was
        given first does not, and stays."""
        self.no_key_ends()
        gone = self.take_out()
        self.i.kill9()
        other = self.another_issuers_key()
        self.assertIn("(do the same again)", self.i.refused(*self.i.flags))
        self.pg.ask("DROP TRIGGER no ON mintmark.key")
        self.i.start()
        left = self.pg.ask("SELECT kid FROM mintmark.key WHERE gone = 0")
        self.assertNotIn([gone], left)
        self.assertIn([other], left)

    def test_F2_a_row_outside_of_its_list(self):
        """Whoever can write there, or a restore gone wrong."""
        self.i.mint()
        self.i.stop()
        self.pg.ask("INSERT INTO mintmark.token SELECT list, 2000000000, \"user\","
                    " label, scope, audience, kid, created_by, changed_by, iat,"
                    " exp, auto_refresh, last_use, dies_at, 1"
                    " FROM mintmark.token LIMIT 1")
        self.assertIn("cannot read the lists", self.i.refused(*self.i.flags))
        self.pg.ask("DELETE FROM mintmark.token WHERE idx = 2000000000")
        self.i.start()

    def test_triggers_of_the_audit_that_do_nothing(self):
        self.i.stop()
        self.pg.ask("DROP TRIGGER audit_stands ON mintmark.audit")
        self.pg.ask("CREATE TRIGGER audit_stands BEFORE UPDATE OR DELETE"
                    " ON mintmark.audit FOR EACH ROW WHEN (false)"
                    " EXECUTE FUNCTION mintmark.audit_stays()")
        self.i.start()
        self.assertIn('"audit.mended"', self.i.text())
        with self.assertRaises(AssertionError):
            self.pg.ask("DELETE FROM mintmark.audit")
        cli("audit", "--verify", "--data", self.i.data, check=0)

    def test_a_search_is_planned_for_its_words(self):
        """A plan for all words, which PostgreSQL makes of what it has run five
        times, reads 2 million tokens one by one for 8 s."""
        self.pg.ask("ALTER SYSTEM SET log_statement = 'all'")
        self.pg.ask("SELECT pg_reload_conf()")
        wait_for("the log", lambda: "log_statement" in self.log())
        for n in range(7):
            for path in ("/v1/users?q=", "/v1/tokens?q=", "/v1/tokens?user=x&q="):
                self.i.admin("GET", f"{path}word-{n}", expect=(200,))
        words = [line for line in self.log().splitlines()
                 if "DETAIL:  parameters:" in line and "word-" in line]
        ran = [line for line in self.log().splitlines()
               if " execute " in line and " ILIKE " in line]
        self.assertEqual((len(words), len(ran)), (21, 21))
        self.assertEqual([r for r in ran if "execute <unnamed>:" not in r], [])

    def log(self):
        return (self.pg.folder / "log").read_text()

    def revoke_all(self, user):
        """503: this machine stood still for a second, and PostgreSQL threw
        the mint out (idle_in_transaction_session_timeout)."""
        for _ in range(10):
            began = time.monotonic()
            reply = self.i.admin("DELETE", f"/v1/users/{user}/tokens",
                                 expect=(200, 503))
            if "revoked" in reply:
                break
        return time.monotonic() - began, reply

    def add_tokens(self, n, count):
        """As that of many, to user{n}."""
        self.pg.ask("UPDATE mintmark.list SET next = 100000 WHERE list ="
                    " (SELECT list FROM mintmark.token LIMIT 1)")
        self.pg.ask("INSERT INTO mintmark.token(list, idx, \"user\", label,"
                    " audience, kid, created_by, iat, exp, auto_refresh, dies_at,"
                    f" seen_from) SELECT list, {n} * 20000 + g, 'user{n}', '', '',"
                    " kid, '', iat, exp, auto_refresh, dies_at, seen_from FROM"
                    f" mintmark.token, generate_series(1, {count}) AS g"
                    " WHERE \"user\" = 'many'")

    def test_addresses_that_take_long_to_forget(self):
        """13 s, by one statement: more than one has, so no issuer started.
        Meanwhile others change what they want to."""
        self.i.mint("many", auto_refresh=3600)
        self.i.stop()
        self.pg.ask("UPDATE mintmark.token SET seen_from = '192.0.2.7'")
        self.add_tokens(1, 2600)
        self.pg.ask("CREATE FUNCTION mintmark.slow() RETURNS trigger LANGUAGE"
                    " plpgsql AS $$BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END$$")
        self.pg.ask("CREATE TRIGGER slow BEFORE UPDATE OF seen_from ON"
                    " mintmark.token FOR EACH ROW EXECUTE FUNCTION mintmark.slow()")
        self.i.start()
        self.assertIn("those that were kept are being forgotten", self.i.text())
        began = time.monotonic()
        self.i.mint()
        self.assertLess(time.monotonic() - began, 8)
        wait_for("the addresses to be gone", lambda:
                 "no address is kept any more" in self.i.text(), 90)
        self.assertEqual(self.pg.ask("SELECT count(*) FROM mintmark.token WHERE"
                                     " seen_from <> ''"), [["0"]])
        self.assertNotIn('"store.commit_failed"', self.i.text())

    def test_many_revocations_at_once(self):
        """Their cost grows with their number, and not with its square."""
        self.i.mint("many", auto_refresh=3600)
        took = {}
        for n, count in ((1, 2000), (2, 16000)):
            self.add_tokens(n, count)
            took[n], reply = self.revoke_all(f"user{n}")
            self.assertEqual(reply.get("revoked"), count, reply)
        self.assertLess(took[2], 24 * took[1] + 0.5)  # not 64


if __name__ == "__main__":
    main(at_once=2)
