"""The one text that is sent to a node, and the frames of its answer.

The wrapper is measured on real nodes: `main() { … }` with a last line that calls it, because otherwise a
connection that is cut runs half of the script; `</dev/null`, because anything in it that reads standard input
would eat the rest. Answers come in frames that survive motd, locale, pty and noisy shells:
`@NONCE NAME BASE64`, where the base64 is the fragment's output followed by a newline and its exit status.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from importlib.resources import files

from lbctl.model.command import Answer, Answers, Command, Probe

_FRAME = """\
frame() { printf '\\n@%s %s ' "$nonce" "$1"; { "$2" 2>&1; printf '\\n%s' "$?"; } | base64 -w0; printf '\\n'; }
"""
# the same, but the first command that fails ends the script
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
    return files("lbctl.transport").joinpath("node.sh").read_text()


def reading(nonce: str, probes: Sequence[Probe]) -> str:
    """A script that asks; it has nothing in it that writes."""
    bodies = "".join(f"p{n}() {{ {probe.script}\n}}\n" for n, probe in enumerate(probes))
    calls = "".join(f"frame {probe.name} p{n}\n" for n, probe in enumerate(probes))
    return _wrap(nonce, _FRAME + bodies, calls)


def writing(nonce: str, commands: Sequence[Command]) -> str:
    """A script that runs the commands in order and ends at the first that fails."""
    bodies = "".join(f"c{n}() {{ {command.shell()}\n}}\n" for n, command in enumerate(commands))
    calls = "".join(f"step {n} c{n}\n" for n in range(len(commands)))
    return _wrap(nonce, library() + _STEP + bodies, calls)


def _wrap(nonce: str, functions: str, calls: str) -> str:
    head = f"LC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin; export LC_ALL PATH; nonce={nonce}\n"
    # whoever is not root would read half of what there is, and take the rest for absent
    root = '[ "$(id -u)" = 0 ] || { printf \'\\n@%s notroot\\n\' "$nonce"; return 0; }'
    body = f"main() {{\n{root}\n{calls}printf '\\n@%s end\\n' \"$nonce\"\n}}\n"
    return f"{head}{functions}{body}main </dev/null; exit $?\n"


def not_root(nonce: str, output: bytes) -> bool:
    """Did the script end because it did not run as root?"""
    return f"@{nonce} notroot".encode() in output.splitlines()


def answers(nonce: str, output: bytes) -> Answers | None:
    """The frames in what came back, or None when the last one never came."""
    marker = b"@" + nonce.encode() + b" "
    found: dict[str, Answer] = {}
    for line in output.splitlines():
        if not line.startswith(marker):
            continue
        words = line.split()
        if words[1] == b"end":
            return found
        text = base64.b64decode(words[2]) if len(words) > 2 else b"\n1"
        said, _, status = text.rpartition(b"\n")
        found[words[1].decode()] = Answer(int(status), said)
    return None
