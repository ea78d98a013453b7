"""The one text that is sent to a node, and the frames of its answer.

The wrapper is measured on real nodes: `main() { … }` with a last line that calls it, because otherwise a
connection that is cut runs half of the script; `</dev/null`, because anything in it that reads standard input
would eat the rest. Answers come in frames that survive motd, locale, pty and noisy shells:
`@NONCE NAME BASE64`.

A script that writes answers with one frame a command: its output, a newline and its exit status. One that
reads has one frame for all, because a `base64` for each of some twenty fragments cost a fifth of a gather.
In it a fragment's output stands between `@NONCE NAME` and `@NONCE = STATUS`. Fragments share one shell: they
must not exit it, nor set what another one reads.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from importlib.resources import files

from lbctl.model.command import Answer, Answers, Command, Probe

_HEAD = "LC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin; export LC_ALL PATH\n"
_FRAME = """\
frame() { printf '\\n@%s %s\\n' "$nonce" "$1"; "$2" 2>&1; printf '\\n@%s = %s' "$nonce" "$?"; }
"""
_ALL = """\
printf '\\n@%s all ' "$nonce"
frames | base64 -w0
printf '\\n'
"""
# the first command that fails ends the script
_STEP = """\
step() {
  out=$({ "$2" 2>&1; printf '\\n%s' "$?"; } | base64 -w0)
  printf '\\n@%s %s %s\\n' "$nonce" "$1" "$out"
  [ "$(printf %s "$out" | base64 -d | tail -n 1)" = 0 ] || { printf '\\n@%s end\\n' "$nonce"; exit 0; }
}
"""


def new_nonce() -> str:
    return secrets.token_hex(8)


def library() -> str:
    """The node's function library: fixed text, shipped with lbctl, sent with every script that writes."""
    return "".join(files("lbctl.transport").joinpath(name).read_text() for name in ("node.sh", "vrrp.sh"))


def reading(nonce: str, probes: Sequence[Probe]) -> str:
    """A script that asks; it has nothing in it that writes."""
    bodies = "".join(f"p{n}() {{ {probe.script}\n}}\n" for n, probe in enumerate(probes))
    calls = "".join(f"frame {probe.name} p{n}\n" for n, probe in enumerate(probes))
    return _wrap(nonce, f"{_FRAME}{bodies}frames() {{\n{calls}:\n}}\n", _ALL)


def lasting(probe: Probe) -> str:
    """A script of one probe alone, which may read on from where it came."""
    return f"{_HEAD}{probe.script}"


def writing(nonce: str, commands: Sequence[Command]) -> str:
    """A script that runs the commands in order and ends at the first that fails."""
    bodies = "".join(f"c{n}() {{ {command.shell()}\n}}\n" for n, command in enumerate(commands))
    calls = "".join(f"step {n} c{n}\n" for n in range(len(commands)))
    return _wrap(nonce, library() + _STEP + bodies, calls)


def _wrap(nonce: str, functions: str, calls: str) -> str:
    head = f"{_HEAD}nonce={nonce}\n"
    # whoever is not root would read half of what there is, and take the rest for absent
    root = '[ "$(id -u)" = 0 ] || { printf \'\\n@%s notroot\\n\' "$nonce"; return 0; }'
    body = f"main() {{\n{root}\n{calls}printf '\\n@%s end\\n' \"$nonce\"\n}}\n"
    return f"{head}{functions}{body}main </dev/null; exit $?\n"


def not_root(nonce: str, output: bytes) -> bool:
    """Did the script end because it did not run as root?"""
    return f"@{nonce} notroot".encode() in output.splitlines()


def read_answers(nonce: str, output: bytes) -> Answers | None:
    """What a reading script's fragments said, or None when the answer was cut short."""
    frames = _frames(nonce, output)
    if frames is None or "all" not in frames:
        return None
    found: dict[str, Answer] = {}
    pieces = frames["all"].split(f"\n@{nonce} ".encode())[1:]
    for head, tail in zip(pieces[::2], pieces[1::2], strict=False):  # the last one may have been killed
        name, _, said = head.partition(b"\n")
        found[name.decode()] = Answer(int(tail.removeprefix(b"= ")), said)
    return found


def answers(nonce: str, output: bytes) -> Answers | None:
    """What a writing script's commands said, or None when the answer was cut short."""
    frames = _frames(nonce, output)
    if frames is None:
        return None
    found: dict[str, Answer] = {}
    for name, text in frames.items():
        said, _, status = (text or b"\n1").rpartition(b"\n")
        found[name] = Answer(int(status), said)
    return found


def _frames(nonce: str, output: bytes) -> dict[str, bytes] | None:
    """The frames in what came back, or None when the last one never came."""
    marker = b"@" + nonce.encode() + b" "
    found: dict[str, bytes] = {}
    for line in output.split(b"\n")[:-1]:  # what follows the last newline may be cut short
        if not line.startswith(marker):
            continue
        words = line.split()
        if words[1:] == [b"end"]:
            return found
        if len(words) < 2:  # a script that was cut where a word was half
            continue
        found[words[1].decode()] = base64.b64decode(words[2]) if len(words) > 2 else b""
    return None
