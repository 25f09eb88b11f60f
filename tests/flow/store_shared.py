#!/usr/bin/env python3
"""A second issuer on a PostgreSQL, as somebody sets it up who does that for the
first time: in the folder of the first, with the keys of another mint.  And what one says
that was frozen."""
import concurrent.futures
import json
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from flow import Flow, Issuer, cli, free_port, main, wait_for
from postgres import started


class Two(Flow):
    def setUp(self):
        super().setUp()
        self.pg = started(self)
        self.first = self.one("first", "--store", self.pg.url()).start()

    def one(self, name, *flags):
        i = Issuer(self.folder / name, issuer=None if name == "first"
                   else self.first.name, flags=flags)
        i.data.mkdir(0o700, parents=True)
        self.processes.append(i)
        return i

    def second(self, keys):
        i = self.one("second", "--store", self.pg.url())
        shutil.copytree(keys.data / "keys", i.data / "keys")
        return i.start()


class Keys(Two):
    def strangers(self):
        """Another mint, which has its own store."""
        i = self.one("stranger").start()
        i.stop()
        return i

    def put_keys(self, i, keys):
        shutil.rmtree(i.data / "keys")
        shutil.copytree(keys.data / "keys", i.data / "keys")

    def strange(self, i):
        """What its log says of its keys."""
        return [line for line in map(json.loads, (
            line for line in i.text().splitlines() if line.startswith("{")))
            if line["event"] == "keys.strange"]

    def published(self):
        keys = self.first.http("GET", "/.well-known/jwks.json")[1]["keys"]
        return {k["kid"] for k in keys}

    def test_F15_a_folder_is_one_issuers(self):
        """Whose store is not in it, and is not said to be."""
        said = self.first.refused("--store", self.pg.url(), "--listen",
                                  f"127.0.0.1:{free_port()}")
        self.assertIn(f"works in the folder {self.first.data}: stop it", said)

    def test_F15_keys_of_another_mint(self):
        """They sign, since nobody can know that they are not meant.  It is said,
        and what is to be done ends them."""
        good = self.published()
        i = self.second(self.strangers())
        said, = self.strange(i)
        self.assertEqual(said["level"], "warning")
        self.assertIn(f"{i.data}/keys: ", said["detail"])
        self.assertIn("KID (keys/README.md, Several issuers)", said["detail"])
        self.assertNotIn(i.mint()["key"], good)
        self.assertEqual(self.strange(self.first), [])

        i.stop()
        self.put_keys(i, self.first)
        i.start()
        listed = cli("key", "list", "--data", i.data, check=0)
        strangers = self.published() - good
        self.assertEqual(len(strangers), 2)
        for kid in strangers:
            self.assertIn(f"publishes the key {kid}, ",
                          listed.stdout + listed.stderr)
            cli("key", "retire", "--force", "--data", i.data, "--", kid, check=0)
        wait_for("their end", lambda: self.published() == good)
        self.assertIn(i.mint()["key"], good)
        self.assertEqual(len(self.strange(i)), 1)

    def test_F15_keys_that_are_meant(self):
        """Those of the first; and one's own, once they are announced."""
        i = self.second(self.first)
        self.assertEqual(self.strange(i), [])
        i.stop()
        self.put_keys(i, self.strangers())  # a folder that had the right ones
        i.start()
        self.assertEqual(len(self.strange(i)), 1)
        i.stop()
        i.start()
        self.assertNotEqual(self.first.mint()["key"], i.mint()["key"])
        self.assertEqual(len(self.strange(i)), 1)
        self.assertEqual(self.strange(self.first), [])

    def test_F15_all_keys_thrown_out_before_a_start(self):
        """Their marks say so, also where nothing was published from there."""
        self.first.stop()
        i = self.one("second", "--store", self.pg.url())
        shutil.copytree(self.first.data / "keys", i.data / "keys")
        for pem in list(i.data.glob("keys/*/*.pem")):
            cli("key", "compromise", "--yes", "--data", i.data, "--", pem.stem)
        i.start()
        self.assertEqual(self.strange(i), [])


class Frozen(Two):
    def introspected(self, i, token):
        """As it goes on, by who has asked it meanwhile."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(i.form, "/oauth/introspect", {"token": token},
                                token=self.agent)
            time.sleep(0.1)
            i.proc.send_signal(signal.SIGCONT)
            return asked.result()[1]["active"]

    def test_F15_what_is_asked_of_one_that_was_frozen(self):
        """What another has revoked or suspended meanwhile it has not heard of."""
        self.agent = self.first.mint("a", scopes=["mintmark:agent"])["token"]
        i = self.second(self.first)
        for n in range(6):
            t = self.first.mint()
            wait_for("the second to know it", lambda: self.introspected(i, t["token"]))
            i.freeze()
            if n % 2:
                self.first.revoke(t["id"])
            else:
                self.first.admin("POST", f"/v1/tokens/{t['id']}/suspend", {})
            self.assertFalse(self.introspected(i, t["token"]), n)


if __name__ == "__main__":
    main(at_once=2)
