"""A script on this machine that goes on for as long as its input is open."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from threading import Event, Thread

from lbctl.errors import LocalError

_BEAT_SECONDS = 5.0
_END_SECONDS = 10.0


def lines(script: str, over: Event) -> Iterator[str]:
    """What the script says to a `sh`, line by line; when `over` is set its input ends. Raises LocalError."""
    try:
        child = subprocess.Popen(
            ["sh", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        raise LocalError("cannot start sh", detail=str(error)) from error
    assert child.stdin is not None and child.stdout is not None
    with child:
        beats = Thread(target=_beat, args=(child, script, over), daemon=True)
        beats.start()
        try:
            for line in child.stdout:
                yield line.rstrip("\n")
        finally:
            over.set()
            beats.join(_END_SECONDS)
            child.terminate()


def _beat(child: subprocess.Popen[str], script: str, over: Event) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(script)
        child.stdin.flush()
        while not over.wait(_BEAT_SECONDS):
            child.stdin.write(".")
            child.stdin.flush()
        child.stdin.close()
    except OSError:
        return  # it has ended
