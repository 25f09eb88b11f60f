#!/usr/bin/env python3
"""Debian's libjwt (1.10.2): it verifies what we mint, and we what it signs.

As far as it goes.  ES256 and RS256 it can.  It has no EdDSA; it reads no
object whose typ is not JWT, and can write no other, so access tokens and
status lists are not for it; it looks at no time; and the token's header tells
it the algorithm, so that who verifies with it must compare that himself: it
takes HS256 with a public key for the secret.  It is lenient about base64, too.
Each of these is shown here, with what Mintmark says of the same token.
"""
from interop import FOR_FILES, header, hs256, main, payload
from library import Library
from signs import Signer
from flow import BUILD


STRICTER = "libjwt is stricter than it was: say so above, and refuse it here"


class Libjwt(Library, Signer):
    PROGRAM = BUILD / "tests/interop/with_libjwt"

    def key_text(self, key, private):
        return key.export_to_pem(private_key=private,
                                 password=None).decode()

    def test_no_typ_but_jwt(self):
        self.begin("ES256")
        access, _ = self.exchange(self.ours["token"], "files")
        listed, _ = self.status_list(self.ours["token"])
        for other in (access, listed):
            self.assertIsNone(self.read(other), header(other))
        signed = self.sign(payload(access), typ="at+jwt")
        self.assertEqual(header(signed)["typ"], "JWT")
        self.assert_refused(signed, "malformed", "not written as at+jwt",
                            *FOR_FILES)

    def test_the_header_tells_it_the_algorithm(self):
        token = self.mint_one()["token"]
        forged = hs256(token, self.published(token), sub="root")
        self.assertEqual(self.read(forged, self.published(token)),
                         {**payload(token), "sub": "root"}, STRICTER)
        self.assert_refused(forged, "bad_signature", "HS256")

    def test_it_passes_over_what_is_no_base64(self):
        token = self.mint_one()["token"]
        for more in ("=", "=="):
            self.assertEqual(self.read(token + more), payload(token),
                             STRICTER)
            self.assert_refused(token + more, "malformed", more)


if __name__ == "__main__":
    main()
