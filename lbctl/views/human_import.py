"""What an import found, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lbctl.model.adoption import Adoption, Merged, Proposed, Thing
from lbctl.views.line import Line, columns, count, line, names, problem_lines, title

_SIGNS = {"+": "green", "-": "red"}
_SECTIONS = (
    ("Taken", "taken"),
    ("Differs between the nodes", "differs"),
    ("Left as it is", "left"),
    ("Other hands on the nodes", "hands"),
)


def import_lines(adoption: Adoption) -> Iterator[Line]:
    """The nodes, what was taken, what differs, what was left and why, other hands, and what to do next."""
    rows = [(one.name, one.address, one.host, one.os) for one in adoption.nodes]
    yield from columns([("node", "address", "host", "system"), *rows], indent=0)
    every = tuple(node.name for node in adoption.nodes)
    for words, attribute in _SECTIONS:
        found: Sequence[Thing] = getattr(adoption, attribute)
        if found:
            yield from title(words)
            yield from columns([(one.name, _where(one, every), one.text) for one in found])
    if adoption.problems:
        yield from title("Not understood, or what a new file may not have")
        yield from problem_lines(adoption.problems)
    yield from title(f"Written: {count(len(adoption.files), 'file')}")
    for file in adoption.files:
        yield line(file.path, ("  private", "yellow") if file.private else "", head=("  ",))
    yield line()
    yield line(
        ("Next: lbctl plan (it is empty), then lbctl apply, which only records whose they are.", "bold")
    )


def merge_lines(files: Sequence[Merged]) -> Iterator[Line]:
    """Each file, from which nodes it took what, and what to do next."""
    if not files:
        yield line(("Nothing was changed by hand in a file that lbctl can merge.", "bold"))
        return
    for one in files:
        yield line((one.path, "bold"), (f"  from {names(one.nodes)}", "cyan"))
        for words in one.diff:
            yield line((words, _SIGNS.get(words[:1], "")), head=("  ",), wrap=False)
    yield line()
    yield line(("Next: look at it (git diff), then lbctl plan.", "bold"))


def proposal_lines(proposal: Proposed) -> Iterator[Line]:
    """The new part of the cluster file, the diff of haproxy.cfg, and what stays as it is."""
    for words in proposal.text.splitlines():
        yield line(words, wrap=False)
    yield from title(f"What that would change in haproxy.cfg on {names(proposal.nodes)}")
    for words in proposal.diff or ("nothing: it would be the same, to the byte",):
        yield line((words, _SIGNS.get(words[:1], "")), head=("  ",), wrap=False)
    if proposal.reasons:
        yield from title("Stays as it is")
        yield from columns(list(proposal.reasons))
    yield line()
    said = count(len(proposal.services), "service")
    yield line(
        (f"{said} found; nothing was written. Put it in place of the haproxy: part, then lbctl plan.", "bold")
    )


def _where(thing: Thing, every: Sequence[str]) -> str:
    return "" if thing.nodes == tuple(every) else names(thing.nodes)
