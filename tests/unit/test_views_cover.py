"""Combinations in fewer words say no more and no less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbctl.model.election import NodeState
from lbctl.planning.elections.combinations import combinations
from lbctl.views.cover import ANY, cover

ALIVE, ILL, DEAD = NodeState
THREE = list(combinations(("lb1", "lb2", "lb3"), 3))


@given(st.sets(st.sampled_from(THREE)))
def test_all_that_is_meant_and_nothing_else(meant: set[tuple[NodeState, ...]]) -> None:
    others = [states for states in THREE if states not in meant]
    cubes = list(cover([states for states in THREE if states in meant], others))
    inside = {
        states
        for states in THREE
        if any(all(one in open_ for one, open_ in zip(states, cube, strict=True)) for cube in cubes)
    }
    assert inside == meant


def test_what_does_not_matter_is_left_open() -> None:
    meant = [states for states in THREE if states[0] is ALIVE]
    assert list(cover(meant, [states for states in THREE if states[0] is not ALIVE])) == [
        (frozenset({ALIVE}), ANY, ANY)
    ]


@pytest.mark.parametrize("nodes", [5, 7])
def test_what_is_never_played_is_left_open_too(nodes: int) -> None:
    """Of many nodes a few fail: the first is alive, whatever the others are."""
    every = list(combinations([""] * nodes, 2))
    cubes = list(
        cover(
            [states for states in every if states[0] is not DEAD],
            [states for states in every if states[0] is DEAD],
        )
    )
    assert cubes == [(ANY - {DEAD}, *[ANY] * (nodes - 1))]
