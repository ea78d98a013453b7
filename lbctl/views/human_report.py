"""Reports, drift and status as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lbctl.errors import NodeError
from lbctl.model.change import Standing
from lbctl.model.report import (
    ApplyReport,
    DrainReport,
    DriftItem,
    DriftReport,
    Exit,
    ForgetReport,
    HandoverReport,
    Held,
)
from lbctl.views.group import ItemGroup, grouped, grouped_items, is_digest, scalar, thing
from lbctl.views.human_outage import outage_lines
from lbctl.views.human_plan import detail_line, diff_lines
from lbctl.views.line import Line, Part, columns, count, line, moved_version, names, seconds, title
from lbctl.views.standing import NodeStanding, standing
from lbctl.views.view import NodeStatus

OUTCOMES = {Exit.DONE: "bold green", Exit.STOPPED: "bold yellow"}
WHAT = {"changed": "green", "restarted": "green", "upgraded": "green", "undone": "yellow", "failed": "red"}

FINDINGS = (
    (
        "drift",
        "Changed by hand since the last apply",
        "keep it: in the cluster file (lbctl import --merge); undo it: lbctl apply --allow drift",
    ),
    ("unknown", "Could not be read", "look at the node; without it: lbctl drift --exclude NODE"),
    ("pending", "In the cluster file, not applied yet", "lbctl plan, then lbctl apply"),
    (
        "unloaded",
        "On disk, not loaded by the daemon",
        "is it right? then the command named; or, node by node without cutting a connection: lbctl restart",
    ),
    (
        "holders",
        "VIPs that are not on one node",
        "do they hear each other (IP protocol 112)? lbctl drift --counters; who should? lbctl election",
    ),
    ("counters", "Adverts that nodes refuse", "make them alike: lbctl plan shows their files; lbctl apply"),
    (
        "differs",
        "Nodes that differ from each other",
        "versions: lbctl upgrade; files: as above; a server: set it alike on every node",
    ),
    ("operational", "As it runs now", ""),
    ("note", "Worth knowing", ""),
)
"""What is found, its section, and what to do about it where its own words do not say that."""

MIXED = (
    "what was applied last is not kept in this workspace; an apply would undo it, with what is pending, by:"
)


def report_lines(report: ApplyReport) -> Iterator[Line]:
    """A table of the nodes, the commands to go on with, and the outcome as the last line."""
    yield line()
    packages = tuple(dict.fromkeys(one.package for node in report.nodes for one in node.packages))
    rows = [_head("node", "serial", "role", "serving", "what", *packages)]
    for node in report.nodes:
        serving: Part = "yes" if node.serving else ("NO", "bold red")
        what = (node.what, WHAT.get(node.what, ""))
        moved = {one.package: moved_version(one.before, one.after) for one in node.packages}
        versions = (moved.get(name, "") for name in packages)
        rows.append((node.node, str(node.serial), node.role, serving, what, *versions))
    if report.nodes:
        yield from columns(rows)
        yield line()
    if report.advice:
        for words in report.advice:
            yield line(words, head=("  ",), wrap=False)
        yield line()
    if report.outage:
        yield from outage_lines(report.outage)
    yield line((report.summary, OUTCOMES.get(report.code, "bold red")), f" ({seconds(report.seconds)})")


def drift_lines(report: DriftReport, *, text: bool) -> Iterator[Line]:
    """Findings by their kind, worst first, and the summary as the last line."""
    yield line((f"Drift of cluster {report.cluster}", "bold"))
    known = [what for what, _, _ in FINDINGS]
    others = [(item.what, item.what, "") for item in report.items if item.what not in known]
    details = {str(change.address): change.detail for change in report.changes}
    for what, words, mend in (*FINDINGS, *dict.fromkeys(others)):
        found = [item for item in report.items if item.what == what]
        if found:
            yield from title(words)
            for group in grouped_items(found, details):
                yield from _finding(group, details.get(group.item.address, ()))
        if found and mend:
            yield line((mend, "dim"), head=("  → ",))
    if text:
        yield from _texts(report)
    yield line()
    yield line((drift_summary(report), "bold"))


def drift_summary(report: DriftReport) -> str:
    """How many findings of what, in one line."""
    left_out = f" Not looked at: {names(report.excluded)}." if report.excluded else ""
    if not report.items:
        return f"No drift. Cluster {report.cluster} is as the last apply left it.{left_out}"
    found = [item.what for item in report.items]
    numbers = [f"{found.count(what)} {what}" for what in dict.fromkeys(found)]
    return f"Cluster {report.cluster}: {', '.join(numbers)}.{left_out}"


def _held(vips: Sequence[Held], unread: Sequence[str]) -> Iterator[Line]:
    for held in vips:
        yield line(held.vip, "  ", (names(held.nodes) if held.nodes else "on no node that was read", "cyan"))
    if unread:
        yield line((f"Could not be read: {names(unread)}.", "yellow"))


def handover_lines(report: HandoverReport) -> Iterator[Line]:
    """The same of a handover."""
    yield from _held(report.vips, report.unread)
    if report.how:
        yield line(f"They moved {report.how}.")
    if report.outage:
        yield from outage_lines(report.outage)
    if report.given:
        yield line((f"{report.node} has given {', '.join(report.given)} away.", "bold green"))
    else:
        yield line((f"{report.node} holds no VIP: there is nothing to give away.", "bold"))


def drain_lines(report: DrainReport) -> Iterator[Line]:
    """Where the VIPs are, and the outcome as the last line."""
    yield from _held(report.vips, report.unread)
    if report.how:
        yield line(f"They moved {report.how}.")
    if report.outage:
        yield from outage_lines(report.outage)
    record = report.record
    if record is not None:
        why = f" ({record.reason})" if record.reason else ""
        yield line((f"{report.node} is drained until {record.until}{why}.", "bold green"))
        yield line(f"Back: lbctl undrain {report.node}", wrap=False)
    elif report.changed:
        yield line((f"{report.node} is back in the election.", "bold green"))
    else:
        yield line((f"{report.node} was not drained.", "bold"))


def forget_lines(report: ForgetReport) -> Iterator[Line]:
    """Whose records were written, and the outcome as the last line."""
    if report.unread:
        names_it = f"Could not be read, and may name it still: {names(report.unread)}."
        yield line((names_it, "yellow"))
        yield line(f"When they are back: lbctl node forget {report.node}", wrap=False)
    where = f"on {names(report.written)}" if report.written else "on no node any more"
    yield line((f"{report.node} ({report.address}) is forgotten {where}.", "bold green"))


def status_lines(
    cluster: str, nodes: NodeStatus, vips: Sequence[str], more: Mapping[str, str]
) -> Iterator[Line]:
    """A table of the nodes, then what stands out on each; `more` is said of a node beside that."""
    stands = [standing(vips, name, found) for name, found in nodes.items()]
    yield line((f"Cluster {cluster}", "bold"))
    yield line()
    yield from columns(
        [_head("node", "role", "serial", "haproxy", "keepalived", "servers", "holds")]
        + [_stand(stand) for stand in stands]
    )
    notes: dict[str, list[str]] = {}
    for stand in stands:
        for note in stand.notes:
            notes.setdefault(note, []).append(stand.node)
    for node, note in more.items():
        notes.setdefault(note, []).append(node)
    if notes:
        yield from title("Worth knowing")
        yield from columns([(names(alike), note) for note, alike in notes.items()])
    yield line()
    yield line((_status_summary(nodes, stands, vips), "bold"))


def _status_summary(nodes: NodeStatus, stands: Sequence[NodeStanding], vips: Sequence[str]) -> str:
    lost = [name for name, found in nodes.items() if isinstance(found, NodeError)]
    if lost:
        return f"{count(len(lost), 'node')} of {len(nodes)} could not be read: {names(lost)}."
    held = {vip for stand in stands for vip in stand.holds}
    missing = [vip for vip in vips if vip not in held]
    if missing:
        return f"No node holds {', '.join(missing)}."
    return f"{count(len(nodes), 'node')} read, every VIP is held."


def _head(*words: str) -> tuple[Part, ...]:
    return tuple((word, "dim") for word in words)


def _stand(stand: NodeStanding) -> tuple[Part, ...]:
    haproxy, keepalived = (
        (word, "" if word == "active" else "bold red") for word in (stand.haproxy, stand.keepalived)
    )
    role: Part = (stand.role, "bold" if stand.holds else "")
    return (stand.node, role, stand.serial, haproxy, keepalived, stand.servers, ", ".join(stand.holds))


def _finding(group: ItemGroup, detail: Sequence[str]) -> Iterator[Line]:
    item = group.item
    about = "" if thing(item) == item.node else f"{thing(item)}  "
    yield line((about, "yellow"), (names(group.nodes), "cyan"), head=("  ",))
    said = item.text.split("\n") if item.text else []
    if not said and any(map(is_digest, item.differences)):
        if detail and item.what != "pending":
            both = any(one.standing is Standing.BOTH for one in item.differences)
            yield line((MIXED if both else "an apply would undo it by:", "dim"), head=("      ",))
        said = list(detail)
    for words in said:
        yield detail_line(words)
    yield from _differences(item, in_words=bool(said))


def _differences(item: DriftItem, *, in_words: bool) -> Iterator[Line]:
    """What the last apply left, and what is there now; for what is pending, live and desired."""
    for difference in item.differences:
        if in_words and is_digest(difference):
            continue
        pending = item.what == "pending" or difference.standing is Standing.PENDING
        before, after = (
            (difference.before, difference.after) if pending else (difference.applied, difference.before)
        )
        moved = (scalar(before), "dim"), " → ", (scalar(after), "yellow")
        yield line(*moved, head=("      ", f"{difference.attribute}: "))


def _texts(report: DriftReport) -> Iterator[Line]:
    for group in grouped(report.changes, text=True):
        found = list(diff_lines(group.change))
        if found:
            yield from title(f"{group.change.address.on_any_node}  {names(group.nodes)}")
            yield from found
