#!/usr/bin/env python3
"""davfs2.py - a mounted folder, by nginx and by Apache.

davfs2 cuts passwords at 255 bytes as all that is built on neon, so it gets
the token as a header of every request.
"""
import contextlib
import os
import subprocess

from apache_webdav import ApacheWebdav
from doors import main, need_programs, skip, wait_for
from nginx_webdav import NginxWebdav

# use_locks: with LOCK davfs2 1.6 sends the header twice, and is refused.
# buf_size: it cannot list folders on Linux 6.16 with less
CONF = """\
add_header Authorization "Bearer {token}"
ask_auth 0
ignore_dav_header 1
buf_size 64
use_locks 0
delay_upload 0
dir_refresh 0
file_refresh 0
"""


class Mounted:
    """Mixed into a WebDAV door; its own tests are run elsewhere."""

    @contextlib.contextmanager
    def mounted(self, token, at="/"):
        self.folder.chmod(0o755)
        private = self.folder / "private"
        private.mkdir(mode=0o700)
        conf = private / "davfs2.conf"
        conf.touch(0o600)
        conf.write_text(CONF.format(token=token))
        here = self.folder / "mounted"
        here.mkdir()
        p = subprocess.run(["mount.davfs", "-o", f"conf={conf}",
                            self.url + at, here], text=True, input="",
                           capture_output=True, timeout=30)
        try:
            yield here if p.returncode == 0 else None
        finally:
            if p.returncode == 0:
                subprocess.run(["umount", here], check=True, timeout=60,
                               capture_output=True)
            subprocess.run(["rm", "-rf", private], check=True)
            here.rmdir()

    def test_work_in_it(self):
        i, _ = self.open()
        t = i.mint("alice", scopes=["node:root:rw"])["token"]
        with self.mounted(t) as here:
            self.assertIn("top.txt", os.listdir(here))
            self.assertEqual((here / "top.txt").read_text(), "secret top")
            (here / "new.txt").write_text("from davfs2")
            wait_for("the upload", lambda: "new.txt" in self.tree())
            (here / "new.txt").rename(here / "renamed.txt")
            (here / "made").mkdir()
            self.assertEqual((self.files / "renamed.txt").read_text(),
                             "from davfs2")
            self.assertTrue((self.files / "made").is_dir())
            (here / "renamed.txt").unlink()
            (here / "made").rmdir()
        self.untouched(None)

    def test_read_only(self):
        i, _ = self.open()
        t = i.mint("alice", scopes=["node:root:r"])["token"]
        with self.mounted(t) as here:
            self.assertIn("top.txt", os.listdir(here))
            self.assertEqual((here / "top.txt").read_text(), "secret top")
            for change in (lambda: (here / "top.txt").rename(here / "x"),
                           lambda: (here / "top.txt").unlink(),
                           lambda: (here / "made").mkdir(),
                           lambda: (here / "new.txt").write_text("x")):
                with contextlib.suppress(OSError):
                    change()
        self.untouched(None)

    def test_one_folder(self):
        i, _ = self.open()
        t = i.mint("alice", scopes=["node:apollo:rw"])["token"]
        with self.mounted(t) as here:
            self.assertIsNone(here)
        with self.mounted(t, "/projects/apollo/") as here:
            self.assertEqual((here / "deep/d.txt").read_text(),
                             "apollo's deep one")

    def test_revoked_while_mounted(self):
        """What is open or in davfs2's cache is there still; what needs the
        server fails."""
        i, _ = self.open()
        t = i.mint("alice", scopes=["node:root:rw"])
        with self.mounted(t["token"]) as here:
            self.assertEqual((here / "top.txt").read_text(), "secret top")
            i.revoke(t["id"])
            with self.assertRaises(OSError):
                (here / "top.txt").rename(here / "moved.txt")
            with self.assertRaises(OSError):
                (here / "projects/plan.txt").read_text()
        self.untouched(None)


class NginxMounted(Mounted, NginxWebdav):
    pass


class ApacheMounted(Mounted, ApacheWebdav):
    pass


def load_tests(loader, tests, pattern):
    names = [n for n in vars(Mounted) if n.startswith("test_")]
    return loader.suiteClass(c(n) for c in (NginxMounted, ApacheMounted)
                             for n in names)


if __name__ == "__main__":
    need_programs("mount.davfs", "nginx", "apache2")
    for missing, why in ((os.getuid() != 0, "mounting needs root"),
                         (not os.access("/dev/fuse", os.R_OK | os.W_OK),
                          "there is no /dev/fuse")):
        if missing:
            skip(why)
    main()
