"""Check Mintmark's personal access tokens without asking anybody.

    import mintmark

    with mintmark.Verifier("/run/mintmark/state", audience="files") as v:
        try:
            t = v.verify(token)              # or v.verify_user(user, token)
            t.allow("node", ["1b9d", "root"], mintmark.READ)
        except mintmark.Refused as e:
            print(e.reason)                  # Reason.REVOKED, ...

Threads: one Verifier may be used from any number of threads at once, and
closed by any of them: who is still inside a check finishes it.

Processes: a child after fork() cannot use its parent's Verifier, and gets a
RuntimeError when it tries.  Open one in each worker (gunicorn: `post_fork`).

Errors: Unavailable when there is nothing to open, Refused for each token
that is not good, or not good for this.  TypeError, ValueError and
RuntimeError are faults of the program that calls.

What is fast and what is not: Mintmark's README has the figures; calling C
from Python adds some microseconds to each.
"""
from ._verifier import (READ, WRITE, Error, Permission, Reason, Refused,
                        State, Token, Unavailable, Verifier)

__all__ = ["READ", "WRITE", "Error", "Permission", "Reason", "Refused",
           "State", "Token", "Unavailable", "Verifier"]
