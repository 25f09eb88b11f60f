#!/usr/bin/env python3
"""apache_webdav.py - WebDAV by Apache: deploy/apache/webdav.conf."""
import shutil

from apache import Apache
from dav import Dav
from doors import Life, main, need_programs
from web import curl


class ApacheWebdav(Dav, Life, Apache):
    WRONG = ("mintmark.lua", "type=node", "typ=node")

    def grow(self, *files):
        super().grow(*files)
        self.give(self.files)

    def start_door(self, issuer, agent, **kw):
        self.start_apache("webdav.conf", lambda port, home: {
            "127.0.0.1:8084": f"127.0.0.1:{port}",
            "/srv/files": self.files,
            "${APACHE_LOCK_DIR}": home / "locks"}, **kw)


    def nobody_gets_in(self, edit, why, *statuses):
        i, _ = self.open(edit=edit)
        t = i.mint("alice")["token"]
        for kw in ({"token": t}, {"user": "alice", "token": t}, {}):
            for verb in ("GET", "PROPFIND", "OPTIONS", "DELETE"):
                r = curl(verb, self.url + "/top.txt", **kw)
                self.refused(r, *statuses)
        log = (self.folder / "apache-error.log").read_text()
        self.assertIn(why, log)

    def test_an_error_in_the_script(self):
        def edit(home):
            lua = home / "mintmark.lua"
            lua.write_text(lua.read_text().replace(
                "local function is_plain(path)",
                "local function is_plain(path)\n\terror(\"broken\")", 1))
        self.nobody_gets_in(edit, "broken", 503)

    def test_a_script_that_does_not_load(self):
        def edit(home):
            with (home / "mintmark.lua").open("a") as f:
                f.write("this is not Lua\n")
        self.nobody_gets_in(edit, "Error loading", 500)

    def test_no_script(self):
        self.nobody_gets_in(lambda home: (home / "mintmark.lua").unlink(),
                            "mintmark.lua", 500)

    def test_a_script_that_forgets_to_answer(self):
        def edit(home):
            with (home / "mintmark.lua").open("a") as f:
                f.write("function webdav(r) end\n")
        self.nobody_gets_in(edit, "did not return a numeric value", 500)

    def test_a_map_that_is_none(self):
        def edit(home):
            (home / "nodes.map").write_text('~^/projects "root";\n')
        self.nobody_gets_in(edit, "nodes.map:1: ", 503)

    def test_a_map_whose_lines_do_not_end(self):
        """^/projects also fits /projects2."""
        homes = []
        i, _ = self.open(edit=homes.append)
        t = i.mint("alice")["token"]
        log = self.folder / "apache-error.log"
        for end in ("", "$", "/", "(/|$)"):
            (homes[0] / "nodes.map").write_text(
                f'# mine\n"~^/projects{end}" "projects";\n')
            log.write_text("")
            self.refused(self.get("/top.txt", "alice", t), 503)
            self.assertIn("nodes.map:2: ", log.read_text(), end)

    def test_a_map_that_takes_over_too_much(self):
        def edit(home):
            nodes = home / "nodes.map"
            nodes.write_text(nodes.read_text().replace(
                "([A-Za-z0-9_-]+)", "([^/]*)"))
        i, _ = self.open(edit=edit)
        mine = i.mint("alice", scopes=["node:mine:rw",
                                       "node:home-alice:rw"])["token"]
        self.assertEqual(self.get("/home/alice/h.txt", "alice", mine).status,
                         200)
        for name in ("x+mine", "x%20mine", "mine&perm=r", "x&ids=mine",
                     "x&to=mine", "%c3%a4", "x.y"):
            self.refused(self.do("PUT", f"/home/{name}", mine, data=b"x"),
                         403)
            self.refused(self.do("COPY", "/home/alice/h.txt", mine,
                                 f"/home/{name}"), 403)

    def test_no_map(self):
        self.nobody_gets_in(lambda home: (home / "nodes.map").unlink(),
                            "nodes.map: ", 503)

    def test_what_the_agent_is_asked(self):
        """mod_dav looks up a Destination as a request of its own, which is
        refused as well: so what the first question says is looked at here."""
        def edit(home):
            lua = home / "mintmark.lua"
            text, old = lua.read_text(), "ask(need(r), "
            self.assertEqual(text.count(old), 1)
            lua.write_text(text.replace(old, "ask(told(r, need(r)), ").replace(
                "local function door(", "local function told(r, need)\n"
                "r:info('asks ' .. need .. ' .') return need end\n"
                "local function door(", 1))
        i, _ = self.open(edit=edit)
        token = i.mint("alice", scopes=["node:apollo:rw"])["token"]
        log = self.folder / "apache-error.log"
        apollo = "apollo+projects+root"
        for to, ids in (
                (f"{self.url}/projects/apollo/x", apollo),
                ("/projects/apollo/x", apollo), ("/projects/apollo", apollo),
                ("/projects/%61pollo/x", apollo),
                ("/projects/apollo2/x", "projects+root"),
                ("/projects/apollo/..x/y", apollo), ("/", "root"),
                ("/home/bob/x", "home-bob+root"), ("/home/b.b/x", "root"),
                ("/home/b+c/x", "root"), ("/home/b%26perm=r/x", "root"),
                ("/projects/apollo/../beta/x", ""), ("/projects/apollo/.", ""),
                ("/projects/apollo/%2e%2e/beta/x", ""),
                ("/projects/apollo/%2E./beta/x", ""),
                ("/projects/apollo%2f..%2fbeta/x", ""),
                ("/projects/apollo%0a/x", ""), ("//projects/apollo/x", ""),
                ("/projects/apollo/x?y", ""), ("/projects/apollo/x#y", ""),
                ("/projects/apollo%3f/x", ""), ("/projects/apollo\\x", ""),
                ("http://a?/projects/apollo/x", ""), ("HTTP://a/x", ""),
                ("projects/apollo/x", ""), ("", "")):
            log.write_text("")
            self.do("COPY", "/projects/apollo/a.txt", token,
                    headers=[f"Destination: {to}" if to else "Accept: */*"])
            asked = log.read_text().partition("asks ")[2].partition(" .")[0]
            self.assertEqual(asked, f"type=node&ids={apollo}&to={ids}"
                             "&method=COPY", to)

    def test_the_map_is_read_again(self):
        homes = []
        i, _ = self.open(edit=homes.append)
        t = i.mint("alice", scopes=["node:apollo:rw"])["token"]
        path = "/projects/apollo/a.txt"
        self.assertEqual(self.get(path, "alice", t).status, 200)
        nodes = homes[0] / "nodes.map"
        nodes.write_text(nodes.read_text().replace('"apollo+', '"renamed+'))
        self.assertEqual(self.get(path, "alice", t).status, 403)

    def test_over_a_unix_socket(self):
        """As the file says it; Apache's user is in the agent's group."""
        address = f"unix:{self.folder}/auth.sock"
        self.listen = lambda: address
        i, _ = self.open()
        if self.server_user:
            shutil.chown(self.folder / "auth.sock", group=self.server_user)
        t = i.mint("alice")["token"]
        self.assertTrue(self.read("alice", t))
        self.assertTrue(self.write("alice", t))
        self.assertFalse(self.read("bob", t))


if __name__ == "__main__":
    need_programs("apache2", "curl", "rclone", "cadaver")
    main(at_once=2)
