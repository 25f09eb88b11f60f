#!/usr/bin/env python3
"""Debian's cjose (0.6.2): it verifies what we mint by the JWK as published,
and we what it signs.

As far as it goes.  It does ES256 and RS256, and no EdDSA.  It is for JWS and
knows nothing of tokens: neither times nor typ mean anything to it, so an
access token, a status list and an expired token are all the same to who does
not look himself.  The key limits the algorithm: HS256 by a public key is
refused.  Each of these is shown here.
"""
from interop import FOR_FILES, header, hs256, main, payload, skip
from library import Library
from signs import WRONG_KIDS, WRONG_TYPS, Signer
from flow import BUILD


class Cjose(Library, Signer):
    PROGRAM = BUILD / "tests/interop/with_cjose"
    HEADERS = WRONG_KIDS + WRONG_TYPS

    def key_text(self, key, private):
        return key.export(private_key=private)

    def test_any_typ(self):
        self.begin("ES256")
        access, _ = self.exchange(self.ours["token"], "files")
        listed, _ = self.status_list(self.ours["token"])
        for other in (access, listed):
            self.assertEqual(self.read(other), payload(other))
            self.assert_refused(other, "malformed", "as a token")
        signed = self.sign(payload(access), typ="at+jwt")
        self.assertEqual(header(signed), header(access))
        self.assert_valid(signed, "an access token", *FOR_FILES)

    def test_the_key_limits_the_algorithm(self):
        self.begin("ES256")
        for alg in ("RS256", "HS256"):
            self.assertIsNone(self.sign(alg=alg))
        public = self.published(self.ours["token"])
        forged = hs256(self.ours["token"], public)
        self.assertIsNone(self.read(forged, public))
        self.assert_refused(forged, "bad_signature", "HS256")


if __name__ == "__main__":
    if not Cjose.PROGRAM.exists():
        skip("libcjose-dev was not there when this was built: "
             "tests/install-packages test")
    main()
