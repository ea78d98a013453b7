"""Combinations of nodes' states in fewer words: what does not matter is left open. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lbctl.model.election import NodeState, States

Cube = tuple[frozenset[NodeState], ...]
"""Of each node the states that are meant."""

ANY = frozenset(NodeState)
_WIDER = (ANY, *(ANY - {one} for one in NodeState))
"""The one with the fewest words first, then those that leave one state out."""


def cover(meant: Sequence[States], others: Sequence[States]) -> Iterator[Cube]:
    """Cubes that have all of the first in them, and none of the others; what is neither may be in any.

    Two of them may have a combination in common.
    """
    left = list(meant)
    while left:
        cube: Cube = tuple(frozenset({state}) for state in left[0])
        for place in reversed(range(len(cube))):
            cube = _widened(cube, place, others)
        yield cube
        left = [states for states in left if not _within(states, cube)]


def _widened(cube: Cube, place: int, others: Sequence[States]) -> Cube:
    """As wide as may be at one node."""
    for states in _WIDER:
        wider = (*cube[:place], states, *cube[place + 1 :])
        if cube[place] <= states and not any(_within(one, wider) for one in others):
            return wider
    return cube


def _within(states: States, cube: Cube) -> bool:
    return all(state in meant for state, meant in zip(states, cube, strict=True))
