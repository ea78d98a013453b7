"""A node with both daemons installed and neither running, which is asked of hundreds of files at a time."""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lbctl.lab import Lab, LabNode
from tests.lab.conftest import Labs, guide_spec
from tests.lab.corpus import stubs

NODE = "lb1"
PLACE = "/root/asked"
ASK = """
said=/tmp/said
rm -rf $said; mkdir -p $said
ask() {
    name=$1; shift
    timeout 60 "$@" </dev/null >"$said/$name" 2>&1
    echo $? >"$said/$name.status"
}
tell() {
    printf '@%s %s %s\\n' "$1" "$(cat "$said/$1.status")" "$(wc -c <"$said/$1")"
    cat "$said/$1"
}
"""


@dataclass(frozen=True)
class Question:
    """A command about a file. `FILE` in `argv` stands for its path."""

    name: str
    content: bytes
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """What a command said of a file, and its exit status; 124 = it took too long."""

    status: int
    text: bytes


@dataclass(frozen=True)
class Bench:
    """A lab of one node."""

    lab: Lab

    def make(self, script: str) -> None:
        """Run a script of stubs. What it cannot make, a configuration goes without."""
        self.lab.exec(NODE, ["sh", "-c", "cat >/root/pem"], stdin=stubs.certificate())
        self.lab.exec(NODE, ["sh", "-s"], stdin=script.encode(), check=False)

    def ask(
        self, questions: Sequence[Question], at_once: int = 1, timeout: float = 240.0
    ) -> Mapping[str, Said]:
        """The answers by name; all in one command."""
        files = {question.name: question.content for question in questions}
        self.lab.sh(NODE, f"rm -rf {PLACE} && mkdir -p {PLACE}")
        self.lab.exec(NODE, ["tar", "-x", "-C", PLACE], stdin=_tar(files.items()))
        asking = [shlex.join(("ask", one.name, *_named(one))) for one in questions]
        batches = [" & ".join([*asking[at : at + at_once], "wait"]) for at in range(0, len(asking), at_once)]
        telling = [shlex.join(("tell", one.name)) for one in questions]
        script = "\n".join([ASK, *batches, *telling, ""])
        return _answers(self.lab.exec(NODE, ["sh", "-s"], stdin=script.encode(), timeout=timeout).stdout)


def bench(labs: Labs, suite: str) -> Bench:
    """A node of this suite, with what the distribution has of both daemons."""
    node = LabNode(NODE, ("10.15.85.32/24",))
    lab = labs.up(guide_spec(nodes=(node,), controllers=(), client=None, vips=(), suite=suite))
    lab.sh(NODE, "apt-get install -y -q haproxy keepalived psmisc 2>&1")
    lab.sh(NODE, "systemctl disable --now haproxy keepalived 2>&1")
    return Bench(lab)


def _named(question: Question) -> Iterable[str]:
    return (word.replace("FILE", f"{PLACE}/{question.name}") for word in question.argv)


def _tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _answers(said: bytes) -> dict[str, Said]:
    found = {}
    while said:
        head, _, rest = said.partition(b"\n")
        name, status, size = head.decode().removeprefix("@").split()
        found[name] = Said(int(status), rest[: int(size)])
        said = rest[int(size) :]
    return found
