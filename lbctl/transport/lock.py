"""A node's lock: a process on the apply's own connection holds it, and beats go both ways between the two."""

from __future__ import annotations

import getpass
import socket
import threading
import time
from typing import TYPE_CHECKING

from lbctl.errors import BecomeError, LockedError, RemoteError
from lbctl.model.command import command
from lbctl.transport import script
from lbctl.transport.session import Session

if TYPE_CHECKING:
    from paramiko import Channel

_SECONDS = 15  # for taking it
_BEAT_SECONDS = 1
_DOUBTFUL_SECONDS = 4
"""After so long a silence a new connection is tried beside this one. TCP sends again after pauses that
double: where packets were dropped for 10 s this one may be silent for 10 more, and a new one is not."""
_LOST_SECONDS = 16
"""After so long a silence the connection counts as lost all the same: twice as long as a node that was frozen
for 8 s and went on (measured). The node itself gives the lock up when it heard nothing for a minute."""


class Lock:
    """Who, what and since when stay the same when it is taken once more, on a new connection."""

    def __init__(self, what: str) -> None:
        self._token = script.new_nonce()
        self._who = f"{getpass.getuser()}@{socket.gethostname()}"
        self._what = what
        self._since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._channel: Channel | None = None
        self._over = threading.Event()

    def take(self, session: Session) -> None:
        """Take it on this connection, also where a lost one of ours still has it. Raises NodeError.

        While it is held a node that falls silent ends the connection, whatever waits for an answer on it.
        """
        self.release()
        channel = session.shell(_SECONDS)
        call = command("hold_lock", self._token, self._who, self._what, self._since).shell()
        # the shell's own input stays open: hold_lock reads it until the connection ends
        text = f"{script.library()}\nexec 3<&0\n{call}\nexit $?\n"
        try:
            _granted(session.node, session.converse(channel, text, f"@{self._token} ", _SECONDS))
        except BaseException:
            channel.close()
            raise
        self._channel, self._over = channel, threading.Event()
        threading.Thread(target=_beat, args=(session, channel, self._over), daemon=True).start()

    def release(self) -> None:
        self._over.set()
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _granted(node: str, answer: str) -> None:
    """Raises NodeError unless the node says that the lock is ours."""
    if answer.startswith("cannot"):
        raise not_root(node, answer)
    if not answer:
        raise RemoteError(node, "the lock could not be asked for")
    if not answer.startswith("locked"):
        mend = "wait for it, or look with: lbctl status"
        raise LockedError(node, "somebody else is at work on it", detail=answer, mend=mend)


def _beat(session: Session, channel: Channel, over: threading.Event) -> None:
    """Say that this end is alive, and hear the same of the other; without that the connection is lost."""
    heard = time.monotonic()
    while time.monotonic() - heard < _LOST_SECONDS and not channel.eof_received:
        try:
            channel.send(b".")
            if over.wait(_BEAT_SECONDS):
                return
            if channel.recv_ready() and channel.recv(1 << 10):
                heard = time.monotonic()
            elif (
                time.monotonic() - heard > _DOUBTFUL_SECONDS
                and session.greets()
                and not (over.wait(_BEAT_SECONDS) or channel.recv_ready())
            ):
                break  # a new one is greeted, and this one stays silent
        except OSError:
            break  # closed, here or there
    if not over.is_set():
        session.lose()


def not_root(node: str, said: str = "") -> BecomeError:
    mend = "log in as root, or say ssh: {become: sudo} in the cluster file"
    return BecomeError(node, "lbctl has to be root there, and is not", detail=said, mend=mend)
