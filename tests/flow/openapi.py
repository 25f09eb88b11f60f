#!/usr/bin/env python3
"""The description of the API is true: each route is in it and nothing else, and
every answer that the running mint gives here is one that it describes."""
import json
import re
import time

import jsonschema

from flow import ACCESS, TOP, Flow, Issuer, main

METHODS = ("get", "post", "put", "patch", "delete")


def routes():
    """(method, path) of issuer/routes.c, but for the one of a proxy's path."""
    text = (TOP / "issuer/routes.c").read_text()
    found = re.findall(r'^\t\{ "([A-Z]+)",\s+"([^"]+)"', text, re.M)
    return {(m.lower(), p) for m, p in found if not p.endswith("/*")}


class Description:
    def __init__(self, doc):
        self.doc = doc
        self.answered = set()  # (operationId, status)

    def follow(self, node):
        while "$ref" in node:
            path, node = node["$ref"].split("/")[1:], self.doc
            for name in path:
                node = node[name]
        return node

    def operations(self):
        for path, item in self.doc["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def find(self, method, target):
        path = target.split("?")[0]
        for m, template, operation in self.operations():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if m == method.lower() and re.fullmatch(pattern, path):
                return operation
        raise AssertionError(f"{method} {path} is not described")

    def check(self, schema, value):
        jsonschema.Draft202012Validator(
            {**schema, "components": self.doc["components"]}).validate(value)

    def check_answer(self, method, target, answer):
        status, body, headers = answer
        operation = self.find(method, target)
        name = operation["operationId"]
        assert str(status) in operation["responses"], f"{name}: {status} {body}"
        response = self.follow(operation["responses"][str(status)])
        for header, said in response.get("headers", {}).items():
            self.check(said["schema"], headers[header])
        self.answered.add((name, status))
        if "content" not in response:
            assert body == b"", (name, body)
            return
        kind = headers["Content-Type"].split(";")[0]
        assert kind in response["content"], f"{name}: {kind}"
        if isinstance(body, bytes):
            body = body.decode()
        self.check(response["content"][kind]["schema"], body)


class Watched(Issuer):
    """A mint whose every answer is held against its description."""
    description = None

    def http(self, method, path, *args, **kw):
        answer = super().http(method, path, *args, **kw)
        if self.description:
            self.description.check_answer(method, path, answer)
        return answer


def refs(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for v in node.values():
            yield from refs(v)
    elif isinstance(node, list):
        for v in node:
            yield from refs(v)


class OpenApi(Flow):
    def watched(self):
        i = Watched(self.folder)
        self.processes.append(i)
        i.start()
        status, doc, headers = i.http("GET", "/openapi.json")
        self.assertEqual((status, headers["Content-Type"]),
                         (200, "application/json"))
        i.description = Description(doc)
        return i, i.description

    def test_it_is_well_formed(self):
        i, d = self.watched()
        self.assertEqual(d.doc["openapi"], "3.1.0")
        self.assertEqual(d.doc["info"]["version"],
                         i.http("GET", "/version")[1]["version"])
        self.assertEqual(json.loads((TOP / "issuer/openapi.json").read_text()),
                         d.doc)
        used = set(refs(d.doc))
        for ref in used:
            d.follow({"$ref": ref})
        for kind in ("schemas", "parameters", "responses", "requestBodies"):
            for name, node in d.doc["components"][kind].items():
                if name != "AuditLine":  # lines of text; see below
                    self.assertIn(f"#/components/{kind}/{name}", used)
                if kind == "schemas":
                    jsonschema.Draft202012Validator.check_schema(node)
        names = [o["operationId"] for _, _, o in d.operations()]
        self.assertEqual(len(names), len(set(names)))
        tags = {t["name"] for t in d.doc["tags"]}
        for _, path, o in d.operations():
            self.assertLessEqual(set(o["tags"]), tags)
            said = [d.follow(p) for p in d.doc["paths"][path].get(
                "parameters", []) + o.get("parameters", [])]
            self.assertEqual({p["name"] for p in said if p["in"] == "path"},
                             set(re.findall(r"\{(\w+)\}", path)))

    def test_each_route_is_in_it(self):
        _, d = self.watched()
        said = {(m, re.sub(r"\{\w+\}", "{}", p)) for m, p, _ in d.operations()}
        self.assertEqual(said, routes())

    def test_each_answer_is_in_it(self):
        i, d = self.watched()
        self.tokens(i)
        self.strangers(i)
        self.keys_and_audit(i, d)
        self.agents(i)
        self.oauth(i)
        self.console(i)
        self.public(i)
        answered = {name for name, status in d.answered if status < 400}
        self.assertEqual(answered,
                         {o["operationId"] for _, _, o in d.operations()})

    def tokens(self, i):
        t = i.mint("alice", label="x", scopes=["a:b", "node:1:rw"],
                   audience=["files"])
        u = i.mint("alice", auto_refresh="7d")
        i.mint("bob", expires_at=int(time.time()) + 60)
        once = {"Idempotency-Key": "K"}
        i.http("POST", "/v1/tokens", {"user": "alice", "expires_in": "1h"},
               local=True, headers=once)
        i.http("POST", "/v1/tokens", {"user": "alice", "expires_in": "2h"},
               local=True, headers=once)
        for query in ("", "?limit=1", "?user=alice&status=active&q=x",
                      f"?key={t['key']}", "?limit=0", "?status=blue",
                      "?expiring=3600", "?expiring=x"):
            i.http("GET", f"/v1/tokens{query}", local=True)
        for what in ("suspend", "suspend", "reinstate", "reinstate"):
            i.http("POST", f"/v1/tokens/{t['id']}/{what}", {}, local=True)
        i.http("POST", f"/v1/tokens/{t['id']}/rotate", {"overlap": "1h"},
               local=True)
        i.http("POST", f"/v1/tokens/{t['id']}/rotate", {}, local=True)
        i.http("GET", f"/v1/tokens/{t['id']}", local=True)
        i.http("GET", f"/v1/tokens/{u['id']}", local=True)
        i.http("GET", "/v1/tokens/9.9", local=True)
        i.http("GET", "/v1/tokens/x", local=True)
        i.http("DELETE", f"/v1/tokens/{u['id']}", local=True)
        i.http("GET", f"/v1/tokens/{u['id']}", local=True)
        i.http("GET", "/v1/users?limit=1", local=True)
        i.http("GET", "/v1/users?q=o", local=True)
        i.http("DELETE", "/v1/users/bob/tokens", local=True)
        i.http("POST", "/v1/tokens", {"user": "a:b"}, local=True)

    def strangers(self, i):
        mine = i.mint("carl", scopes=["mintmark:self"])["token"]
        for method, path in (
                ("GET", "/v1/tokens"), ("GET", "/v1/tokens/1.0"),
                ("GET", "/v1/users"), ("GET", "/v1/keys"), ("GET", "/v1/audit"),
                ("GET", "/v1/feed?after=0"), ("GET", "/v1/snapshot"),
                ("DELETE", "/v1/tokens/1.0"), ("POST", "/v1/uses"),
                ("POST", "/v1/tokens"), ("POST", "/v1/keys/reload")):
            body = {} if method == "POST" else None
            i.http(method, path, body)
            i.http(method, path, body, token="nonsense")
            i.http(method, path, body, token=mine)

    def keys_and_audit(self, i, d):
        i.http("GET", "/v1/keys", local=True)
        i.http("POST", "/v1/keys/rotate", {"now": True}, local=True)
        i.http("POST", "/v1/keys/reload", {}, local=True)
        for kid, status in (("A" * 11, 404), ("A" * 12, 400)):
            said = i.http("POST", "/v1/keys/reload", {"compromised": [kid]},
                          local=True)
            self.assertEqual(said[0], status)
            self.assertIn(kid, said[1]["detail"])
        text = i.http("GET", "/v1/audit?after=0", local=True)[1].decode()
        line = {"$ref": "#/components/schemas/AuditLine"}
        for said in text.splitlines():
            d.check(line, json.loads(said))
        i.http("GET", "/v1/audit?before=1&after=1", local=True)

    def agents(self, i):
        token = i.mint("agent", scopes=["mintmark:agent"])["token"]
        i.http("GET", "/v1/feed?after=0", token=token)
        i.http("GET", "/v1/feed", token=token)
        i.http("GET", "/v1/snapshot", token=token)
        i.http("GET", "/v1/overview", local=True)
        for uses in ([{"id": "1.0", "at": 1}], [], [{"id": "x"}], {}):
            i.http("POST", "/v1/uses", {"uses": uses}, token=token)

    def oauth(self, i):
        t = i.mint("alice", scopes=["photos:read"], auto_refresh=3600)
        token = t["token"]
        child = i.exchange(token, audience="files")[1]["access_token"]
        i.exchange(token)
        i.exchange("nonsense")
        i.form("/oauth/token", {"grant_type": "password"})
        agent = i.mint("agent", scopes=["mintmark:agent"])["token"]
        for asked in (token, child, "nonsense"):
            i.form("/oauth/introspect", {"token": asked}, token=agent)
        i.form("/oauth/introspect", {"token": token})
        i.form("/oauth/introspect", {"token_type_hint": ACCESS}, token=agent)
        i.form("/oauth/revoke", {"token": child})
        i.form("/oauth/revoke", {"token": token})
        i.form("/oauth/revoke", b"token=%zz")
        i.http("GET", "/.well-known/oauth-authorization-server")

    def console(self, i):
        i.http("GET", "/v1/me", local=True)
        own = {"X-Mintmark-Console": "1"}
        token = i.mint("root", scopes=["mintmark:admin"])["token"]
        i.http("GET", "/v1/me", token=token)
        for body, headers in (({"token": token}, own), ({"token": token}, {}),
                              ({"token": "x"}, own), ({}, own)):
            status, _, said = i.http("POST", "/console/session", body,
                                     headers=headers)
            if status == 200:
                cookie = {"Cookie": said["Set-Cookie"].split(";")[0]}
        i.http("GET", "/v1/me", headers={**own, **cookie})
        i.http("DELETE", "/console/session", headers={**own, **cookie})
        i.http("DELETE", "/console/session")

    def public(self, i):
        lists = i.http("GET", "/s")[1]["status_lists"]
        i.http("GET", f"/s/{lists[0].rsplit('/', 1)[1]}")
        i.http("GET", "/s/999")
        i.http("GET", f"/s/{lists[0].rsplit('/', 1)[1]}?time=1")
        for path in ("/.well-known/jwks.json", "/openapi.json", "/console/",
                     "/console/main.js"):
            tag = i.http("GET", path)[2]["ETag"]
            i.http("GET", path, headers={"If-None-Match": tag})
        for path in ("/health/live", "/health/ready", "/version", "/", "/console",
                     "/console/style.css", "/console/icon.svg", "/console/x"):
            i.http("GET", path)


if __name__ == "__main__":
    main()
