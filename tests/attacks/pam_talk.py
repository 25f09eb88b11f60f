"""pam_talk.py - a service that asks PAM, and whose conversation may be as odd
as it likes.  For test_A38_..., which starts it inside a private host:

    pam_talk.py USER OPERATION... <<<'["first answer", null, ...]'

An answer is the text (JSON, so any but a NUL), null for a response without
text, true for no response at all, or false for an error.  Behind the last
answer there is none.  Prints [[what PAM answered, its words], ...].
"""
import ctypes
import json
import sys

PAM_SUCCESS, PAM_CONV_ERR, PAM_RHOST = 0, 19, 4
pam = libc = ctypes.CDLL(None)  # pam_wrapper was preloaded
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
pam.pam_strerror.restype = ctypes.c_char_p


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("retcode", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


answers = json.load(sys.stdin)


def converse(count, _messages, responses, _data):
    """PAM frees what it is given (pam_conv(3)): so it is malloc's."""
    if not answers or (answer := answers.pop(0)) is False:
        return PAM_CONV_ERR
    if answer is True:
        responses[0] = None
        return PAM_SUCCESS
    room = libc.calloc(count, ctypes.sizeof(Response))
    if answer is not None:
        text = libc.strdup(answer.encode("utf-8", "surrogateescape"))
        Response.from_address(room).text = text
    responses[0] = room
    return PAM_SUCCESS


conversation = Conversation(CONVERSE(converse), None)
handle = ctypes.c_void_p()
user, *operations = sys.argv[1:]
assert pam.pam_start(b"door", user.encode(), ctypes.byref(conversation),
                     ctypes.byref(handle)) == PAM_SUCCESS
pam.pam_set_item(handle, PAM_RHOST, b"192.0.2.7")
said = []
for operation in operations:
    code = getattr(pam, "pam_" + operation)(handle, 0)
    said.append([code, pam.pam_strerror(handle, code).decode()])
pam.pam_end(handle, said[-1][0])
print(json.dumps(said))
