#!/usr/bin/env python3
"""mintmark doctor where the store is in PostgreSQL: all is well; agents are at
another issuer; the database is not there; nor is mintmarkd."""
import json
import shlex
import shutil
import signal

import doctor
from flow import SLOW, Issuer, cli, main, wait_for
from postgres import started


class Elsewhere(doctor.Doctor):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.begin(mint_flags=("--store", self.pg.url()))

    def test_a_store_in_postgresql(self):
        found = {f["check"]: f["detail"] for f in self.well()}
        self.assertLessEqual((doctor.OF_MINT | doctor.OF_HOST) - {"store.whole"}
                             | {"folder.room"}, set(found))
        self.assertRegex(found["store"], r"^in PostgreSQL, \d.* [kMG]B$")
        self.assertRegex(found["agents"], "^1 follow the feed of this issuer; ")

    def beside(self):
        """Another issuer, which nobody follows."""
        folder = self.folder / "other"
        shutil.copytree(self.i.data / "keys", folder / "data/keys")
        (folder / "data").chmod(0o700)
        other = Issuer(folder, issuer=self.i.name, flags=self.i.flags)
        self.processes.append(other)
        return other.start()

    def settings(self):
        conf = self.folder / "mintmarkd.conf"
        conf.write_text(f"store = {self.pg.url()}\n")
        conf.chmod(0o600)
        return conf

    def test_a_file_that_was_left(self):
        """It is nobody's store any more: whether it has room is no question.
        But whoever forgets the setting serves it."""
        left = self.i.data / "mintmark.db"
        left.write_bytes(b"x" * 4096)
        left.chmod(0o600)
        found = self.ask("--mint-config", self.settings())[1]
        self.assertEqual([f["detail"] for f in found if f["check"] == "store"],
                         [f["detail"] for f in found if f["detail"].startswith("in PostgreSQL")])
        self.assertIn("folder.room", [f["check"] for f in found])
        said, = [f for f in found if f["check"] == "store.left"]
        self.assertEqual(said["state"], "note")
        self.assertEqual(said["next"], f"mv '{left}' '{left}.copied'")
        left.unlink()
        found = self.ask("--mint-config", self.settings())[1]
        self.assertNotIn("store.left", [f["check"] for f in found])

    def test_no_key_signs(self):
        """One that is made here would be another than the others'."""
        conf = self.settings()
        self.i.stop()
        shutil.rmtree(self.i.data / "keys/active")
        (self.i.data / "keys/active").mkdir(0o700)
        found = self.ask("--data", self.i.data, "--mint-config", conf, here=False)[1]
        said, = [f for f in found if f["check"] == "keys"]
        self.assertEqual(said["detail"], f"no key signs in {self.i.data}/keys")
        self.assertRegex(said["next"], "^put back .*/active, or copy the keys from"
                         " another issuer .* Several issuers$")

    def test_all_agents_are_at_another_issuer(self):
        """Of the two neither knows the agents of the other."""
        other = self.beside()
        code, found = self.ask("--data", other.data, here=False)
        self.assertEqual([f for f in found if f["state"] == "wrong"], [])
        said, = [f for f in found if f["check"] == "agents"]
        self.assertEqual((code, said["state"], said["detail"]), (
            0, "note", "0 follow the feed of this issuer; others have theirs"))
        self.assertEqual(said["next"],
                         "on the hosts of the others, too: mintmark doctor")

    def test_a_key_of_another_issuer(self):
        """It has rotated, and its new key was not copied here yet: nothing is
        wrong, and the key is not to be ended for that."""
        other = self.beside()
        cli("key", "rotate", "--now", "--data", other.data, check=0)
        code, found = self.ask("--data", self.i.data, here=False)
        self.assertEqual([f for f in found if f["state"] == "wrong"], [])
        said = [f for f in found if f["check"] == "keys.elsewhere"]
        self.assertEqual([code] + [f["state"] for f in said], [0, "note"])
        self.assertRegex(said[0]["next"], "^copy it here .*if no issuer has it")

    def ended_elsewhere(self):
        """(a token of before, the key by which the mint signs still)"""
        other = self.beside()
        t = other.mint()
        # a token that is good still: its own is not refused for its key
        cli("key", "rotate", "--now", "--data", other.data, check=0)
        fresh = other.mint()["token"]
        cli("key", "compromise", "--yes", "--data", other.data, "--", t["key"],
            check=0)
        wait_for("mintmarkd to notice",
                 lambda: self.i.http("GET", "/health/ready")[1]["checks"]
                 ["keys_ended"]["status"] != "ok", 20)
        return other, fresh, t["key"]

    def signs_nothing(self, fresh, key):
        says = (f"the key {key}, by which this mint signs, was retired or"
                " compromised at another one")
        for status, problem, _ in (
                self.i.http("POST", "/v1/tokens", {"user": "a", "expires_in": 60},
                            local=True),
                self.i.http("POST", "/v1/tokens/self/rotate", {}, token=fresh),
                self.i.exchange(fresh, audience="files")):
            self.assertEqual(status, 503, problem)
            self.assertIn(says, problem["detail"])
        p = cli("token", "create", "-u", "a", "-e", "1d", "--data", self.i.data,
                check=3)
        self.assertIn(says, p.stderr)
        self.assertEqual(self.i.http("GET", "/health/ready")[0], 503)
        said = [line for line in self.i.text().splitlines()
                if '"keys.ended"' in line]
        self.assertEqual(len(said), 1)
        self.assertIn(key, said[0])
        self.assertEqual(self.finding("health.keys_ended")["state"], "wrong")
        f = self.finding("keys.ended")
        self.assertEqual(f["state"], "wrong")
        self.assertRegex(f["detail"], rf"key {key} \(active\)")
        return f

    def finding(self, check):
        found = self.ask("--data", self.i.data, here=False)[1]
        return next((f for f in found if f["check"] == check), None)

    def signs_again(self):
        wait_for("its health", self.i.ready, 20)
        self.i.mint()
        self.assertIsNone(self.finding("keys.ended"))
        self.assertEqual(self.i.text().count('"keys.ended"'), 1)

    def test_F13_a_key_that_another_issuer_has_ended(self):
        """It goes on with a key that nobody takes, says so, and what to do; and
        that does it."""
        _, fresh, key = self.ended_elsewhere()
        f = self.signs_nothing(fresh, key)
        command = f["next"].partition("or, here alone: mintmark key compromise")[2]
        cli("key", "compromise", "--yes", *shlex.split(command), check=0)
        self.signs_again()

    def test_F13_and_its_keys_are_copied(self):
        other, _, key = self.ended_elsewhere()
        shutil.rmtree(self.i.data / "keys")
        shutil.copytree(other.data / "keys", self.i.data / "keys")
        self.i.proc.send_signal(signal.SIGHUP)
        self.signs_again()
        self.assertNotEqual(self.i.mint()["key"], key)

    def test_no_database(self):
        self.pg.stop("immediate")
        wait_for("mintmarkd to notice", lambda: {"store_read", "store_write", "feed"}
                 <= {c for c, how in self.i.http("GET", "/health/ready")[1]
                     ["checks"].items() if how["status"] != "ok"}, 20 * SLOW)
        self.wrong(("health.store_write", "is failing", "^the store cannot be written: "
                    "see that the database of --store answers, .*log"),
                   ("health.store_read", "is failing", "the log says why"),
                   ("health.feed", "is failing", "mend the other checks"),
                   ("issuer", "answers 503 .*not well", "^on the mint's host"))
        self.assertNotIn("mintmark.db", json.dumps(
            self.i.http("GET", "/health/ready")[1]["checks"]["store_write"]))
        self.i.stop()
        f = self.wrong(
            ("mint", "No such file", "journalctl"),
            ("issuer", "no answer", "^curl -v"),
            ("folder.store", "^mintmarkd does not run, so that its --store is not known",
             "^systemctl cat mintmarkd .*--store.* in /etc/mintmark/mintmarkd.conf, as "
             "store = .*--mint-config"))
        self.assertNotIn(self.token, json.dumps(f))
        conf = self.folder / "mintmarkd.conf"
        conf.write_text(f"data = {self.i.data}\nstore = {self.pg.url()}\n")
        self.wrong(
            ("mint", f"{self.i.socket}: No such file", "journalctl"),
            ("issuer", "no answer", "^curl -v"), here=False,
            flags=("--mint-config", conf, "--agent-config", self.conf))


if __name__ == "__main__":
    main(at_once=2)
