"""What the nodes' keepalived.conf say together: priorities, weights, what peers compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lbctl.errors import Problem
from lbctl.keepalived.views import Instance, instances, scripts
from lbctl.lint.rules import problem
from lbctl.lint.subject import Machine, Subject, Text

Found = Iterator[tuple[str, Problem]]


def weight_against_priorities(subject: Subject) -> Found:
    """A failing check must bring the best node below the worst one: on a tie the holder stays."""
    for name, peers in _by_instance(subject).items():
        spread = max(one.priority for _, _, one in peers) - min(one.priority for _, _, one in peers)
        for machine, text, instance in peers:
            weights = {script.name: script.weight for script in scripts(text.document)}
            for track in instance.scripts:
                weight = track.weight if track.weight is not None else weights.get(track.name, 0)
                if weight and abs(weight) <= spread:
                    said = (
                        f"{name}: the weight {weight} of {track.name} does not reach across the priorities, "
                    )
                    said += f"which are {spread} apart: the node whose check fails keeps the VIP"
                    least = spread + 1 if weight > 0 else -spread - 1
                    mend = f"weight {least}, or priorities that are closer together"
                    yield machine.name, problem("weight-too-small", said, text.place(instance.line), mend)


def _by_instance(subject: Subject) -> Mapping[str, list[tuple[Machine, Text, Instance]]]:
    """The nodes' parts in each instance, by its name."""
    found: dict[str, list[tuple[Machine, Text, Instance]]] = {}
    for machine in subject.machines:
        text = machine.keepalived
        for one in instances(text.document) if text else ():
            if text:
                found.setdefault(one.name, []).append((machine, text, one))
    return found


CHECKS: tuple[Callable[[Subject], Found], ...] = (weight_against_priorities,)
