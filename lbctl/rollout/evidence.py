"""What is worth keeping of a run that did not end well: what was refused, and what the nodes say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lbctl.errors import NodeError
from lbctl.host.facts import journal_probe, messages_probe
from lbctl.model.content import Content
from lbctl.model.event import StepFailed
from lbctl.rollout.run import Run

_SECONDS = 10.0  # that all nodes together are waited for, when they can be reached
_AT_ONCE = 32
_EARLIER = 5  # seconds of the daemons' messages from before the run

_FILES = {"messages.haproxy": "haproxy.log", "messages.keepalived": "keepalived.log", "journal": "journal"}
"""A probe's answer, and the file below the node's folder that it becomes. Empty: asked, and nothing said."""


@dataclass(frozen=True)
class Evidence:
    """Texts by their names (`nodes/NODE/…`), and what could not be had, a line each; no secrets."""

    files: Mapping[str, str]
    missing: tuple[str, ...]


def collect(run: Run, failures: Sequence[StepFailed], lost: Sequence[str], seconds: float) -> Evidence:
    """Ask every node of a run that has ended, some `seconds` after it began. Raises nothing.

    `lost` are nodes that are known not to answer: they are not asked.
    """
    files: dict[str, str] = {}
    missing = [f"{node}: its daemons' messages and its journal: it could not be reached" for node in lost]
    for failure in failures:
        files.update(_failed(run, failure))
    nodes = [name for name in run.gathered if name not in lost]
    since = int(seconds) + _EARLIER
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        for found in pool.map(lambda node: _asked(run, node, since), nodes):
            files.update(found.files)
            missing += found.missing
    return Evidence(files, tuple(missing))


def _failed(run: Run, failure: StepFailed) -> Iterator[tuple[str, str]]:
    """What the node was to become and what was on it before, as they may be shown; and why that failed.

    A file's name is its path, with `%` for `/`, as below /var/lib/lbctl/original on the node.
    """
    node = failure.step.node
    why = [f"{failure.step.name} failed after {failure.seconds:.1f} s", failure.text, *failure.evidence]
    yield f"nodes/{node}/failed.txt", "\n".join(line for line in why if line) + "\n"
    for change in run.touching(node):
        name = change.address.name.replace("/", "%")
        for side, content in (("candidate", change.after), ("before", change.before)):
            if content is not None:
                yield f"nodes/{node}/{side}/{name}", _shown(run, node, content)


def _shown(run: Run, node: str, content: Content) -> str:
    """Masked, and scrubbed too: a secret may stand in the open in another file than the one that hides it."""
    return run.scrub(node, content.shown.decode("utf-8", "surrogateescape"))


def _asked(run: Run, node: str, since: int) -> Evidence:
    probes = [
        messages_probe("haproxy", since),
        messages_probe("keepalived", since),
        journal_probe(run.plan.id),
    ]
    try:
        answers = run.transport.ask(node, probes, timeout=_SECONDS)
    except NodeError as error:
        return Evidence({}, (f"{node}: its daemons' messages and its journal: {error.summary}",))
    files, missing = {}, []
    for name, file in _FILES.items():
        answer = answers.get(name)
        if answer is None or answer.status != 0:
            missing.append(f"{node}: {file}: the node has none that can be read")
        else:
            files[f"nodes/{node}/{file}"] = run.scrub(node, answer.text)
    return Evidence(files, tuple(missing))
