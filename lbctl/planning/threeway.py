"""Desired, applied, live: the three-way comparison, resource by resource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lbctl.errors import Problem
from lbctl.kinds import KINDS
from lbctl.model.change import Action, Change, Difference, Standing
from lbctl.model.cluster import Node
from lbctl.model.facts import Facts
from lbctl.model.resource import Address, Resource, Scalar, Unknown


def compare(node: Node, facts: Facts) -> tuple[tuple[Change, ...], tuple[Problem, ...]]:
    """The node's changes in apply order, and an error for every fact that could not be had.

    Effects, scope and detail are not in them yet: see planning/meaning.py.
    """
    changes: list[Change] = []
    problems: list[Problem] = []
    for wish, address in _addresses(node, facts):
        live = facts.live(address)
        if isinstance(live, Unknown):
            problems.append(Problem(f"{address}: {live.reason}", code="unknown", mend=_mend(live)))
            continue
        applied = facts.owner.applied(address) if facts.owner else None
        change = (
            _wished(node, facts, wish, applied, live) if wish else _dropped(address, facts, applied, live)
        )
        if change is not None:
            changes.append(change)
    return tuple(changes), tuple(problems)


def _mend(unknown: Unknown) -> str:
    return "replace the link by a file, or manage the file it points to" if "link" in unknown.reason else ""


def _addresses(node: Node, facts: Facts) -> Iterator[tuple[Resource | None, Address]]:
    """Everything desired, then what is only owned, kind by kind in apply order."""
    owned = facts.owner.resources if facts.owner else ()
    for kind in KINDS:
        wishes = kind.desired(node, facts.key)
        for wish in wishes:
            yield wish, wish.address
        names = {wish.address for wish in wishes}
        for resource in owned:
            if resource.address.kind == kind.name and resource.address not in names:
                yield None, resource.address


def _wished(
    node: Node, facts: Facts, wish: Resource, applied: Resource | None, live: Resource | None
) -> Change | None:
    unwatched = {f.path for f in node.files if not f.watch}
    differences = []
    for name, after in wish.values.items():
        before = live.value(name) if live else None
        was = applied.value(name) if applied else None
        if name == "content" and not facts.key:
            was = before  # the record's digests are keyed: without secrets only live can be compared with
        # what the last apply did not name (a version, its absence) it has left nothing of to drift from
        owned = applied is not None and name in applied.values
        standing = _standing(after, was, before, owned=owned)
        if standing is Standing.DRIFT and name == "content" and wish.address.name in unwatched:
            continue
        if standing is not None:
            differences.append(Difference(name, before, after, was, standing))
    if not differences:
        return None
    if facts.owner is None:
        differences = [_unkeyed(d, wish, live) for d in differences]
    action = _action(wish, live, differences)
    return Change(wish.address, action, together(differences), tuple(differences), desired=wish, live=live)


def _standing(desired: Scalar, applied: Scalar, live: Scalar, *, owned: bool) -> Standing | None:
    """The table of the design; None = all equal."""
    if desired == live:
        return None if owned and applied == desired else Standing.RECORDED
    if not owned or applied == live:
        return Standing.PENDING
    return Standing.DRIFT if applied == desired else Standing.BOTH


def together(differences: Sequence[Difference]) -> Standing:
    """Of all of a change's differences."""
    found = {d.standing for d in differences} - {Standing.RECORDED}
    if not found:
        return Standing.RECORDED
    return found.pop() if len(found) == 1 else Standing.BOTH


def _action(wish: Resource, live: Resource | None, differences: list[Difference]) -> Action:
    if all(d.standing is Standing.RECORDED for d in differences):
        return Action.RECORD
    if wish.value("present") is False or wish.value("installed") is False:
        return Action.DELETE if wish.value("present") is False else Action.UPDATE
    if live is None or live.value("installed") is False:
        return Action.CREATE
    return Action.UPDATE


def _unkeyed(difference: Difference, wish: Resource, live: Resource | None) -> Difference:
    """A node without a key of its own was compared with one of this run alone.

    Its digests would differ in the next run: what is kept are digests of what may be shown.
    """
    if difference.attribute != "content":
        return difference
    before = live.content.digest("") if live and live.content else None
    after = wish.content.digest("") if wish.content else None
    return Difference("content", before, after, difference.applied, difference.standing)


def _dropped(
    address: Address, facts: Facts, applied: Resource | None, live: Resource | None
) -> Change | None:
    """No longer in the cluster file: each kind gives back what lbctl owns and leaves alone the rest."""
    assert applied is not None, "only what is owned can be dropped"
    changed = tuple(
        Difference(name, live.value(name), None, was, Standing.DRIFT)
        for name, was in applied.values.items()
        if live is not None and live.value(name) != was
    )
    standing = Standing.DRIFT if changed else Standing.PENDING
    match address.kind:
        case "file" if live is not None and applied.value("present") is not False:
            original = facts.owner is not None and address.name in facts.owner.originals
            note = "the file that was there before lbctl is given back" if original else "lbctl made it"
            action = Action.RESTORE if original else Action.DELETE
            return Change(address, action, standing, changed, note=note, live=live)
        case "sysctl":
            value = live.value("live") if live else "?"
            note = f"our line goes, the live value stays {value} until it is set or the node boots"
            return Change(address, Action.DELETE, standing, changed, note=note, live=live)
        case _:
            note = "no longer managed, left as it is"
            return Change(address, Action.FORGET, Standing.PENDING, (), note=note, live=live)
