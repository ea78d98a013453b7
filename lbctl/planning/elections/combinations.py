"""Which combinations of failures an election table has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations as choose
from itertools import product
from math import comb

from lbctl.model.election import NodeState, States

COMBINATIONS = 100
"""So many are in a table, and no more: of four nodes every one, of up to seven those in which at most two
fail, of more those in which one does."""


def most(nodes: int) -> int:
    """Of so many nodes, so many fail at once in the table; one at least."""
    total, failures = 1, 0
    while failures < nodes:
        total += comb(nodes, failures + 1) * 2 ** (failures + 1)
        if failures and total > COMBINATIONS:
            break
        failures += 1
    return failures


def combinations(nodes: Sequence[str], failures: int) -> Iterator[States]:
    """Every combination with at most so many failures; those with the fewest first."""
    alive, *failed = NodeState
    for number in range(failures + 1):
        for places in choose(range(len(nodes)), number):
            for states in product(failed, repeat=number):
                by_place = dict(zip(places, states, strict=True))
                yield tuple(by_place.get(place, alive) for place in range(len(nodes)))
