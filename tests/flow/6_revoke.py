#!/usr/bin/env python3
"""Step 6, revoke: durable when acknowledged, refused everywhere at once."""
import base64
import contextlib
import json
import random
import threading
import time

from flow import SLOW, Flow, Reader, cli, main, wait_for


class Revoke(Flow):
    def test_F1_acknowledged_revocations_survive_kill_9(self):
        i, a = self.both()
        rng = random.Random(2)
        acked = []
        rounds, patience = 0, 1
        while rounds < 10 or len(acked) <= 20:  # a slow one gets few done
            rounds, before = rounds + 1, len(acked)
            tokens = [i.mint() for _ in range(40)]
            stop = threading.Event()

            def client():
                for t in tokens:
                    if stop.is_set():
                        return
                    try:
                        if i.http("DELETE", f"/v1/tokens/{t['id']}",
                                  local=True)[0] == 200:
                            acked.append(t)
                    except Exception:
                        return

            c = threading.Thread(target=client)
            c.start()
            time.sleep((0.02 + rng.random() * 0.1) * patience)
            i.kill9()
            stop.set()
            c.join()
            if len(acked) == before:
                patience *= 2
            i.start()
        for t in acked:
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t['id']}")["status"],
                             "revoked")
        # a fresh token shows that the agent has followed to the end
        last = i.mint()
        i.revoke(last["id"])
        a.wait_reason(last["token"], "revoked", 45)
        with contextlib.closing(Reader(a.state)) as reader:
            for t in acked:
                self.assertEqual(reader.ask(t["token"]), "revoked")
        # event numbers without a gap
        agent = a.token_file.read_text().strip()
        _, raw, _ = i.http("GET", "/v1/feed?after=0", token=agent)
        events = part(raw.decode(), 1)["events"]
        self.assertEqual([e["seq"] for e in events],
                         list(range(1, len(events) + 1)))

    def test_a_process_that_has_the_state_mapped_refuses(self):
        """One verifier process, open all the while, sees the bit change."""
        i, a = self.both()
        t = i.mint()
        with contextlib.closing(Reader(a.state)) as reader:
            self.assertEqual(reader.ask(t["token"]), "ok")
            i.revoke(t["id"])
            acked = time.monotonic()
            while reader.ask(t["token"]) != "revoked":
                self.assertLess(time.monotonic() - acked, 2 * SLOW)
        self.assertEqual(reader.p.returncode, 0)

    def test_suspend_and_reinstate(self):
        i, a = self.both()
        t = i.mint()
        for step, word in (("suspend", "suspended"), ("reinstate", None),
                           ("suspend", "suspended")):
            i.admin("POST", f"/v1/tokens/{t['id']}/{step}")
            a.wait_reason(t["token"], word)
        i.revoke(t["id"])
        a.wait_reason(t["token"], "revoked")
        i.admin("POST", f"/v1/tokens/{t['id']}/reinstate", expect=(409,))
        i.admin("POST", f"/v1/tokens/{t['id']}/suspend", expect=(409,))
        self.assertFalse(i.revoke(t["id"])["changed"])

    def test_all_of_a_user(self):
        i, a = self.both()
        alices = [i.mint("alice") for _ in range(5)]
        bobs = i.mint("bob")
        self.assertEqual(i.admin("DELETE", "/v1/users/alice/tokens")["revoked"], 5)
        for t in alices:
            a.wait_reason(t["token"], "revoked")
        self.assertIsNone(a.reason(bobs["token"]))
        self.assertEqual(i.admin("DELETE", "/v1/users/alice/tokens")["revoked"], 0)

    def test_many_revocations_at_once(self):
        """More of them than threads: none waits for the others' agents."""
        i, a = self.both()
        tokens = [i.mint() for _ in range(120)]
        took = []

        def revoke(some):
            for t in some:
                begun = time.monotonic()
                i.revoke(t["id"])
                took.append(time.monotonic() - begun)

        threads = [threading.Thread(target=revoke, args=(tokens[n::60],))
                   for n in range(60)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertLess(sorted(took)[60], 0.4 * SLOW, "the median one")
        with contextlib.closing(Reader(a.state)) as reader:
            for t in tokens:
                wait_for("it to be refused",
                         lambda: reader.ask(t["token"]) == "revoked")

    def test_an_agent_is_not_taken_for_another(self):
        """Two were told of a revocation, and a third comes along: the answer
        waits for the one that is slow, not for any two polls."""
        i = self.issuer()
        token = i.mint("agent", scopes=["mintmark:agent"])["token"]
        ids = [i.mint()["id"] for _ in range(3)]
        head = number(i.http("GET", "/v1/feed?after=0", token=token)[1])
        log = []

        def poll(name, after, pause=0.0):
            raw = i.http("GET", f"/v1/feed?after={after}&wait=20", token=token)[1]
            time.sleep(pause)
            log.append(name)
            after = number(raw)
            i.http("GET", f"/v1/feed?after={after}&wait=1", token=token)

        def revoke(token_id):
            i.revoke(token_id)
            log.append("answer")

        for token_id in ids:
            log.clear()
            time.sleep(0.6)  # who was given something before is forgotten
            slow, fast = (threading.Thread(target=poll, args=a) for a in
                          (("slow", head, 0.25), ("fast", head)))
            slow.start()
            fast.start()
            wait_for("both to poll", lambda: i.http(
                "GET", "/health/ready")[1]["polls"] == 2)
            r = threading.Thread(target=revoke, args=(token_id,))
            r.start()
            wait_for("one to be back", lambda: "fast" in log)
            third = threading.Thread(target=poll, args=("third", head))
            third.start()
            for t in (r, slow, fast, third):
                t.join()
            head += 1
            self.assertLess(log.index("slow"), log.index("answer"), log)

    def test_many_on_the_command_line(self):
        i = self.issuer()
        env = {"MINTMARK_SOCKET": str(i.socket)}
        ids = [i.mint()["id"] for _ in range(4)]
        cli("token", "revoke", ids[0], ids[1], env=env, check=0)
        cli("token", "revoke", "--stdin", stdin=f"{ids[2]}\n", env=env, check=0)
        p = cli("token", "revoke", "99.1", ids[3], env=env, check=1)
        self.assertIn("99.1", p.stderr)
        for t in ids:
            self.assertEqual(i.admin("GET", f"/v1/tokens/{t}")["status"], "revoked")
        cli("token", "revoke", "nonsense", env=env, check=2)
        cli("token", "revoke", env=env, check=2)

    def test_no_line_is_passed_over(self):
        """Nor does one that is no id stop the others; it is found again."""
        i = self.issuer()
        ids = [i.mint()["id"] for _ in range(3)]
        p = cli("token", "revoke", "--stdin", "--data", i.data, check=1,
                stdin=f"  {ids[0]}\n\n\t{ids[1]} \r\nnonsense\n{ids[2]}")
        self.assertEqual(p.stdout.split(": revoked\n"), [*ids, ""])
        self.assertRegex(p.stderr, r"^mintmark: line 4: an ID looks like .*\n$")

    def test_self_is_not_taken_from_a_list(self):
        """It may be a stranger's, and the token ours, an administrator's."""
        i = self.issuer()
        mine, other = (i.mint(scopes=["mintmark:admin", "mintmark:self"])
                       for _ in range(2))
        p = cli("token", "revoke", "--stdin", check=1, stdin=f"self\n{other['id']}\n",
                env={"MINTMARK_URL": i.url, "MINTMARK_TOKEN": mine["token"]})
        self.assertEqual(p.stdout, f"{other['id']}: revoked\n")
        self.assertIn("line 1: self is not taken from a list", p.stderr)
        self.assertEqual(i.admin("GET", f"/v1/tokens/{mine['id']}")["status"], "active")

    def test_rotation_of_a_token(self):
        i, a = self.both()
        t = i.mint(scopes=["photos:read"], label="ci", expires_in=3600)
        new = i.admin("POST", f"/v1/tokens/{t['id']}/rotate", {})
        self.assertEqual((new["label"], new["scopes"]), ("ci", ["photos:read"]))
        a.wait_reason(t["token"], "revoked")
        self.assertIsNone(a.reason(new["token"]))
        again = i.admin("POST", f"/v1/tokens/{new['id']}/rotate",
                        {"overlap": int(2 * max(1, SLOW / 2))})
        self.assertIsNone(a.reason(new["token"]))
        self.assertIsNone(a.reason(again["token"]))
        a.wait_reason(new["token"], "revoked", 8)
        i.admin("POST", f"/v1/tokens/{t['id']}/rotate", {}, expect=(409,))

    def test_rotation_that_keeps_the_end(self):
        i = self.issuer()
        t = i.mint(expires_in=4000, auto_refresh=3600)
        time.sleep(1.1)
        new = i.admin("POST", f"/v1/tokens/{t['id']}/rotate",
                      {"keep_expiry": True})
        self.assertEqual((new["expires_at"], new["auto_refresh"]),
                         (t["expires_at"], 3600))
        later = i.admin("POST", f"/v1/tokens/{new['id']}/rotate", {})
        self.assertEqual(life(later["token"]), life(new["token"]))
        short = i.mint(expires_in=1)
        wait_for("the token to expire", lambda: i.admin(
            "GET", f"/v1/tokens/{short['id']}")["status"] == "expired")
        i.admin("POST", f"/v1/tokens/{short['id']}/rotate",
                {"keep_expiry": True}, expect=(409,))

    def test_rotation_gives_nothing_more(self):
        """A user's own token does not make an administrator of him."""
        i = self.issuer()
        admin = i.mint("alice", scopes=["mintmark:admin"])
        for mine in (i.mint("alice", scopes=["mintmark:self"])["token"],
                     i.mint("alice")["token"]):
            status, reply, _ = i.http(
                "POST", f"/v1/tokens/{admin['id']}/rotate", {}, token=mine)
            self.assertEqual(status, 403, reply)
        short = i.mint(expires_in=1)
        wait_for("the token to expire", lambda: i.admin(
            "GET", f"/v1/tokens/{short['id']}")["status"] == "expired")
        i.admin("POST", f"/v1/tokens/{short['id']}/rotate", {}, expect=(409,))

    def test_who_may_give_back_what_was_suspended(self):
        i = self.issuer()
        mine = i.mint("alice", scopes=["mintmark:self"])["token"]
        other = i.mint("alice")["id"]

        def call(step, token):
            return i.http("POST", f"/v1/tokens/{other}/{step}", {}, token=token)[0]

        self.assertEqual(call("suspend", mine), 200)
        self.assertEqual(call("reinstate", mine), 200)
        i.admin("POST", f"/v1/tokens/{other}/suspend")
        self.assertEqual(call("reinstate", mine), 403)
        i.admin("POST", f"/v1/tokens/{other}/reinstate")

    def test_A36_a_caller_seen_before_is_judged_anew(self):
        """mintmarkd remembers signatures that were good, and nothing else."""
        i = self.issuer()
        t = i.mint("root", scopes=["mintmark:admin"])
        short = i.mint("root", scopes=["mintmark:admin"],
                       expires_in=int(3 * SLOW))

        def call(token):
            return i.http("GET", "/v1/users", token=token)[0]

        self.assertEqual((call(short["token"]), call(short["token"])), (200, 200))
        self.assertEqual((call(t["token"]), call(t["token"])), (200, 200))
        signature = t["token"].rsplit(".", 1)[1]
        forged = t["token"][:-len(signature)] + signature[::-1]
        self.assertEqual(call(forged), 401)
        i.admin("POST", f"/v1/tokens/{t['id']}/suspend")
        self.assertEqual(call(t["token"]), 401)
        i.admin("POST", f"/v1/tokens/{t['id']}/reinstate")
        self.assertEqual(call(t["token"]), 200)
        i.revoke(t["id"])
        self.assertEqual(call(t["token"]), 401)
        wait_for("it to expire", lambda: call(short["token"]) == 401)

    def test_key_rotation_under_traffic(self):
        """No good token is ever refused, while keys change beneath."""
        i, a = self.both()
        data = {"MINTMARK_DATA": str(i.data)}
        stop, wrong, minted = threading.Event(), [], []

        def traffic():
            while not stop.is_set():
                t = i.mint()
                minted.append(t["token"])
                for token in (t["token"], random.choice(minted)):
                    why = a.reason(token)
                    if why:
                        wrong.append(why)

        threads = [threading.Thread(target=traffic) for _ in range(2)]
        for t in threads:
            t.start()
        try:
            for _ in range(4):
                had = len(minted)
                time.sleep(0.3)
                wait_for("traffic", lambda: len(minted) > had + 2, 60)
                cli("key", "rotate", "--now", "--data", i.data, env=data, check=0)
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.assertEqual(wrong, [])
        self.assertGreater(len(minted), 8)
        kids = {k["kid"] for k in i.admin("GET", "/v1/keys")["keys"]}
        self.assertEqual(len(kids), 6)  # active, next, four retiring
        # a retiring key with live tokens is not taken away unless forced
        retiring = [k["kid"] for k in i.admin("GET", "/v1/keys")["keys"]
                    if k["state"] == "retiring" and k["live_tokens"]][0]
        cli("key", "retire", retiring, "--data", i.data, env=data, check=1)
        for token in minted:
            self.assertIsNone(a.reason(token, "--no-use"))
        cli("key", "retire", retiring, "--force", "--data", i.data, env=data, check=0)
        gone = [t for t in minted if kid(t) == retiring]
        a.wait_reason(gone[0], "unknown_key")

    def test_the_tokens_of_a_key(self):
        """Page by page, and nobody else's."""
        i = self.issuer()
        of = {}
        for n in range(7):
            t = i.mint()
            of.setdefault(kid(t["token"]), []).append(t["id"])
            if n % 2:
                cli("key", "rotate", "--now", "--data", i.data, check=0)
        i.revoke(of[kid(t["token"])][0])
        for key, ids in of.items():
            found, path = [], f"/v1/tokens?key={key}&limit=1"
            cursor = ""
            while cursor is not None:
                page = i.admin("GET", path + cursor)
                found += [t["id"] for t in page["tokens"]]
                cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
            self.assertEqual(sorted(found), sorted(ids))
            p = cli("token", "list", "--key", key, "-o", "json",
                    "--data", i.data, check=0)
            live = [t["id"] for t in json.loads(p.stdout)]
            self.assertEqual(set(ids) - set(live),
                             {t["id"]} & set(ids))
        self.assertEqual(i.admin("GET", "/v1/tokens?key=x")["tokens"], [])

    def test_an_agent_that_was_away_for_several_rotations(self):
        i, a = self.both()
        data = {"MINTMARK_DATA": str(i.data)}
        a.stop()
        for _ in range(3):
            cli("key", "rotate", "--now", "--data", i.data, env=data, check=0)
        t = i.mint()
        a.start()
        a.wait_reason(t["token"], None)

    def test_A37_a_stolen_key(self):
        i, a = self.both()
        data = {"MINTMARK_DATA": str(i.data)}
        t = i.mint()
        self.assertIsNone(a.reason(t["token"]))
        cli("key", "compromise", kid(t["token"]), "--yes", "--data", i.data,
            env=data, check=0)
        # the agent hears of it, although the stolen key signed its own token
        self.assertEqual(kid(a.token_file.read_text()), kid(t["token"]))
        a.wait_reason(t["token"], "unknown_key")
        fresh = i.mint()
        self.assertNotEqual(kid(fresh["token"]), kid(t["token"]))
        a.wait_reason(fresh["token"], None)
        # and goes on following; but that token opens nothing else
        i.revoke(fresh["id"])
        a.wait_reason(fresh["token"], "revoked")
        old = a.token_file.read_text().strip()
        self.assertEqual(i.http("POST", "/v1/uses", {"uses": []}, token=old)[0], 401)
        self.assertEqual(i.http("GET", "/v1/tokens", token=old)[0], 401)
        other = i.mint("x", scopes=["mintmark:agent"])
        self.assertEqual(i.http("POST", "/v1/uses", {"uses": []},
                                token=other["token"])[0], 200)


def part(jws, n):
    p = jws.split(".")[n]
    return json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)))


def kid(token):
    return part(token, 0)["kid"]


def life(token):
    c = part(token, 1)
    return c["exp"] - c["iat"]


def number(batch):
    return part(batch.decode(), 1)["seq"]


if __name__ == "__main__":
    main(at_once=3)
