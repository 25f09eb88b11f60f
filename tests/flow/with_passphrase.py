"""with_passphrase.py - key files with a passphrase, for the tests."""
from flow import Flow

PASSPHRASE = "sesame 7f3a91c2 open"


def key_files(issuer, state="*"):
    return sorted((issuer.data / "keys").glob(f"{state}/*.*"))


class WithPassphrase(Flow):
    def setUp(self):
        super().setUp()
        self.secret = self.folder / "passphrase"
        self.put(self.secret, PASSPHRASE)
        self.flag = ("--key-passphrase-file", self.secret)

    def put(self, path, text):
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def assert_kept(self, issuer, kind, state="*"):
        for f in key_files(issuer, state):
            self.assertIn(f"-----BEGIN {kind}-----", f.read_text(), f)

    def assert_silent(self, *texts):
        for t in texts:
            self.assertNotIn(PASSPHRASE, t)

    def refuses_to_start(self, issuer, says, flags=()):
        said = issuer.refused(*flags)
        self.assertIn(says, said)
        self.assert_silent(said)
