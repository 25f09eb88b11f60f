"""private.py - a host of our own, as far as PAM and sshd can see.

In a private mount namespace lie copies of /etc and of the folder of PAM
modules, an empty /run, a small /dev with a /dev/log that we read.  Two users
live there, and the machine is as it was.  Nothing but root can do that.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading

from doors import BUILD, skip

MODULE = BUILD / "verifier/pam/pam_mintmark.so"
USERS = {"alice": 61001, "bob": 61002, "toor": 0}
GROUP = ("sftp-tokens", 61000)  # alice and bob are in it
PASSWORD = "correct horse"  # of the users, in /etc/shadow

MOUNTS = r"""
set -e
cd "$1"
mount --bind etc /etc
mount --bind security "$2"
mount --bind run /run
mount -t tmpfs none dev
mkdir dev/pts dev/shm
for d in null zero full random urandom tty ptmx; do
	touch dev/$d
	mount --bind /dev/$d dev/$d
done
mount --rbind /dev/pts dev/pts
ln -s "$1/syslog" dev/log
mount --rbind dev /dev
echo ready
exec sleep infinity
"""


def security_folder():
    for base in ("/lib", "/usr/lib", "/lib64", "/usr/lib64"):
        for found in pathlib.Path(base).glob("**/security/pam_unix.so"):
            return found.parent
    skip("no pam_unix.so on this machine")


def need_namespaces():
    """End the test as skipped when there cannot be a private host."""
    why = "not root"
    if os.geteuid() == 0:
        p = subprocess.run(["unshare", "-m", "--propagation", "private",
                            "mount", "-t", "tmpfs", "none", "/mnt"],
                           capture_output=True, text=True)
        if p.returncode == 0:
            return
        why = p.stderr.strip()
    skip(f"no mount namespace of our own: {why}")


class Syslog(threading.Thread):
    """What is said to /dev/log."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.lines = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                self.lines.append(self.socket.recv(65536).decode(
                    errors="backslashreplace"))

    def text(self):
        """All that was said before this call."""
        mark = f"mark {len(self.lines)} {os.urandom(4).hex()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(mark.encode(), self.socket.getsockname())
        while mark not in self.lines:
            pass
        return "\n".join(l for l in self.lines if not l.startswith("mark "))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Private:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "host"
        self.folder.mkdir()
        self.folder.parent.chmod(0o755)  # users pass through to their homes
        self.folder.chmod(0o755)
        self.etc = self.folder / "etc"
        self.run = self.folder / "run"
        shutil.copytree("/etc", self.etc, symlinks=True,
                        ignore_dangling_symlinks=True)
        security = security_folder()
        shutil.copytree(security, self.folder / "security", symlinks=True)
        shutil.copy2(MODULE, self.folder / "security/pam_mintmark.so")
        for name in ("run/sshd", "run/mintmark", "dev", "home"):
            (self.folder / name).mkdir(parents=True)
        self.add_users()
        self.syslog = Syslog(self.folder / "syslog")
        self.holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", MOUNTS,
             "sh", str(self.folder), str(security)],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert self.holder.stdout.readline() == b"ready\n", "no private host"

    def add_users(self):
        hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"],
                                input=PASSWORD, capture_output=True,
                                text=True, check=True).stdout.strip()
        lines = {"passwd": "", "shadow": "", "group":
                 f"{GROUP[0]}:x:{GROUP[1]}:alice,bob\n"}
        for name, uid in USERS.items():
            home = self.folder / "home" / name
            home.mkdir(mode=0o700)
            os.chown(home, uid, uid)
            lines["passwd"] += f"{name}:x:{uid}:{uid}::{home}:/bin/sh\n"
            lines["shadow"] += f"{name}:{hashed}:19000:0:99999:7:::\n"
        for name, text in lines.items():
            with (self.etc / name).open("a") as f:
                f.write(text)

    def home(self, user):
        return self.folder / "home" / user

    def inside(self, *argv):
        """The command that runs argv there (as the same process)."""
        return ["nsenter", "-t", str(self.holder.pid), "-m",
                *map(str, argv)]

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        self.syslog.close()
