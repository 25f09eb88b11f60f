#!/usr/bin/env python3
"""A stolen key where the keyring is not the usual one: nothing waits in next/,
or what waits, or what was stolen, is in a PKCS#11 token."""
import unittest

from flow import Flow, cli, main
from in_token import InToken, header, missing
from key_compromise import compromise, handed_out


def kids(issuer, state):
    return sorted(f.name[:11] for f in
                  (issuer.data / "keys" / state).glob("[!.]*"))


class Stolen(Flow):
    def throw_out(self, i, key, *flags):
        """With new tokens in a folder; {old id: new token}, and what it said."""
        folder = self.folder / f"new-{key}"
        p = compromise(i, key, "--reissue", folder, *flags)
        return {old: new for of in handed_out(folder).values()
                for old, new in of.items()}, p.stdout

    def assert_replaced(self, i, a, old, new, by):
        """Agents that are connected have heard of all, and refused nothing."""
        a.wait_reason(old["token"], "unknown_key")
        token = new[old["id"]]
        self.assertEqual(header(token)["kid"], by)
        a.wait_reason(token, None)
        fresh = i.mint()["token"]
        self.assertEqual(header(fresh)["kid"], by)
        a.wait_reason(fresh, None)
        self.assertNotIn("feed.refused", a.text())

    def test_nothing_waits(self):
        """Nobody has heard of the key that takes over.  It is announced by the
        stolen one, which signs no more before all have heard."""
        i, a = self.both()
        waits, = kids(i, "next")
        (i.data / f"keys/next/{waits}.pem").unlink()
        i.admin("POST", "/v1/keys/reload", {})
        old = i.mint()
        a.wait_reason(old["token"], None)
        new, said = self.throw_out(i, old["key"])
        self.assertIn("tells the verifiers", said)
        signs, = kids(i, "active")
        self.assert_replaced(i, a, old, new, by=signs)
        self.assertEqual(len(kids(i, "next")), 1)


@unittest.skipIf(missing(), f"not installed: {missing()}")
class InTheToken(InToken, Stolen):
    test_nothing_waits = None  # once is enough

    def test_the_signer_in_the_token_and_nothing_waits(self):
        i, a, kid = self.signing_in_token()
        for key in kids(i, "retiring"):  # nobody else that the agent knows
            cli("key", "retire", "--force", "--data", i.data, "--", key, check=0)
        old = i.mint()
        a.wait_reason(old["token"], None)
        new, said = self.throw_out(i, kid)
        self.assertIn("object in the PKCS#11 token is still there", said)
        self.assertEqual(list(i.data.glob("keys/*/*.uri")), [])
        signs, = kids(i, "active")
        self.assert_replaced(i, a, old, new, by=signs)
        self.assertEqual(len(kids(i, "next")), 1)
        i.stop()
        self.assertEqual(header(i.start().mint()["token"])["kid"], signs)

    def test_the_next_one_is_in_the_token(self):
        """It takes over, and no software key comes behind it."""
        i, a = self.both()
        old = i.mint("alice", label="ci")
        a.wait_reason(old["token"], None)
        plain, = kids(i, "next")
        kid = self.imported(i, "first")
        compromise(i, plain)
        self.assertEqual(kids(i, "next"), [kid])
        new, said = self.throw_out(i, old["key"])
        self.assertNotIn("PKCS#11", said)
        self.assert_replaced(i, a, old, new, by=kid)
        self.assertEqual((kids(i, "active"), kids(i, "next")), ([kid], []))
        again, _ = self.throw_out(i, old["key"])
        self.assertEqual(again, new)
        page = i.admin("GET", "/v1/tokens?user=alice&status=active")["tokens"]
        self.assertEqual(len([t for t in page if t["label"] == "ci"]), 1)


if __name__ == "__main__":
    main()
