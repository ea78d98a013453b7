"""A change that was made by hand on the nodes, taken into the text that their files come from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbctl.adopt.merge import CannotMergeError, Edit, Rendered, edits, merged
from lbctl.adopt.template import Subjects

NODES = Subjects(("lb1", "lb2"), ("192.0.2.1", "192.0.2.2"))
TEXT = ("global", "    maxconn 100", "    bind ${node.address}:80", "    auth ${secret.x}", "end")
SOURCES = (1, 2, 3, 4, 5)


def lines(node: str, address: str) -> tuple[str, ...]:
    return ("global", "    maxconn 100", f"    bind {address}:80", "    auth ***", "end")


def changed(node: str, number: int, *new: str, take: int = 1, masked: tuple[int, ...] = ()) -> Rendered:
    """The node's file with `take` lines from `number` (from 0) replaced by others."""
    was = lines(node, NODES.addresses[NODES.names.index(node)])
    own = (*was[:number], *new, *was[number + take :])
    return Rendered(node, was, own, SOURCES, frozenset(masked))


def both(number: int, *new: str, take: int = 1) -> list[Rendered]:
    """The same on both; {} is the node's address."""
    return [
        changed(node, number, *(one.format(address) for one in new), take=take)
        for node, address in zip(NODES.names, NODES.addresses, strict=True)
    ]


class TestEdits:
    def test_a_line_that_was_changed_alike(self) -> None:
        assert edits(TEXT, both(1, "    maxconn 200"), NODES) == (Edit(2, 2, ("    maxconn 200",)),)

    def test_a_reference_stays_beside_what_was_changed(self) -> None:
        assert edits(TEXT, both(2, "    bind {}:80 ssl"), NODES)[0].lines == (
            "    bind ${node.address}:80 ssl",
        )

    def test_lines_that_were_put_in(self) -> None:
        assert edits(TEXT, both(2, "    # ${{node.name}}", "    x", take=0), NODES) == (
            Edit(3, 2, ("    # $${node.name}", "    x")),
        )

    def test_a_line_that_went(self) -> None:
        assert edits(TEXT, both(1), NODES) == (Edit(2, 2, ()),)

    def test_on_one_node_alone_it_is_taken_for_all(self) -> None:
        assert edits(TEXT, [changed("lb1", 1, "    maxconn 200"), changed("lb2", 0, "global")], NODES)

    @pytest.mark.parametrize(
        ("one", "other", "said"),
        [
            (changed("lb1", 1, "    maxconn 1"), changed("lb2", 1, "    maxconn 2"), "in different ways"),
            (changed("lb1", 1, "a", "b", take=2), changed("lb2", 2, "c"), "in one way, on others in another"),
            (
                changed("lb1", 3, "    auth *** x ***", masked=(3,)),
                changed("lb2", 3, "    auth ***"),
                "a line with a secret",
            ),
        ],
    )
    def test_what_a_person_has_to_take_in(self, one: Rendered, other: Rendered, said: str) -> None:
        with pytest.raises(CannotMergeError) as raised:
            edits(TEXT, [one, other], NODES)
        assert said in str(raised.value)

    @pytest.mark.parametrize("new", [("    bind *:80",), ("    bind *:80", "    bind *:81"), ()])
    def test_a_word_of_one_nodes_own(self, new: tuple[str, ...]) -> None:
        """It would become every node's: a priority, an address."""
        with pytest.raises(CannotMergeError) as raised:
            edits(TEXT, [changed("lb2", 2, *new)], NODES)
        assert "line 3: ${node.address} was changed on lb2 alone" in str(raised.value)
        assert edits(TEXT, both(2, *new), NODES)[0].lines == new

    def test_beside_a_word_of_the_nodes_own(self) -> None:
        (edit,) = edits(TEXT, [changed("lb2", 2, "    bind 192.0.2.2:80 ssl")], NODES)
        assert edit.lines == ("    bind ${node.address}:80 ssl",)

    def test_a_line_that_stands_for_several(self) -> None:
        file = Rendered("lb1", ("a", "p1", "p2", "b"), ("a", "p1", "p3", "b"), (1, 2, 2, 3))
        with pytest.raises(CannotMergeError) as raised:
            edits(("a", "${node.peers}", "b"), [file], NODES)
        assert "line 2 stands for several" in str(raised.value)


class TestMerged:
    def test_beside_what_is_pending(self) -> None:
        now = ("first", *TEXT[:4], "    server new", "end")
        found = merged(TEXT, now, edits(TEXT, both(1, "    maxconn 200"), NODES), str)
        assert found == ("first", "global", "    maxconn 200", *TEXT[2:4], "    server new", "end")

    def test_not_where_both_changed_a_line(self) -> None:
        now = ("global", "    maxconn 300", *TEXT[2:])
        with pytest.raises(CannotMergeError) as raised:
            merged(TEXT, now, [Edit(2, 2, ("    maxconn 200",))], str)
        assert "line 2 of what was applied last: changed by hand, and in this file too" in str(raised.value)
        assert raised.value.detail.split("\n") == [
            "as it was applied      maxconn 100",
            "by hand                maxconn 200",
            "in this file           maxconn 300",
        ]

    def test_what_is_in_the_file_already_is_not_made_twice(self) -> None:
        for edit in (Edit(2, 2, ("    maxconn 200",)), Edit(3, 2, ("    new",)), Edit(2, 2, ())):
            now = (*TEXT[: edit.first - 1], *edit.lines, *TEXT[edit.last :])
            assert merged(TEXT, now, [edit], str) == now

    def test_lines_that_both_put_in_at_one_place_are_a_persons(self) -> None:
        now = (*TEXT[:2], "    night", "    morning", *TEXT[2:])
        with pytest.raises(CannotMergeError) as raised:
            merged(TEXT, now, [Edit(3, 2, ("    night",))], str)
        assert "(nothing)" in raised.value.detail

    @pytest.mark.parametrize(
        ("now", "edit", "new"),
        [
            # a line beside one that was changed here: put in after it, before it, and changed itself
            ((*TEXT[:1], "x", *TEXT[2:]), Edit(3, 2, ("n",)), (TEXT[0], "x", "n", *TEXT[2:])),
            ((*TEXT[:1], "x", *TEXT[2:]), Edit(2, 1, ("n",)), (TEXT[0], "n", "x", *TEXT[2:])),
            ((*TEXT[:1], "x", *TEXT[2:]), Edit(3, 3, ("n",)), (TEXT[0], "x", "n", *TEXT[3:])),
            # and beside one that was put in here
            ((*TEXT[:2], "x", *TEXT[2:]), Edit(2, 2, ("n",)), (TEXT[0], "n", "x", *TEXT[2:])),
            ((*TEXT[:2], "x", *TEXT[2:]), Edit(3, 3, ("n",)), (*TEXT[:2], "x", "n", *TEXT[3:])),
            # or that went
            ((TEXT[0], *TEXT[2:]), Edit(3, 2, ("n",)), (TEXT[0], "n", *TEXT[2:])),
        ],
    )
    def test_side_by_side(self, now: tuple[str, ...], edit: Edit, new: tuple[str, ...]) -> None:
        assert merged(TEXT, now, [edit], str) == new


TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d d", "  e"]), min_size=1, max_size=12).map(tuple)


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_where_nothing_is_pending_the_text_becomes_what_is_live(
    applied: tuple[str, ...], live: tuple[str, ...]
) -> None:
    file = Rendered("lb1", applied, live, tuple(range(1, len(applied) + 1)))
    found = edits(applied, [file], NODES)
    assert merged(applied, applied, found, str) == live
