"""signs.py - what must hold for whoever signs with the issuer's keys: what it
writes is our token, and what is wrong with it is refused by its reason.
"""
from interop import Interop, corrupted, header, payload, wait_for

REQUIRED = ("iss", "sub", "iat", "exp", "jti", "status")
ALGORITHMS = ("ES256", "EdDSA", "RS256")


def changed(members, change):
    """Without those that are None then."""
    return {k: v for k, v in {**members, **change}.items() if v is not None}


def wrong_claims(claims):
    """Changes, and the reason of a verifier whose audience is files."""
    iat, exp = claims["iat"], claims["exp"]
    ref = claims["status"]["status_list"]
    away = "https://elsewhere.example"
    number = ref["uri"].split("/")[-1]
    return [({name: None}, "malformed") for name in REQUIRED] + [
        ({"iss": away, "status": {"status_list": {
            **ref, "uri": f"{away}/s/{number}"}}}, "wrong_issuer"),
        ({"iss": away}, "malformed"),  # and its list is another's
        ({"exp": iat - 1}, "expired"), ({"exp": iat}, "expired"),
        ({"iat": 1, "exp": 2}, "expired"),
        ({"exp": exp + 0.5}, "malformed"), ({"exp": str(exp)}, "malformed"),
        ({"iat": iat + 3600}, "not_yet_valid"),
        ({"nbf": iat + 3600}, "not_yet_valid"),
        ({"aud": "mail"}, "wrong_audience"),
        ({"aud": ["mail", "Files"]}, "wrong_audience"),
        ({"aud": []}, "malformed"),
        ({"jti": f"{number}.77"}, "malformed"),
        ({"status": {}}, "malformed"),
        ({"status": {"status_list": {**ref, "idx": ref["idx"] + 1}}},
         "malformed"),
        ({"scope": "node::rw"}, "malformed"),
        ({"scope": ["photos:read"]}, "malformed"),
        ({"auto_refresh": 0}, "malformed"),
    ]


WRONG_KIDS = [({"kid": "AAAAAAAAAAA"}, "unknown_key")]
WRONG_TYPS = [({"typ": typ}, "malformed")
              for typ in ("at+jwt", "jwt", "statuslist+jwt")]
WRONG_HEADERS = WRONG_KIDS + WRONG_TYPS + [
    ({"typ": None}, "malformed"), ({"kid": None}, "malformed"),
    ({"cty": "JWT"}, "malformed"), ({"x": "y"}, "malformed"),
    ({"crit": ["b64"], "b64": True}, "malformed"),
    ({"jwk": {"kty": "EC"}}, "malformed"),
    ({"jku": "https://elsewhere.example/jwks"}, "malformed"),
]


class Signer(Interop):
    """To be filled in: sign()."""

    #: what it can do
    ALGORITHMS = ALGORITHMS
    HEADERS = WRONG_HEADERS

    def begin(self, alg):
        """What signing in the issuer's name takes."""
        self.sign_with(alg)
        self.ours = self.mint.mint(allow_long=True, scopes=["photos:read"],
                                   audience=["files"])
        self.claims = payload(self.ours["token"])
        self.head = header(self.ours["token"])
        self.kid, self.pem = self.active_pem()

    def sign(self, claims=None, **head):
        """Those claims, or else self.claims, signed with self.pem.  head
        changes self.head."""
        raise NotImplementedError

    def assert_state_takes(self, token):
        """As soon as the agent has heard of its key."""
        wait_for("the state to know the key", lambda: self.state.reason(
            token, "--no-use") is None)


class Signs:
    """Mixed into a Signer."""

    def test_the_same_token(self):
        for alg in self.ALGORITHMS:
            self.begin(alg)
            theirs = self.sign()
            self.assertEqual(header(theirs), self.head)
            self.assertEqual(payload(theirs), self.claims)
            self.assertEqual(self.head["alg"], alg)
            self.assert_state_takes(theirs)
            self.assert_all_refused(corrupted(theirs))
            # it is the token: revoked by its id, whoever signed it
            self.mint.revoke(self.ours["id"])
            self.state.wait_reason(theirs, "revoked")

    def test_claims_that_we_refuse(self):
        self.begin("ES256")
        for change, reason in wrong_claims(self.claims):
            self.assert_refused(self.sign(changed(self.claims, change)),
                                reason, change, "--audience", "files")

    def test_claims_that_we_take(self):
        self.begin("ES256")
        for change in ({"name": "Alice"}, {"aud": ["mail", "files"]},
                       {"nbf": self.claims["iat"]}):
            self.assert_valid(self.sign(changed(self.claims, change)),
                              change, "--audience", "files")

    def test_headers_that_we_refuse(self):
        self.begin("ES256")
        for change, reason in self.HEADERS:
            self.assert_refused(self.sign(**change), reason, change)
        waits = next(k["kid"] for k in self.jwks()["keys"]
                     if k["kid"] != self.kid)
        self.assert_refused(self.sign(kid=waits), "bad_signature",
                            "the kid of a key that waits")
