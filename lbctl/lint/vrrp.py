"""What the nodes' instances do together: who holds the VIP, and who lets it go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lbctl.keepalived.election import FAULT, HIGHEST, OWNER, preempts
from lbctl.keepalived.views import Track
from lbctl.lint.part import Found, Part, listed, together
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject


def weight_against_priorities(subject: Subject) -> Found:
    """A failing check must bring each node below every other one: on a tie the holder stays."""
    for part, check, others in _failing(subject):
        low = part.priority(check)
        staying = [(priority, one.node) for one, priority in others.items() if priority <= low]
        if not staying:
            continue
        highest, best = max(staying)
        takers = [one.node for one, priority in others.items() if priority > low]
        said = (
            f"{part.node} keeps the VIP of {part.name} when {check} fails there"
            + (f" with {listed(takers)} away" if takers else "")
            + f": it is at {low} then, and {best} at {highest}"
        )
        yield part.node, problem("weight-too-small", said, part.place, _heavier((part, *others), check))


def _heavier(group: Sequence[Part], check: str) -> str:
    bases = [one.instance.priority for one in group]
    weight = max(bases) - min(bases) + 1
    negative = any(one.weight(track) < 0 for one in group for track in one.checks if track.name == check)
    if not negative and max(bases) + weight > HIGHEST:
        return f"weight {weight}, and priorities low enough for that: above {HIGHEST} keepalived cuts them"
    return f"weight {-weight if negative else weight}, or priorities that are closer together"


def weight_without_preemption(subject: Subject) -> Found:
    """A lowered priority moves nothing where nobody preempts."""
    for part, check, others in _failing(subject):
        better = [one for one, priority in others.items() if priority > part.priority(check)]
        if better and not any(preempts(one.instance) for one in better):
            said = (
                f"{part.node} keeps the VIP of {part.name} when {check} fails there: a weight lowers its "
                f"priority, and nopreempt on {listed([one.node for one in better])} accepts that"
            )
            yield part.node, problem("nopreempt-weight", said, part.place)


def _failing(subject: Subject) -> Iterator[tuple[Part, str, Mapping[Part, int]]]:
    """Each node with each check whose failure shall lower its priority, and the priorities of the others that
    are not in FAULT."""
    for group in together(subject):
        well = {one: priority for one in group if (priority := one.priority()) != FAULT}
        for part in group if len(group) > 1 else ():
            for track in part.checks:
                if _lowers(part, track):
                    others = {one: priority for one, priority in well.items() if one is not part}
                    yield part, track.name, others


def _lowers(part: Part, track: Track) -> bool:
    """Not what a sync group or an address owner ignores, which are findings of their own."""
    group = part.group
    ignored = group and not group.weights and track in part.instance.scripts
    heavy = bool(part.weight(track)) and not ignored and part.instance.priority != OWNER
    return heavy and part.priority(track.name) != FAULT


def ties(subject: Subject) -> Found:
    for group in together(subject):
        priorities = sorted({one.priority() for one in group if one.priority() != FAULT})
        for priority in priorities:
            own = [one for one in group if one.priority() == priority]
            if len(own) > 1:
                bases = [str(one.instance.priority) for one in own]
                cut = priority == HIGHEST and len(set(bases)) > 1
                why = f", where keepalived cuts {listed(bases)} with their weights" if cut else ""
                said = (
                    f"{listed([one.node for one in own])} have the same priority {priority} in "
                    f"{own[0].name}{why}: which of them holds the VIP is chance"
                )
                yield from ((one.node, problem("same-priority", said, own[0].place)) for one in own)


def masters(subject: Subject) -> Found:
    for group in together(subject):
        own = [one for one in group if one.instance.state == "MASTER"]
        if len(own) > 1:
            said = f"{listed([one.node for one in own])} have state MASTER in {own[0].name}"
            yield from ((one.node, problem("master-everywhere", said, own[0].place)) for one in own)


def lone(subject: Subject) -> Found:
    """An instance that no other node has."""
    known = [machine.name for machine in subject.machines if machine.keepalived]
    for group in together(subject):
        if len(group) == 1 and len(known) > 1 and group[0].instance.vips:
            part = group[0]
            said = f"only {part.node} has {part.name}: nobody takes its VIP when {part.node} dies"
            yield part.node, problem("lone-instance", said, part.place)


def interfaces(subject: Subject) -> Found:
    for group in together(subject):
        names = list(dict.fromkeys(one.instance.interface for one in group if one.instance.interface))
        if len(names) > 1:
            each = listed([f"{one.instance.interface} on {one.node}" for one in group])
            said = f"{group[0].name} is on {each}: are they one network?"
            yield from ((one.node, problem("interfaces-differ", said, group[0].place)) for one in group)


CHECKS: tuple[Callable[[Subject], Found], ...] = (
    weight_against_priorities,
    weight_without_preemption,
    ties,
    masters,
    lone,
    interfaces,
)
