"""A node's clock against this machine's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lbctl.errors import RemoteError
from lbctl.model.command import Clock
from lbctl.transport import script
from lbctl.transport.session import Session

if TYPE_CHECKING:
    from paramiko import Channel

_SECONDS = 15
_TIMES = 5


def read_clock(session: Session) -> Clock:
    """Ask one shell a few times; the quickest answer counts. Its start, far slower, is in none of them."""
    channel = session.shell(_SECONDS)
    try:
        return min((_asked(session, channel) for _ in range(_TIMES)), key=lambda clock: clock.error)
    finally:
        channel.close()


def _asked(session: Session, channel: Channel) -> Clock:
    """The node's answer is taken to be of the middle between question and answer."""
    marker = f"@{script.new_nonce()} "
    sent = time.time_ns()
    said = session.converse(channel, f'echo "{marker}$(date +%s%N)"\n', marker, _SECONDS)
    received = time.time_ns()
    if not said.isdecimal():
        raise RemoteError(session.node, "its clock could not be read", detail=said)
    return Clock(int(said) - (sent + received) // 2, (received - sent) // 2)
