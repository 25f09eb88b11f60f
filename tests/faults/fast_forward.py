#!/usr/bin/env python3
"""A thief of the key that signs, between mint and agent, drives the event
number to its end: nothing the mint says is newer any more.  What brings the
agent home, and what does not.  (The fast-forward attack of The Update
Framework.)"""
import time

import bad_days  # noqa: F401  (says where flow is)
from flow import SLOW, main, wait_for
from key_compromise import Thief, compromise, kid, part

END = (1 << 63) - 1
NONE_REVOKED = "eNoDAAAAAAE"  # packed zeros


class FastForward(Thief):
    def begin(self):
        super().begin("--max-staleness", f"{4 * SLOW:.0f}s")
        self.bad = self.i.mint()
        self.i.revoke(self.bad["id"])
        self.a.wait_reason(self.bad["token"], "revoked")

    def snapshot(self, **changes):
        """The mint's own, changed and signed by the thief: handed out to who
        asks for it, and to who follows a word to ask."""
        raw = self.i.http("GET", "/v1/snapshot",
                          token=self.a.token_file.read_text().strip())[1]
        forged = {**part(raw.decode(), 1), "iat": int(time.time()), **changes}
        for l in forged["lists"]:
            l["status"] = NONE_REVOKED
        jws = self.thief["active"].sign("mintmark-snapshot+jwt", forged).encode()
        return lambda path, ask: ((200, jws) if "snapshot" in path else (410, b""))

    def test_F10_fast_forward(self):
        """Nothing is believed once it is stale; a new history brings the agent
        back, with every revocation that it holds."""
        self.begin()
        self.liar.mode = self.overhear(self.snapshot(seq=END))
        self.a.proc.send_signal(1)
        # the lie is taken, and the mint's own word refused from then on
        wait_for("it to be driven forward", lambda: "/v1/feed?after=%d" % END in
                 self.asked, 40)
        self.liar.mode = self.overhear(None)
        wait_for("the mint to be refused", lambda: "rollback" in self.a.text(), 40)
        self.a.wait_reason(self.good["token"], "stale", 20)

        # to throw the key out is needed, and not enough
        compromise(self.i, self.thief["active"].kid)
        fresh = self.i.mint()
        self.lie(self.liar.mode)
        self.assertEqual(self.a.reason(fresh["token"], "--no-use"), "stale")

        self.i.stop()
        self.i.start(flags=["--restored"])
        fresh = self.i.mint()
        self.assertNotEqual(kid(fresh["token"]), self.thief["active"].kid)
        self.home(lambda: self.a.reason(fresh["token"]) is None)
        self.assertEqual(self.a.reason(self.good["token"]), "unknown_key")
        self.assertEqual(self.a.reason(self.bad["token"]), "unknown_key")
        self.i.revoke(fresh["id"])
        self.a.wait_reason(fresh["token"], "revoked")
        # the thief's key opens nothing here any more
        self.lie(self.snapshot(seq=END))
        self.assertEqual(self.a.reason(self.good["token"], "--no-use"), "unknown_key")

    def overhear(self, mode):
        self.asked = []

        def listen(path, ask):
            self.asked.append(path.partition("&")[0])
            return mode(path, ask) if mode else ask(path)
        return listen

    def test_F10_beyond_the_last_number(self):
        """2^63 is no number; and a history of the thief's own, in which nothing
        is revoked, takes no revocation back, and ends when the mint is heard."""
        self.begin()
        self.lie(self.snapshot(seq=END + 1))
        self.home(lambda: self.a.reason(self.good["token"]) is None)
        self.assertNotIn("rollback", self.a.text())
        self.lie(self.snapshot(seq=END, epoch="f" * 32))
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")
        self.home(lambda: self.a.reason(self.good["token"]) is None)
        self.assertEqual(self.a.reason(self.bad["token"]), "revoked")


if __name__ == "__main__":
    main(at_once=2)
