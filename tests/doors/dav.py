"""dav.py - what the tests of WebDAV doors share: a tree of folders that
nodes.map knows, every verb with every kind of token, ways to lead a server
out of a folder, and the clients that people use.
"""
import os
import subprocess

from web import Guarded, curl, raw

#: The tree, and what each file holds.  Whoever sees "secret" was outside.
FILES = {
    "top.txt": "secret top",
    "projects/plan.txt": "secret plan",
    "projects/apollo/a.txt": "apollo's own",
    "projects/apollo/deep/d.txt": "apollo's deep one",
    "projects/apollo2/x.txt": "secret of a folder with a longer name",
    "projects/beta/b.txt": "secret beta",
    "home/alice/h.txt": "home of alice",
    "home/bob/h.txt": "secret home of bob",
}

#: What a token may do, by the name that the tables below call it.
TOKENS = {
    "login": None,
    "root-rw": ["node:root:rw"],
    "root-r": ["node:root:r"],
    "apollo-rw": ["node:apollo:rw"],
    "apollo-r": ["node:apollo:r"],
    "apollo-w": ["node:apollo:w"],
    "other": ["photos:read", "folder:root:rw", "node:nowhere:rw"],
}
READERS = {
    "projects/apollo/deep": ("login", "root-rw", "root-r", "apollo-rw",
                             "apollo-r"),
    "projects/apollo": ("login", "root-rw", "root-r", "apollo-rw",
                        "apollo-r"),
    "projects/apollo2": ("login", "root-rw", "root-r"),
    "projects/beta": ("login", "root-rw", "root-r"),
    "projects": ("login", "root-rw", "root-r"),
    "": ("login", "root-rw", "root-r"),
}
WRITERS = {
    "projects/apollo/deep": ("login", "root-rw", "apollo-rw", "apollo-w"),
    "projects/apollo": ("login", "root-rw", "apollo-rw", "apollo-w"),
    "projects/apollo2": ("login", "root-rw"),
    "projects/beta": ("login", "root-rw"),
    "projects": ("login", "root-rw"),
    "": ("login", "root-rw"),
}
LOCK = (b'<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:">'
        b"<D:lockscope><D:exclusive/></D:lockscope>"
        b"<D:locktype><D:write/></D:locktype></D:lockinfo>")
#: verb, what of the folder, and its Destination or body
READING = [("OPTIONS", "", {}), ("GET", "f", {}), ("HEAD", "f", {}),
           ("PROPFIND", "", {"headers": ["Depth: 1"]}),
           ("PROPFIND", "f", {"headers": ["Depth: 0"]})]
CHANGING = [("PUT", "new", {"data": b"new"}),
            ("PUT", "f", {"data": b"changed"}), ("MKCOL", "made/", {}),
            ("COPY", "f", {"to": "copied"}), ("MOVE", "f", {"to": "moved"}),
            ("LOCK", "f", {"data": LOCK}), ("DELETE", "f", {})]
MY_FOLDER = {"my folder (\u00e4)/m.txt": "mine",
             "my folder (\u00e4)/in/m.txt": "mine too"}
#: COPY and MOVE to themselves, into themselves, over what is around them; in
#: spellings that differ and mean the same.
INTO_ITSELF = [
    ("/projects/", "/projects/apollo/deep/x/"), ("/projects/", "/projects/x/"),
    ("/projects/apollo/", "/projects/apollo/deep/x/"),
    ("/projects/apollo/", "/projects/apollo/x/"),
    ("/projects/apollo/", "/projects/apollo/"),
    ("/projects/apollo", "/projects/apollo"),
    ("/projects/apollo", "/projects/apollo/x"),
    ("/projects/apollo/a.txt", "/projects/apollo/a.txt"),
    ("/projects/apollo/a.txt", "/projects/apollo/%61.txt"),
    ("/projects/apollo/%61.txt", "/projects/apollo/a.txt"),
    ("/projects/apollo/a.txt", "/projects/apollo//a.txt"),
    ("/projects/apollo/a.txt", "/projects/apollo/./a.txt"),
    ("/projects//apollo/a.txt", "/projects/apollo/a.txt"),
    ("/projects/./apollo/a.txt", "/projects/apollo/a.txt"),
    ("/home/../projects/apollo/a.txt", "/projects/apollo/a.txt"),
    ("/projects/apollo/a.txt?x", "/projects/apollo/a.txt"),
    ("/projects/apollo/a.txt", "/projects/apollo/a.txt?x"),
    ("/projects/apollo/a.txt", "/projects/apollo/a.txt%00"),
    ("/projects/apollo/a.txt", "/projects/apollo/%za.txt"),
    ("/projects/apollo/a.txt", "/projects/apollo/"),
    ("/projects/apollo/a.txt", "/projects/apollo"),
    ("/projects/apollo/a.txt", "/projects"), ("/top.txt", "/"),
    ("/projects/apollo/", "/projects/"), ("/projects/apollo/", "/"),
    ("/projects/apollo/", "/projects"), ("/projects/apollo/", "/%70rojects/"),
    ("/projects/apollo/", "//projects/"), ("/projects/apollo/", "/./"),
    ("/projects/apollo/", "//"), ("/projects/apollo/", "/projects/."),
    ("/projects/apollo/deep/", "/projects/apollo//deep/x/"),
    ("/projects/apollo/deep/", "/projects/apollo/./deep/x/"),
    ("/projects/apollo/deep/", "/projects/apollo/%64eep/x/"),
    ("/projects/apollo/deep/", "/projects/apollo%2Fdeep/x/"),
    ("/projects/apollo/%64eep/", "/projects/apollo/deep/x/"),
    ("/my%20folder%20(%C3%A4)/", "/my%20folder%20(%C3%A4)/backup/"),
    ("/my%20folder%20(%C3%A4)/", "/my folder%20(%C3%A4)/backup/"),
    ("/my%20folder%20(%C3%A4)/", "/my folder (\u00e4)/backup/"),
    ("/my%20folder%20(%C3%A4)/", "/my%20folder%20%28%C3%A4)/backup/"),
    ("/my%20folder%20%28%C3%A4)/", "/my%20folder%20(%C3%A4)/backup/"),
    ("/my%20folder%20(%C3%A4)/", "/my%20folder%20(%c3%a4)/backup/"),
    ("/my%20folder%20(%c3%A4)/", "/my%20folder%20(%C3%A4)/backup/"),
    ("/my%20folder%20(%C3%A4)/", "/my%20folder%20(%C3\u00a4)/backup/"),
    ("/my%20folder%20(%C3%A4)/", "/my%20folder%20(%C3%A4)/"),
    ("/my%20folder%20(%C3%A4)/m.txt", "/my%20folder%20%28%C3%A4)/m.txt"),
    ("/my%20folder%20(%C3%A4)/m.txt", "/my%20folder%20(%C3%A4)/"),
    ("/my%20folder%20(%C3%A4)/m.txt", "/my%20folder%20(%C3%A4)"),
    ("/my%20folder%20(%C3%A4)/in/", "/my%20folder%20%28%C3%A4)/"),
]
#: And what looks a little like it.
NOT_INTO_ITSELF = [
    ("/projects/apollo/", "/projects/apollo3/"),
    ("/projects/apollo2/", "/projects/apoll/"),
    ("/projects/apollo/deep/", "/projects/deep/"),
    ("/projects/apollo/a.txt", "/projects/apollo/a.txt2"),
    ("/projects/apollo/a.txt", "/projects/apollo/.a.txt"),
    ("/projects/apollo/a.txt", "/projects/apollo/my%20own"),
    ("/projects/apollo/a.txt", "/top.txt"), ("/top.txt", "/home/top..txt"),
    ("/my%20folder%20(%C3%A4)/", "/my%20folder%20(%C3%B6)/"),
    ("/my%20folder%20(%C3%A4)/", "/my%20folder/"),
    ("/my%20folder%20(%C3%A4)/m.txt", "/my%20folder%20(%C3%A4)/m%20.txt"),
    ("/my%20folder%20(%C3%A4)/m.txt", "/m.txt"),
]


class Dav(Guarded):
    """Mixed into a Web that serves self.files for WebDAV."""

    READ = ["node:root:r"]
    WRITE = ["node:root:rw"]
    PATH = "/top.txt"
    CHANGE = ("PUT", "/new.txt")
    LACKS = "node:root:w"

    def setUp(self):
        super().setUp()
        self.files = self.folder / "files"
        self.grow()

    def grow(self, files=FILES):
        subprocess.run(["rm", "-rf", self.files], check=True)
        for name, text in files.items():
            f = self.files / name
            f.parent.mkdir(parents=True, exist_ok=True)
            f.write_text(text)

    def tree(self, but=None):
        """Everything there is, and what it holds."""
        return {str(p.relative_to(self.files)):
                p.read_bytes() if p.is_file() else None
                for p in self.files.rglob("*")
                if but is None or not p.is_relative_to(self.files / but)
                and not (self.files / but).is_relative_to(p)}

    def untouched(self, reply):
        if reply is not None:
            self.assertNotIn(b"secret", reply.body, reply)
        self.assertEqual({k: v for k, v in self.tree().items() if v},
                         {k: v.encode() for k, v in FILES.items()}, reply)

    def read(self, user, token):
        """Listing and downloading must agree."""
        got = self.passed(self.get(self.PATH, user, token))
        self.assertEqual(got, self.passed(
            curl("PROPFIND", self.url + "/", user, token,
                 headers=["Depth: 1"])))
        return got

    def write(self, user, token):
        return self.passed(self.change(user=user, token=token))

    def do(self, verb, path, token, to=None, **kw):
        headers = list(kw.pop("headers", ()))
        if to is not None:
            headers += [f"Destination: {self.url}{to}", "Overwrite: T"]
        return curl(verb, self.url + path, "alice", token, headers=headers,
                    **kw)

    def do_in(self, folder, verb, what, token, **kw):
        """One row of READING or CHANGING."""
        at = f"/{folder}/".replace("//", "/")
        name = next((n for n in FILES if f"/{n}".rpartition("/")[0] + "/"
                     == at), None)
        if "to" in kw:
            kw["to"] = at + kw["to"]
        return self.do(verb, at + (name.rpartition("/")[2] if what == "f"
                                   else what), token, **kw)

    def minted(self, issuer):
        return {name: issuer.mint("alice", **(
            {} if scopes is None else {"scopes": scopes}))["token"]
            for name, scopes in TOKENS.items()}

    # ---- the matrix ----

    def test_reading(self):
        i, _ = self.open()
        tokens = self.minted(i)
        for folder, may in READERS.items():
            for name, token in tokens.items():
                for verb, what, kw in READING:
                    with self.subTest(f"{name} {verb} {folder} {what}"):
                        r = self.do_in(folder, verb, what, token, **kw)
                        if name in may:
                            self.assertIn(r.status, (200, 204, 207), r)
                        else:
                            self.assertEqual(r.status, 403, r)
                            self.assertNotIn(b"secret", r.body)

    def test_changing(self):
        i, _ = self.open()
        tokens = self.minted(i)
        for folder, may in WRITERS.items():
            for name, token in tokens.items():
                for verb, what, kw in CHANGING:
                    with self.subTest(f"{name} {verb} {folder} {what}"):
                        self.changes(folder, name in may, verb, what, token,
                                     kw)

    def changes(self, folder, allowed, verb, what, token, kw):
        before = self.tree()
        r = self.do_in(folder, verb, what, token, **kw)
        if not allowed:
            self.assertEqual(r.status, 403, r)
            self.assertEqual(self.tree(), before)
            return
        self.assertIn(r.status, (200, 201, 204), r)
        if verb == "LOCK":
            lock = r.all("Lock-Token")[0]
            r = self.do_in(folder, "UNLOCK", what, token,
                           headers=[f"Lock-Token: {lock}"])
            self.assertEqual(r.status, 204, r)
        else:
            self.assertNotEqual(self.tree(), before)
            self.grow()

    def with_my_folder(self):
        self.grow({**FILES, **MY_FOLDER})
        return {k: v for k, v in self.tree().items() if v is not None}

    def test_into_itself(self):
        """Nothing is lost by what can only be a slip."""
        i, _ = self.open()
        t = i.mint("alice", scopes=["node:root:rw"])["token"]
        before = self.with_my_folder()
        for verb in ("COPY", "MOVE"):
            for at, to in INTO_ITSELF:
                with self.subTest(f"{verb} {at} {to}"):
                    r = self.do(verb, at, t, to)
                    now = {k: v for k, v in self.tree().items()
                           if v is not None}
                    if now != before:
                        self.with_my_folder()
                    self.assertEqual(now, before, r)
                    self.assertGreaterEqual(r.status, 300, r)
            for at, to in NOT_INTO_ITSELF:
                with self.subTest(f"{verb} {at} {to}"):
                    r = self.do(verb, at, t, to)
                    self.assertIn(r.status, (201, 204), r)
                    self.with_my_folder()

    def test_all_of_it(self):
        """A slip with a token that may do all does not lose all."""
        i, _ = self.open()
        for scopes in ({}, {"scopes": ["node:root:rw"]}):
            t = i.mint("alice", **scopes)["token"]
            for verb, to in (("DELETE", None), ("MOVE", "/projects/all/"),
                             ("COPY", "/projects/all/")):
                for path in ("/", "//", "/.", "/projects/../"):
                    self.do(verb, path, t, to)
                    self.untouched(None)

    def test_other_verbs(self):
        """What the server does not know, or will not do, is asked too."""
        i, _ = self.open()
        only = i.mint("alice", scopes=["node:root:r"])["token"]
        for verb in ("POST", "PATCH", "PROPPATCH", "UNLOCK", "SEARCH",
                     "ACL", "TRACE", "put", "propfind", "MKCOL2"):
            before = self.tree()
            for token in (only, None):
                r = curl(verb, self.url + "/top.txt", token=token)
                self.assertGreaterEqual(r.status, 400, f"{verb} {r}")
            self.assertEqual(self.tree(), before)
        for verb in ("OPTIONS", "PROPFIND", "PUT", "DELETE"):
            self.refused(curl(verb, self.url + "/top.txt"), 401)

    def test_from_folder_to_folder(self):
        i, _ = self.open()
        tokens = self.minted(i)
        inside, outside = "/projects/apollo/a.txt", "/projects/beta/b.txt"
        for verb in ("COPY", "MOVE"):
            for name in ("apollo-rw", "apollo-r", "apollo-w", "root-r",
                         "other"):
                for at, to in ((inside, "/projects/beta/new.txt"),
                               (inside, outside), (inside, "/new.txt"),
                               (outside, "/projects/apollo/new.txt"),
                               ("/projects/beta/", "/projects/apollo/beta/"),
                               ("/projects/apollo/", "/projects/mine/"),
                               ("/projects/", "/projects/apollo/deep/")):
                    r = self.do(verb, at, tokens[name], to)
                    self.refused(r, 403)
            both = i.mint("alice", scopes=["node:apollo:rw",
                                           "node:home-alice:rw"])["token"]
            r = self.do(verb, inside, both, "/home/alice/new.txt")
            self.assertIn(r.status, (201, 204), r)
            self.assertTrue((self.files / "home/alice/new.txt").exists())
            self.grow()

    def test_no_destination(self):
        i, _ = self.open()
        some = i.mint("alice", scopes=["node:root:rw"])["token"]
        for headers in ([], ["Destination;"], ["Destination: nonsense"],
                        ["Destination: ftp://x/y"]):
            for verb in ("COPY", "MOVE"):
                r = self.do(verb, "/top.txt", some, headers=headers)
                self.refused(r, 400, 403)

    # ---- ways out of a folder ----

    def stays_inside(self, reply, why):
        """An apollo token changed nothing outside, and saw nothing."""
        self.assertNotIn(b"secret", reply.body, why)
        outside = {k: v for k, v in FILES.items()
                   if not k.startswith("projects/apollo/")}
        now = {k: v.decode("latin-1")
               for k, v in self.tree("projects/apollo").items()
               if v is not None}
        self.assertEqual(now, outside, why)
        folders = {k for k, v in self.tree("projects/apollo").items()
                   if v is None}
        self.assertEqual(folders, {"home", "home/alice", "home/bob",
                                   "projects/apollo2", "projects/beta"}, why)

    def test_destinations_that_lead_out(self):
        i, _ = self.open()
        token = i.mint("alice", scopes=["node:apollo:rw"])["token"]
        host = self.url[7:]
        name = host.partition(":")[0]
        for to in (
                "/projects/apollo/../beta/x", "/projects/apollo/../beta/b.txt",
                "/projects/apollo/%2e%2e/beta/x",
                "/projects/apollo/%2E%2e/beta/x",
                "/projects/apollo/.%2e/beta/x", "/projects/apollo%2f../beta/x",
                "/projects/apollo/..%2fbeta/x",
                "/projects/apollo%2f..%2fbeta%2fx",
                "/projects/apollo/..%5cbeta/x", "/projects/apollo/..\\beta/x",
                "/projects/apollo/%252e%252e/beta/x",
                "/projects/apollo/%c0%ae%c0%ae/beta/x",
                "/projects/apollo/../", "/projects/apollo/..",
                "/projects/apollo/../../x", "/projects/apollo/deep/../../x",
                "/projects/apollo2/y", "/projects/apollo%0a/y",
                "/projects/apollo%0a", "/projects/apollo%0d%0ax",
                "/projects/apollo%00/y", "/projects/apollo%20/y",
                "/projects/apollo;/y", "/projects/apollo./y",
                "/Projects/apollo/y", "/projects/APOLLO/y",
                "/projects/beta/x?/projects/apollo/x",
                "/projects/beta/x#/projects/apollo/x",
                "/projects/apollo/?/../../x", "/projects/apollo/#/../../x",
                "/?/projects/apollo/x", "/#/projects/apollo/x",
                "//projects/beta/x", "/./projects/beta/x",
                "projects/apollo/x", "../x", "*", ".",
                f"http://{host}/projects/beta/x",
                f"http://{host}?/projects/apollo/x",
                f"http://{host}#/projects/apollo/x",
                f"http://{host}\\@/projects/apollo/../x",
                f"http://{name}/projects/beta/x",
                f"http://{name}:1/projects/beta/x",
                f"http://{name}.example.org/projects/beta/x",
                f"http:/projects/apollo/../beta/x",
                f"http:///projects/apollo/../beta/x",
                f"//{host}/projects/beta/x",
                f"http://projects/apollo/{host}/projects/beta/x",
                f"http://{host}@{host}/projects/beta/x",
                f"http://{host}/projects/apollo/x/../../beta/x",
                f"https://{host}/projects/beta/x",
                f"HTTP://{host}/projects/beta/x"):
            for verb in ("COPY", "MOVE"):
                for at in ("/projects/apollo/a.txt", "/projects/apollo/deep/"):
                    for slash in ("", "/"):
                        r = curl(verb, self.url + at, "alice", token,
                                 headers=[f"Destination: {to}{slash}",
                                          "Overwrite: T"])
                        self.stays_inside(r, f"{verb} {at} {to}{slash}: {r}")
                        self.grow()
        inside = f"{self.url}/projects/apollo/x"
        outside = f"{self.url}/projects/beta/x"
        for pair in ((inside, outside), (outside, inside)):
            r = curl("COPY", self.url + "/projects/apollo/a.txt", "alice",
                     token, headers=[f"Destination: {d}" for d in pair])
            self.stays_inside(r, pair)

    def test_destinations_that_stay_inside(self):
        i, _ = self.open()
        token = i.mint("alice", scopes=["node:apollo:rw"])["token"]
        for to in (f"{self.url}/projects/apollo/x",
                   f"{self.url}/projects/apollo/deep/x%20y%28z"):
            r = curl("COPY", self.url + "/projects/apollo/a.txt", "alice",
                     token, headers=[f"Destination: {to}"])
            self.assertIn(r.status, (201, 204), f"{to} {r}")
        self.assertTrue((self.files / "projects/apollo/deep/x y(z").exists())

    def test_paths_that_lead_out(self):
        i, _ = self.open()
        token = i.mint("alice", scopes=["node:apollo:rw"])["token"]
        for path in (
                "/projects/apollo/../beta/b.txt",
                "/projects/apollo/%2e%2e/beta/b.txt",
                "/projects/apollo/%2E./beta/b.txt",
                "/projects/apollo/..%2fbeta/b.txt",
                "/projects/apollo%2f..%2fbeta%2fb.txt",
                "/projects/apollo/..%5cbeta/b.txt",
                "/projects/apollo/..\\beta/b.txt",
                "/projects/apollo/%252e%252e/beta/b.txt",
                "/projects/apollo/..;/beta/b.txt",
                "/projects/apollo/.../../beta/b.txt",
                "/projects/apollo//../beta/b.txt",
                "//projects/beta/b.txt", "/./projects/beta/b.txt",
                "/projects/apollo2/x.txt", "/projects/apollo/../apollo2/x.txt",
                "/projects/apollo%0a", "/projects/apollo%0a/", "/projects/"
                "apollo%0ax", "/projects/apollo%0d", "/projects/apollo%00",
                "/projects/apollo%00/../beta/b.txt", "/projects/apollo%20",
                "/projects/apollo%0a/../beta/b.txt",
                "/projects/apollo.", "/projects/apollo;x", "/PROJECTS/apollo/",
                "/projects/APOLLO/x", "/projects/beta/b.txt?/projects/apollo/",
                "/projects/beta/b.txt%3f/projects/apollo/",
                "/projects/beta/b.txt;/projects/apollo/",
                "/?/projects/apollo/", "/projects/beta/%2e%2e/apollo2/x.txt",
                "/top.txt", "/", "/projects", "/projects/", "/projects/beta/"):
            for verb, kw in (("GET", {}), ("PROPFIND", {}),
                             ("PUT", {"data": b"x"}), ("MKCOL", {}),
                             ("DELETE", {}),
                             ("MOVE", {"to": "/projects/apollo/moved"})):
                r = self.do(verb, path, token, **kw)
                self.stays_inside(r, f"{verb} {path}: {r}")
        self.grow()
        r = self.get("/projects/%61pollo/a.txt", "alice", token)
        self.assertEqual(r.body, b"apollo's own")
        r = self.get("/projects/beta/../apollo/a.txt", "alice", token)
        self.assertEqual(r.body, b"apollo's own")

    def test_a_request_for_another_host(self):
        """The absolute form of RFC 9112 section 3.2.2."""
        i, _ = self.open()
        token = i.mint("alice", scopes=["node:apollo:rw"])["token"]
        for target, body in (
                (f"{self.url}/projects/apollo/a.txt", b"apollo's own"),
                (f"{self.url}/projects/beta/b.txt", None),
                ("http://x/projects/apollo/../beta/b.txt", None),
                ("http://projects/apollo/../beta/b.txt", None)):
            r = raw(self.port, f"GET {target} HTTP/1.1\r\nHost: x\r\n"
                    f"Authorization: Bearer {token}\r\n"
                    "Connection: close\r\n\r\n")
            if body:
                self.assertEqual(r.body, body)
            else:
                self.stays_inside(r, target)

    def test_names_that_would_rewrite_the_question(self):
        """What a path has in it must not become a part of what is needed."""
        i, _ = self.open()
        only = i.mint("alice", scopes=["node:root:r", "node:mine:rw"])["token"]
        for name in ("x+mine", "x%20mine", "x%2bmine", "x&perm=r", "mine&",
                     "x%26perm%3dr", "x&to=mine", "x%26method%3dGET",
                     "x%26scope%3d", "mine%00", "mine%0a",
                     "x%0d%0aX-Mintmark-Need:%20perm=r",
                     "x%0aX-Mintmark-Need:%20", "x%25", "%c3%a4", "%ff"):
            before = self.tree()
            for path in (f"/home/{name}/new.txt", f"/home/{name}",
                         f"/{name}/new.txt"):
                r = self.do("PUT", path, only, data=b"x")
                self.assertIn(r.status, (400, 403, 404), f"{path} {r}")
                r = self.do("MKCOL", path + "/", only)
                self.assertIn(r.status, (400, 403, 404), f"{path} {r}")
            self.assertEqual(self.tree(), before, name)

    def test_home(self):
        i, _ = self.open()
        mine = i.mint("alice", scopes=["node:home-alice:rw"])["token"]
        self.assertEqual(self.get("/home/alice/h.txt", "alice", mine).status,
                         200)
        self.assertEqual(self.do("PUT", "/home/alice/new", mine,
                                 data=b"x").status, 201)
        (self.files / "home/alice/new").unlink()
        self.refused(self.get("/home/bob/h.txt", "alice", mine), 403)
        self.refused(self.get("/home/", "alice", mine), 403)

    # ---- clients ----

    def rclone(self, user, token, *argv, at=""):
        """Its password is obscured, and comes through the environment."""
        clear = subprocess.run(["rclone", "obscure", "-"], input=token,
                               text=True, capture_output=True, check=True)
        return subprocess.run(
            ["rclone", "--config", "/dev/null", "--retries", "1",
             "--low-level-retries", "1", *argv], text=True,
            capture_output=True, timeout=60, env={
                **os.environ, "NO_PROXY": "*", "no_proxy": "*",
                "RCLONE_WEBDAV_URL": self.url + at,
                "RCLONE_WEBDAV_VENDOR": "other", "RCLONE_WEBDAV_USER": user,
                "RCLONE_WEBDAV_PASS": clear.stdout.strip()})

    def test_rclone(self):
        i, _ = self.open()
        both, only, apollo = (i.mint("alice", scopes=s)["token"] for s in (
            ["node:root:rw"], ["node:root:r"], ["node:apollo:rw"]))
        up = self.folder / "up.txt"
        up.write_text("from rclone")

        def run(token, *argv, ok=True, **kw):
            p = self.rclone("alice", token, *argv, **kw)
            self.assertEqual(p.returncode == 0, ok, f"{argv} {p}")
            return p.stdout
        for token in (both, only):
            self.assertEqual(run(token, "lsf", ":webdav:"),
                             "home/\nprojects/\ntop.txt\n")
            self.assertEqual(run(token, "cat", ":webdav:top.txt"),
                             "secret top")
        self.assertIn("projects/apollo/deep/d.txt",
                      run(only, "lsf", "-R", ":webdav:"))
        for argv in (["copyto", up, ":webdav:new.txt"],
                     ["moveto", ":webdav:top.txt", ":webdav:moved.txt"],
                     ["copyto", ":webdav:top.txt", ":webdav:copied.txt"],
                     ["mkdir", ":webdav:made"],
                     ["deletefile", ":webdav:top.txt"],
                     ["purge", ":webdav:home"]):
            before = self.tree()
            run(only, *argv, ok=False)
            self.assertEqual(self.tree(), before)
            run(both, *argv)
            self.assertNotEqual(self.tree(), before, argv)
            self.grow()
        run(apollo, "lsf", ":webdav:", ok=False)
        run(apollo, "copyto", up, ":webdav:new.txt", ok=False)
        at = "/projects/apollo"
        self.assertEqual(run(apollo, "lsf", ":webdav:", at=at),
                         "a.txt\ndeep/\n")
        run(apollo, "copyto", up, ":webdav:new.txt", at=at)
        run(apollo, "moveto", ":webdav:new.txt", ":webdav:deep/n.txt", at=at)
        self.assertEqual(run(apollo, "cat", ":webdav:deep/n.txt", at=at),
                         "from rclone")
        run(apollo, "moveto", ":webdav:deep", ":webdav:deeper", at=at)
        run(apollo, "purge", ":webdav:deeper", at=at)
        p = self.rclone("bob", both, "lsf", ":webdav:")
        self.assertNotEqual(p.returncode, 0)

    def test_cadaver_is_asked_for_a_password(self):
        """It asks only when told to, so it must see Basic among the
        challenges.  Its library, neon, cuts passwords at 255 bytes, so that
        is all: no token fits in there."""
        i, _ = self.open()
        token = i.mint("alice", scopes=["node:root:rw"])["token"]
        home = self.folder / "private"
        home.mkdir()
        netrc = home / ".netrc"
        netrc.write_text(f"machine 127.0.0.1 login alice password {token}\n")
        netrc.chmod(0o600)
        p = subprocess.run(["cadaver", self.url + "/"], input="\n", text=True,
                           capture_output=True, timeout=60, cwd=self.folder,
                           env={**os.environ, "HOME": str(home)})
        said = p.stdout + p.stderr
        self.assertIn("Authentication required for mintmark", said)
        self.assertIn("rejected Basic challenge", said)
        self.assertNotIn("secret", said)
