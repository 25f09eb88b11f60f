#!/usr/bin/env python3
"""nginx_rest.py - a REST service behind nginx: deploy/nginx/rest.conf."""

from doors import Life, cli, main, need_programs
from nginx import start_nginx
from strangers import Strangers
from web import FORGED, Rest, Web


class NginxRest(Strangers, Rest, Life, Web):
    WRONG = ("rest.conf", "scope=$", "scopes=$")

    def start_door(self, issuer, agent, **kw):
        start_nginx(self, "rest.conf", lambda port: {
            "127.0.0.1:8081": f"127.0.0.1:{port}",
            "127.0.0.1:3000": f"127.0.0.1:{self.service.port}"}, **kw)

    def test_a_location_that_says_nothing(self):
        """Whoever adds one later, and forgets everything, opens nothing."""
        def edit(folder):
            site = folder / "rest.conf"
            text = site.read_text().rstrip().removesuffix("}")
            site.write_text(text + f"""
                location /else/ {{
                    proxy_pass http://127.0.0.1:{self.service.port};
                }}
                location /named/ {{
                    set $mintmark_need "scope=admin";
                    proxy_pass http://127.0.0.1:{self.service.port};
                }}
                location /open/ {{
                    auth_request off;
                    proxy_pass http://127.0.0.1:{self.service.port};
                }}
            }}""")
        i, a = self.open(edit=edit)
        t = i.mint("alice")["token"]
        some = i.mint("alice", scopes=self.READ)["token"]
        self.forget()
        for kw in ({"token": t}, {}):
            self.refused(self.get("/else/", **kw), 503)
        self.assertIn("mintmark_need-is-not-set", a.text())
        self.refused(self.get("/named/"), 401)
        self.refused(self.get("/named/", token=some), 403)
        self.refused(self.get("/named/", headers=["X-Mintmark-User: root"]),
                     400)
        self.assertEqual(self.get("/named/", token=t).status, 200)
        self.assertEqual(self.get("/open/").status, 200)
        p = cli("doctor", "--url", self.url + "/open/", check=1)
        self.assertRegex(p.stdout, r"WRONG +proxy\.anonymous .*/open/ answers "
                         "200 without a token: it is open")
        p = cli("doctor", "--url", self.url + "/else/", check=1)
        self.assertRegex(p.stdout, r"WRONG +proxy\.anonymous .* answers 503 ")
        self.assertTrue(self.read("alice", t))

    def test_A31_without_identity_nobody_is_root(self):
        def edit(folder):
            (folder / "identity.conf").write_text("")
        i, _ = self.open(edit=edit)
        t = i.mint("alice")["token"]
        self.assertEqual(self.get("/photos/1", token=t).status, 200)
        self.forget()
        for forged in FORGED[:5]:
            self.refused(self.get("/photos/1", token=t, headers=[forged]),
                         400)


if __name__ == "__main__":
    need_programs("nginx", "curl")
    main(at_once=3)
