#!/usr/bin/env python3
"""How each page looks, in light and dark, wide and narrow, for who sees it
and for who does not: npm/looks.mjs.  The pictures are left in the build
folder, console-screenshots/, to be looked at."""
from console import BUILD, Console, main


class Looks(Console):
    def test_in_a_browser(self):
        i = self.filled(500, 40)
        for agent in ("agent of files", "agent of the gate"):
            i.http("GET", "/v1/feed?after=1", token=i.mint(
                agent, scopes=["mintmark:agent"])["token"])
        for token in ["nonsense"] * 5 + [i.mint(audience=["x"])["token"]]:
            i.http("GET", "/v1/tokens", token=token)
        self.drive("looks.mjs", i, pictures=str(BUILD / "console-screenshots"),
                   token=self.some_tokens(i))

    def some_tokens(self, i):
        """Alice's, one of each kind; the id of one with everything."""
        rich = i.mint("alice", label="WebDAV on the laptop", auto_refresh="7d",
                      scopes=["node:apollo:rw", "node:inbox:w", "photos:read",
                              "mail:send"], audience=["files"],
                      allow_long=True)
        i.mint("alice", label="backup job", expires_in="30d",
               scopes=["node:1b9d:rw", "photos:read"])
        scanner = i.mint("alice", label="the scanner in the hall",
                         expires_in="90d", scopes=["scan:write"])
        i.admin("POST", f"/v1/tokens/{scanner['id']}/suspend")
        i.revoke(i.mint("alice", label="old laptop")["id"])
        i.mint("alice", expires_in="2h")
        i.mint("a-very-long-user-name-without-any-place-to-break-it@"
               "department.of.long.names.example.org", label="l" * 255,
               allow_long=True)
        return rich["id"]


if __name__ == "__main__":
    main()
