#!/usr/bin/env python3
"""What minting takes of the mint's memory, and answering a proxy of the agent's,
however often it is done.  MM_LONG: 100,000 mints, a million questions."""
import base64
import json
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import SLOW, Flow, free_port, main, wait_for  # noqa: E402
from raw import Raw, request, resident  # noqa: E402

LONG = bool(os.environ.get("MM_LONG"))
MINTS = 100000 if LONG else 8000
QUESTIONS = 1000000 if LONG else 20000
CLIENTS = 8
KIB, MIB = 1 << 10, 1 << 20
# What grows with the tokens that there are is the status list, two bits each;
# SQLite keeps pages up to a limit, and malloc rounds.
TOLERANCE = MIB
# Nothing grows with questions: malloc rounds.
DOOR_TOLERANCE = 512 * KIB


def told(what, sizes):
    print(f"{what}, KiB after each quarter: "
          f"{', '.join(str(s // KIB) for s in sizes)}", file=sys.stderr)


class Memory(Flow):
    def mint_many(self, i, n):
        """From several connections, that end and are made anew."""
        failed = []

        def mint(count):
            while count > 0:
                c = Raw(i.socket)
                for k in range(min(count, 500)):
                    body = {"user": f"user-{k}", "expires_in": 3600}
                    r = c.ask("/v1/tokens", method="POST",
                              body=json.dumps(body).encode())
                    if r.status != 201:
                        failed.append(r)
                count -= 500
                c.close()

        threads = [threading.Thread(target=mint, args=(n // CLIENTS,))
                   for _ in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failed, [])

    def test_F20_mints(self):
        """Half of them to fill what is kept, then half at the same size."""
        i = self.issuer()
        sizes = []
        for _ in range(4):
            self.mint_many(i, MINTS // 4)
            sizes.append(resident(i))
        told(f"{MINTS} mints", sizes)
        if SLOW == 1:  # sanitizers keep what is freed
            self.assertLess(sizes[3] - sizes[1], TOLERANCE)


def bearer(token):
    return f"Authorization: Bearer {token}"


def basic(user, token):
    pair = base64.b64encode(f"{user}:{token}".encode()).decode()
    return f"Authorization: Basic {pair}"


class Questions(Flow):
    """What a proxy asks at an agent's door."""

    def questions(self, i, a):
        """[(what is sent, the status to come)]: of each ten four are refused."""
        asks = []
        for n in range(100):
            sort = {} if n % 20 < 10 else {"auto_refresh": 3600}
            good, revoked, lacks = (
                i.mint(f"user-{n}", scopes=[scope], expires_in=7200, **sort)
                for scope in ("photos:read", "photos:read", "mail:read"))
            i.revoke(revoked["id"])
            t, user = good["token"], f"user-{n}"
            asks += [(bearer(t), 200), (basic(user, t), 200)] * 3 + [
                (bearer(revoked["token"]), 401), (basic("somebody", t), 401),
                (bearer(lacks["token"]), 403),
                (bearer(t[:-20] + ("B" if t[-20] == "A" else "A") + t[-19:]), 401)]
        a.wait_reason(revoked["token"], "revoked")
        return [(request("/auth?scope=photos:read", h), s) for h, s in asks]

    def answer(self, conn, question):
        conn.send(question)
        return conn.reply().status

    def ask_many(self, conns, asks, n):
        """From connections that stay, one question on each at a time."""
        for k in range(0, n, len(conns)):
            now = [asks[(k + j) % len(asks)] for j in range(len(conns))]
            for c, (question, _) in zip(conns, now):
                c.send(question)
            for c, (question, status) in zip(conns, now):
                r = c.reply()
                if r.status != status:
                    self.fail(f"{r}, not {status}, to {question}")

    def test_F20_questions(self):
        """The first quarter fills what is kept; then it stays as it is."""
        port = free_port()
        i, a = self.both(agent_flags=["--listen", f"127.0.0.1:{port}"])
        asks = self.questions(i, a)
        conns = [Raw(port) for _ in range(CLIENTS)]
        wait_for("the door to know the state", lambda: self.answer(
            conns[0], asks[0][0]) != 503, 20)
        sizes = []
        for _ in range(4):
            self.ask_many(conns, asks, QUESTIONS // 4)
            sizes.append(resident(a))
        told(f"{QUESTIONS} questions", sizes)
        for c in conns:
            c.close()
        if SLOW == 1:
            self.assertLess(max(sizes[1:]) - sizes[0], DOOR_TOLERANCE)


if __name__ == "__main__":
    main()
