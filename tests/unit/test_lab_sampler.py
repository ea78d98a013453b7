"""The sampler's reading of `ip`, and the spans that it makes of what several nodes' kernels said."""

from __future__ import annotations

from tests.lab.sampler import Seen, Span, read, timeline

VIP = "10.15.85.31"
BEFORE = """\
1: lo    inet 10.15.85.31/32 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 10.15.85.32/24 scope global eth0\\       valid_lft forever preferred_lft forever
2: eth0    inet 10.15.85.31/32 scope global eth0\\       valid_lft forever preferred_lft forever
"""
NEWS = """\
[2026-01-31T12:00:01.500000] Deleted 2: eth0    inet 10.15.85.31/32 scope global eth0\\   valid_lft forever
[2026-01-31T12:00:02.000000] 3: eth1.7    inet6 2001:db8:0::10/128 scope global nodad \\   valid_lft forever
"""
NOON = 1769860800.0


def held(node: str, *times: float) -> list[Seen]:
    """The VIP comes and goes at these times."""
    return [Seen(at, node, "eth0", VIP, number % 2 == 0) for number, at in enumerate(times)]


class TestRead:
    def test_what_is_there_already_without_lo(self) -> None:
        assert list(read("lb1", BEFORE, 7.0)) == [
            Seen(7.0, "lb1", "eth0", "10.15.85.32", True),
            Seen(7.0, "lb1", "eth0", VIP, True),
        ]

    def test_the_kernels_news_with_its_times(self) -> None:
        assert list(read("lb2", NEWS, 0.0)) == [
            Seen(NOON + 1.5, "lb2", "eth0", VIP, False),
            Seen(NOON + 2.0, "lb2", "eth1.7", "2001:db8::10", True),
        ]


class TestTimeline:
    def test_a_move_with_a_gap_and_one_with_two_holders(self) -> None:
        seen = [*held("lb1", 0.0, 12.0, 19.0), *held("lb2", 14.0, 19.5)]
        found = timeline(VIP, seen, 10.0, 20.0)
        assert found.spans == (
            Span(10.0, 2.0, ("lb1",)),
            Span(12.0, 2.0, ()),
            Span(14.0, 5.0, ("lb2",)),
            Span(19.0, 0.5, ("lb1", "lb2")),
            Span(19.5, 0.5, ("lb1",)),
        )
        assert (found.longest(0), found.longest(1), found.longest(2), found.longest(3)) == (2.0, 5.0, 0.5, 0)
        assert found.holders == [("lb1",), (), ("lb2",), ("lb1", "lb2"), ("lb1",)]

    def test_an_address_on_two_interfaces_is_held_until_both_are_without(self) -> None:
        second = [Seen(11.0, "lb1", "eth1", VIP, True), Seen(13.0, "lb1", "eth1", VIP, False)]
        found = timeline(VIP, [*held("lb1", 0.0, 12.0), *second], 10.0, 14.0)
        assert found.spans == (Span(10.0, 3.0, ("lb1",)), Span(13.0, 1.0, ()))

    def test_news_that_change_nothing_and_other_addresses_make_no_span(self) -> None:
        again = [Seen(11.0, "lb1", "eth0", VIP, True), Seen(12.0, "lb1", "eth0", "10.15.85.32", False)]
        assert timeline(VIP, [*held("lb1", 0.0), *again], 10.0, 14.0).spans == (Span(10.0, 4.0, ("lb1",)),)

    def test_nobody_ever(self) -> None:
        assert timeline(VIP, [], 1.0, 3.0).longest(0) == 2.0
