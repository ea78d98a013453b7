"""Everything that reaches a remote shell is made here, and quoted here alone."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """A call of a function of the node's library: words, and bytes for its standard input.

    The bytes travel inside the script, which itself comes on a shell's standard input: they are in no
    argument list on either machine, and in no repr.
    """

    words: tuple[str, ...]
    stdin: bytes | None = field(default=None, repr=False)

    def shell(self) -> str:
        """One line of sh."""
        call = shlex.join(self.words)
        if self.stdin is None:
            return call
        # printf is a builtin of every sh that matters: the bytes are no process's argument
        return f"printf %s {base64.b64encode(self.stdin).decode()} | base64 -d | {call}"


def command(*words: str, stdin: bytes | None = None) -> Command:
    return Command(words, stdin)


@dataclass(frozen=True)
class Probe:
    """A fact to be read: a name for its frame, and a fragment of sh that changes nothing."""

    name: str
    script: str


@dataclass(frozen=True)
class Answer:
    """What a fragment said: its exit status, and standard output and error in one."""

    status: int
    output: bytes

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "surrogateescape")


Answers = Mapping[str, Answer]
"""By the probe's name. A name that is missing was never answered: unknown."""


@dataclass(frozen=True)
class Clock:
    """How far a node's clock is ahead of this machine's, and by how much that may be wrong: nanoseconds."""

    ahead: int
    error: int
