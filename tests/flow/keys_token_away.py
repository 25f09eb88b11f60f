#!/usr/bin/env python3
"""The PKCS#11 token with the signing key is away: whoever asks for a signature
is told so, one line in the log says what to do, nothing is half done, and
nobody is told that verifiers know what they cannot."""
import json
import shutil
import signal
import sqlite3
from urllib.parse import urlencode

from flow import cli, wait_for
from in_token import MODULE, InToken, header, main_with_token
from oauth import ACCESS, EXCHANGE, FORM, claims

GRANT = {"user": "alice", "expires_in": 600}


class Away(InToken):
    def setUp(self):
        super().setUp()
        self.i, self.a, self.kid = self.signing_in_token()
        self.agent_token = self.a.token_file.read_text().strip()

    def leave(self):
        self.tokens.rename(self.folder / "away")

    def come_back(self):
        (self.folder / "away").rename(self.tokens)

    def rows(self):
        """Tokens, events, repeats and the audit: all that a request could leave,
        but for when its own token was seen."""
        db = sqlite3.connect(f"file:{self.i.data}/mintmark.db?mode=ro", uri=True)
        try:
            return [list(db.execute(f"SELECT {what} ORDER BY 1, 2"))
                    for what in ("list, idx, status, dies_at, last_use FROM token",
                                 "* FROM event", "* FROM repeat",
                                 "* FROM audit")]
        finally:
            db.close()

    def lines(self, event):
        """Of ours; softhsm2 writes there, too."""
        ours = [l for l in self.i.text().splitlines() if l.startswith("{")]
        return [l for l in map(json.loads, ours) if l["event"] == event]

    def post(self, path, body=None, key=None):
        return self.i.http("POST", path, body or {}, local=True,
                           headers={"Idempotency-Key": key} if key else {})

    def exchange(self, token):
        return self.i.http("POST", "/oauth/token", urlencode({
            "grant_type": EXCHANGE, "subject_token": token,
            "subject_token_type": ACCESS, "audience": "files"}).encode(),
            headers={"Content-Type": FORM})

    def failing(self):
        checks = self.i.http("GET", "/health/ready")[1]["checks"]
        return {k for k, c in checks.items() if c["status"] != "ok"}

    def feed(self, path):
        return self.i.http("GET", path, token=self.agent_token)

    def doors(self, token, old):
        """What each door that signs is asked, by the typ that it signs."""
        seq = self.i.http("GET", "/health/ready")[1]["seq"]
        return [
            ("JWT", lambda: self.post("/v1/tokens", GRANT)),
            ("JWT", lambda: self.post("/v1/tokens", GRANT, key="new")),
            ("JWT", lambda: self.post("/v1/tokens", GRANT, key="old")),
            ("JWT", lambda: self.post(f"/v1/tokens/{old['id']}/rotate")),
            ("at+jwt", lambda: self.exchange(token["token"])),
            ("statuslist+jwt", lambda: self.i.http("GET", "/s/1")),
            ("mintmark-snapshot+jwt", lambda: self.feed("/v1/snapshot")),
            ("mintmark-feed+jwt", lambda: self.feed(f"/v1/feed?after={seq}"))]

    def test_every_door(self):
        token, old = self.i.mint(), self.i.mint()
        self.assertEqual(self.post("/v1/tokens", GRANT, key="old")[0], 201)
        self.a.wait_reason(old["token"], None)
        agent = self.a
        agent.stop()  # its polls would be in the log, too
        self.assertEqual(self.failing(), set())
        self.leave()
        before = self.rows()
        wait_for("it to be noticed, though nobody wants a signature",
                 lambda: self.failing() == {"signing", "feed"}, 20)
        self.assertEqual(self.i.http("GET", "/health/ready")[0], 503)
        self.assertEqual(self.i.http("GET", "/health/live")[0], 200)
        for typ, ask in self.doors(token, old):
            seen = len(self.lines("keys.sign_failed"))
            status, reply, headers = ask()
            self.assertEqual((status, reply["reason"]), (503, "unavailable"))
            self.assertEqual(headers["Content-Type"], "application/problem+json")
            self.assertIn(f"the key {self.kid} does not sign now",
                          reply["detail"])
            said = self.lines("keys.sign_failed")[seen:]
            self.assertEqual([(l["kid"], l["typ"]) for l in said],
                             [(self.kid, typ)])
            self.assertIn("restart mintmarkd", said[0]["detail"])
        self.assertEqual(self.rows(), before)
        self.assertIsNone(agent.reason(old["token"]))

        # it is back: SIGHUP does not do, and says what does
        self.come_back()
        self.i.proc.send_signal(signal.SIGHUP)
        wait_for("the log", lambda: self.lines("keys.reload_failed"))
        self.assertIn("restart mintmarkd",
                      self.lines("keys.reload_failed")[0]["detail"])
        self.i.stop()
        self.i.start()
        self.assertEqual(self.failing(), set())
        agent.start()
        for typ, ask in self.doors(token, old):
            status, reply, _ = ask()
            self.assertIn(status, (200, 201), reply)
        new = self.i.mint()["token"]
        self.assertEqual(header(new)["kid"], self.kid)
        agent.wait_reason(new, None)
        agent.wait_reason(old["token"], "revoked")  # now it is rotated

    def test_what_is_revoked_then(self):
        """It is on the disk, and in no signed list: so it is not said to be
        published, and once the token is back it is."""
        t = [self.i.mint()["token"] for _ in range(2)]
        for token in t:
            self.a.wait_reason(token, None)
        self.leave()
        reply = self.i.revoke(claims(t[0])["jti"])
        self.assertEqual((reply["changed"], reply["published"]), (True, False))
        p = cli("token", "revoke", claims(t[1])["jti"], check=0,
                env={"MINTMARK_SOCKET": str(self.i.socket)})
        self.assertIn("verifiers do not know yet", p.stderr)
        self.assertEqual(len(self.lines("publish.late")), 2)
        self.assertIsNone(self.a.reason(t[0]))  # that is why it is said
        # the mint itself knows
        self.assertEqual(self.exchange(t[0])[0], 400)

        self.come_back()
        self.i.stop()
        self.i.start()
        for token in t:
            self.a.wait_reason(token, "revoked")
        other = self.i.mint()
        self.a.wait_reason(other["token"], None)
        self.assertTrue(self.i.revoke(other["id"])["published"])

    def test_the_module_is_gone(self):
        """Who has it open goes on; a start is refused by the file's name."""
        module = self.folder / "module.so"
        self.i.stop()
        shutil.copy(MODULE, module)
        self.set_env(PKCS11_MODULE_PATH=str(module))
        self.i.start()
        module.unlink()
        self.assertEqual(header(self.i.mint()["token"])["kid"], self.kid)
        p = cli("key", "rotate", "--data", self.i.data, check=1)
        self.assertIn(f"active/{self.kid}.uri", p.stderr)
        self.assertIn("PKCS11_MODULE_PATH", p.stderr)
        self.i.stop()
        self.assertIn(f"active/{self.kid}.uri", self.i.refused())
        self.set_env(PKCS11_MODULE_PATH=MODULE)
        self.i.start().mint()


if __name__ == "__main__":
    main_with_token()
