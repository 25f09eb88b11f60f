#!/usr/bin/env python3
"""What minting and answering takes of the mint's memory, however often it is
done.  MM_LONG: 100,000 mints."""
import json
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from flow import SLOW, Flow, main  # noqa: E402
from raw import Raw, request, resident  # noqa: E402

LONG = bool(os.environ.get("MM_LONG"))
MINTS = 100000 if LONG else 8000
CLIENTS = 8
MIB = 1 << 20
# What grows with the tokens that there are is the status list, two bits each;
# SQLite keeps pages up to a limit, and malloc rounds.
TOLERANCE = MIB


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
            sizes.append(resident(i) / MIB)
        told = ", ".join(f"{s:.1f}" for s in sizes)
        print(f"{MINTS} mints, MiB after each quarter: {told}",
              file=sys.stderr)
        if SLOW == 1:  # sanitizers keep what is freed
            self.assertLess((sizes[3] - sizes[1]) * MIB, TOLERANCE)


if __name__ == "__main__":
    main()
