#!/usr/bin/env python3
"""Step 6, asked again: a request with an Idempotency-Key comes back when what it
made has been revoked, or has died, or has lost its key.  The answer says so."""
import json

from flow import Flow, cli, main, wait_for
from key_compromise import compromise, handed_out, part

GRANT = {"user": "alice", "expires_in": 3600}


class Again(Flow):
    def ask(self, i, path="/v1/tokens", body=None, key="K", token=None):
        return i.http("POST", path, GRANT if body is None else body, token=token,
                      local=token is None, headers={"Idempotency-Key": key})[:2]

    def made(self, i, key, **grant):
        body = {**GRANT, **grant}
        status, first = self.ask(i, body=body, key=key)
        self.assertEqual(status, 201, first)
        return body, first

    def count(self, i):
        return len(i.admin("GET", "/v1/tokens?status=all")["tokens"])

    def test_what_has_become_of_it(self):
        """The same token, and in `status` what it is; refused as it says."""
        i, a = self.both()
        ends = {
            "expired": ({"expires_in": 1}, None),
            "idle": ({"auto_refresh": 1}, None),
            "suspended": ({}, ("POST", "/suspend")),
            "revoked": ({}, ("DELETE", ""))}
        made = {word: self.made(i, word, **grant)
                for word, (grant, _) in ends.items()}
        before = self.count(i)
        for word, (_, change) in ends.items():
            body, first = made[word]
            path = f"/v1/tokens/{first['id']}"
            if change:
                i.admin(change[0], path + change[1])
            wait_for(f"it to be {word}", lambda: i.admin(
                "GET", path)["status"] == word)
            status, again = self.ask(i, body=body, key=word)
            self.assertEqual((status, again["id"], again["status"]),
                             (201, first["id"], word))
            self.assertEqual(part(again["token"], 1), part(first["token"], 1))
            for t in (first, again):
                a.wait_reason(t["token"], word)
        self.assertEqual(self.count(i), before)

    def test_its_key_is_gone(self):
        """Retired or stolen: 409 with the id, whatever became of the token."""
        i, a = self.both()
        at = ("--data", i.data)
        mine = i.mint("alice", scopes=["mintmark:self"])["token"]
        _, old = self.made(i, "K")
        self.assertEqual(self.ask(i, "/v1/tokens/self/rotate", {}, "R",
                                  mine)[0], 201)
        cli("key", "rotate", "--now", *at, check=0)
        status, again = self.ask(i)  # retiring: it signs what it has signed
        self.assertEqual((status, again["key"]), (201, old["key"]))
        _, new = self.made(i, "L", label="new")
        cli("key", "retire", old["key"], "--force", *at, check=0)
        compromise(i, new["key"])
        for first, key, body in ((old, "K", GRANT),
                                 (new, "L", {**GRANT, "label": "new"})):
            a.wait_reason(first["token"], "unknown_key")
            for _ in range(2):
                status, reply = self.ask(i, body=body, key=key)
                self.assertEqual((status, reply["reason"]), (409, "conflict"))
                self.assertIn(f"made token {first['id']},", reply["detail"])
                self.assertIn("make a new one", reply["detail"])
                self.assertNotIn("token", reply)
                i.revoke(first["id"])
        # a token that has rotated itself, and whose key is gone: a stranger
        self.assertEqual(self.ask(i, "/v1/tokens/self/rotate", {}, "R",
                                  mine)[0], 401)
        self.assertEqual(self.ask(i, key="M")[0], 201)

    def test_A36_a_replacement_that_was_revoked(self):
        """compromise --reissue was cut off when the mint had made the new
        token; somebody revoked it; the next run does not hand it out."""
        i = self.issuer()
        old = i.mint()
        key, folder = old["key"], self.folder / "new"
        compromise(i, key)
        folder.mkdir(mode=0o700)
        p = cli("key", "report", key, "-o", "json", "--data", i.data, check=0)
        plan = folder / "plan.json"
        plan.write_text(json.dumps({"key": key, "tokens": json.loads(
            p.stdout)["tokens"]}))
        plan.chmod(0o600)
        status, made, _ = i.http(
            "POST", f"/v1/tokens/{old['id']}/rotate", b'{"keep_expiry":true}',
            local=True, headers={"Idempotency-Key": f"{key}-{old['id']}",
                                 "Content-Type": "application/json"})
        self.assertEqual(status, 201, made)
        i.revoke(made["id"])
        said = compromise(i, key, "--reissue", folder).stdout
        self.assertIn(f"{old['id']} of alice was not replaced: the one that an "
                      f"earlier run made for it, {made['id']}, is revoked", said)
        self.assertEqual(handed_out(folder).get("alice", {}), {})
        self.assertIn(f"{old['id']}\t-\talice",
                      (folder / "manifest.tsv").read_text())


if __name__ == "__main__":
    main()
