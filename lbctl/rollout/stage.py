"""Candidates beside, on the node, looked at there by the daemons' own checks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from lbctl.errors import RemoteError
from lbctl.model.change import Action
from lbctl.model.command import Command, command
from lbctl.rollout.run import Run

_SECONDS = 120
_FETCH_SECONDS = 600  # packages come from afar
_DAEMONS = ("haproxy", "keepalived")
_MISSING = 90  # check.sh: there is no such file
# keepalived runs scripts without enable_script_security, and that hides every complaint from the status
# (measured: an unknown keyword, a number out of range); what it says of its file begins with `(` and a place
_SECURITY = 6
_REMARK = re.compile(r"warning|deprecated", re.IGNORECASE)
_TERMINATED = 143  # keepalived 2.2.7 kills itself with script_user set: it cannot tell


@dataclass(frozen=True)
class Verdict:
    """What a daemon's check said. `lines` are its complaints."""

    daemon: str
    status: int
    lines: tuple[str, ...]


def do(run: Run, node: str) -> str:
    """Raises RemoteError with the daemon's words when it refuses a candidate; its files are untouched."""
    works = run.works(node)
    changed = {c.address.name for c in run.touching(node)}
    read_by = {e.unit for f in run.node(node).files if f.path in changed for e in f.effects}
    read_by |= {c.address.name for c in run.touching(node) if c.action.begins_anew}
    daemons = [d for d in _DAEMONS if d in read_by]
    commands = [command("stage_begin"), *(c for _, work in works for c in work.stage)]
    seconds = _FETCH_SECONDS if run.upgrades(node) else _SECONDS
    before, after = verdicts(run.call(node, [*commands, check(daemons)], seconds)[-1])
    for daemon in daemons:
        refused = complaints(before.get(daemon), after.get(daemon), gone=_removed(run, node, daemon))
        if refused:
            what, mend = _words(restart=run.restarts(node))
            evidence = [run.scrub(node, line) for line in refused]
            raise RemoteError(node, f"{daemon} refuses its {what}", evidence=evidence, mend=mend)
    return f"checked by {' and '.join(daemons)}" if daemons else "nothing for a daemon to check"


def check(daemons: Sequence[str]) -> Command:
    """What these daemons say of their files and of the candidates that are staged; see `verdicts`."""
    script = files("lbctl.rollout").joinpath("check.sh").read_bytes()
    return command("check_stage", *daemons, stdin=script)


def _words(*, restart: bool) -> tuple[str, str]:
    """What is refused, and what to do. A daemon that is to be restarted reads what is there already."""
    if restart:
        return "configuration as it is", "mend what it names; no daemon was stopped on any node"
    return "new configuration", "correct the cluster file; nothing was changed on any node"


def undo(run: Run, node: str) -> None:
    run.call(node, [command("stage_end")])


def _removed(run: Run, node: str, daemon: str) -> bool:
    path = f"/etc/{daemon}/{daemon}."
    return any(c.action is Action.DELETE and c.address.name.startswith(path) for c in run.changes[node])


def verdicts(said: str) -> tuple[dict[str, Verdict], dict[str, Verdict]]:
    """check.sh's answer: by daemon, of the files that are there and of the candidates."""
    found: dict[str, dict[str, Verdict]] = {"before": {}, "after": {}}
    for line in said.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] in found:
            text = base64.b64decode(words[2]).decode("utf-8", "replace")
            output, _, status = text.rpartition("\n")
            lines = tuple(one.rstrip() for one in output.splitlines() if one.strip())
            found[words[0]][words[1]] = Verdict(words[1], int(status), lines)
    return found["before"], found["after"]


def complaints(before: Verdict | None, after: Verdict | None, *, gone: bool = False) -> tuple[str, ...]:
    """Why the candidate is refused: nothing = it is not.

    HAProxy says by its status. keepalived's is no help (6 for a good file, 0 for a missing one, measured):
    its candidate is refused for complaints that the running file does not have.
    """
    if after is None:
        return ("its own check did not answer",)
    if after.status == _MISSING:
        return () if gone else ("there is no configuration file",)
    if after.daemon == "haproxy":
        return () if after.status == 0 else _relevant(after.lines) or (f"exit status {after.status}",)
    if after.status == 0:
        return ()
    known = {_without_place(line) for line in before.lines} if before else set()
    new = tuple(line for line in after.lines if _without_place(line) not in known)
    if after.status in (_SECURITY, _TERMINATED):
        return tuple(line for line in new if line.startswith("(") and not _REMARK.search(line))
    if after.status < 0 or after.status > 128:
        return new or (f"its check died with {after.status}",)
    return new


def _relevant(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line for line in lines if "[ALERT]" in line or "[WARNING]" in line)


_PLACE = re.compile(r"^\((?:[^()]*: )?Line \d+\) ")


def _without_place(line: str) -> str:
    """The same complaint on another line is no new one."""
    return _PLACE.sub("", line)
