"""Requests become figures: what counts, how long a port did not answer, and in which step."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbctl.model.outage import Outage, Sample, Target
from lbctl.planning.outage import Tally
from lbctl.planning.targets import targets
from tests.unit.test_planning import gathered
from tests.unit.test_rollout_walk import applied, cluster

A, B = Target("10.0.0.9", 80, True), Target("10.0.0.9", 81, True)
FOR_EVER = 1000.0


def tally(*samples: tuple[Target, float, str], touched: float = 0.5) -> Tally:
    """Both targets answered at 0; each request takes 10 ms."""
    made = Tally((A, B), 0.0, touched=touched)
    made.sees(0.0)
    for target, at, outcome in ((A, 0.0, "ok"), (B, 0.0, "ok"), *samples):
        made.add(Sample(target, at, at + 0.01, outcome))
    return made


def seen(made: Tally) -> Outage:
    return made.outage(FOR_EVER, ["lb3"])


class TestGaps:
    def test_without_a_failure_there_is_none(self) -> None:
        found = seen(tally((A, 9.0, "ok")))
        assert (found.figures.asked, found.figures.failed, found.figures.longest_gap) == (3, 0, 0.0)
        assert found.outage == 0.0 and not found.too_long

    def test_from_the_first_failure_to_the_next_answer(self) -> None:
        found = seen(tally((A, 1.0, "refused"), (A, 1.5, "timeout"), (A, 2.25, "ok"), (A, 3.0, "ok")))
        assert (found.figures.failed, found.figures.longest_gap, found.outage) == (2, 1.25, 1.25)

    def test_what_another_port_answers_ends_none(self) -> None:
        found = seen(tally((A, 1.0, "reset"), (B, 1.1, "ok"), (A, 3.0, "ok")))
        assert found.figures.longest_gap == 2.0

    def test_two_ports_at_once_are_one_outage(self) -> None:
        found = seen(
            tally((A, 1.0, "reset"), (B, 2.0, "reset"), (A, 3.0, "ok"), (B, 4.0, "ok"), (A, 8.0, "reset"))
        )
        assert found.figures.longest_gap == 2.0
        assert found.outage == pytest.approx(3.01)  # the last one never ends: to the end of what was seen

    def test_a_request_that_hung_is_told_late(self) -> None:
        """On a kept-alive connection, while the port answered others."""
        made = tally((A, 1.25, "ok"), (A, 1.5, "ok"))
        made.add(Sample(A, 1.0, 4.0, "timeout"))
        assert seen(made).figures.longest_gap == 0.25

    def test_nobody_knows_what_was_while_nobody_asked(self) -> None:
        made = tally((A, 1.0, "refused"))
        made.blind(1.5)
        made.sees(6.0)
        made.add(Sample(A, 6.1, 6.2, "ok"))
        found = seen(made)
        assert (found.figures.longest_gap, found.blind) == (0.5, 4.5)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from((A, B)),
                st.floats(1, 50),
                st.sampled_from(("ok", "closed", "refused", "timeout", "status-503")),
            )
        )
    )
    def test_whatever_the_order(self, samples: list[tuple[Target, float, str]]) -> None:
        found = seen(tally(*samples))
        assert found == seen(tally(*sorted(samples, key=lambda one: one[1], reverse=True)))
        assert 0 <= found.figures.longest_gap <= found.outage + 0.01 <= 50.03
        assert (found.outage == 0 and found.figures.longest_gap == 0) or found.figures.failed
        assert found.figures.asked == len(samples) + 2
        assert found.figures.failed == sum(outcome not in ("ok", "closed") for _, _, outcome in samples)


class TestCounted:
    def test_a_connection_closed_between_is_no_failure(self) -> None:
        found = seen(tally((A, 1.0, "closed")))
        assert (found.figures.failed, found.figures.closed, found.outage) == (0, 1, 0.0)

    def test_a_port_that_did_not_answer_before_is_silent(self) -> None:
        made = Tally((A, B), 0.0, touched=0.5)
        for target, at, outcome in (
            (A, 0.1, "ok"),
            (B, 0.1, "status-503"),
            (B, 0.6, "ok"),
            (B, 1.0, "reset"),
        ):
            made.add(Sample(target, at, at, outcome))
        found = seen(made)
        assert [(one.port, one.what) for one in found.silent] == [("10.0.0.9:81", "status-503")]
        assert (found.figures.asked, found.figures.failed, found.ports) == (1, 0, 2)

    def test_what_failed_before_the_first_answer_counts_for_nothing(self) -> None:
        made = Tally((A,), 0.0, touched=0.5)
        for at, outcome in ((0.1, "refused"), (0.2, "ok"), (1.0, "refused"), (1.5, "ok")):
            made.add(Sample(A, at, at, outcome))
        found = seen(made)
        assert (found.figures.asked, found.figures.failed) == (3, 1)
        assert [(one.at, one.port, one.what) for one in found.failures] == [(1.0, "10.0.0.9:80", "refused")]

    def test_more_than_it_may_be(self) -> None:
        made = tally((A, 1.0, "refused"), (A, 2.0, "ok"))
        assert [Outage(outage=made.seconds(), most=most).too_long for most in (0.0, 1.0, None)] == [
            True,
            False,
            False,
        ]


class TestSteps:
    def test_each_has_what_was_asked_in_it(self) -> None:
        made = tally((A, 1.9, "refused"), (A, 2.1, "refused"), (A, 3.0, "ok"))
        for at, step, node in (
            (0.0, "stage", "lb1"),
            (0.0, "stage", "lb2"),
            (1.5, "swap", "lb2"),
            (2.0, "verify", "lb2"),
        ):
            made.step(at, step, node)
        found = seen(made)
        assert [(one.step, one.nodes, one.figures.asked, one.figures.failed) for one in found.steps] == [
            ("stage", ("lb1", "lb2"), 2, 0),
            ("swap", ("lb2",), 1, 1),
            ("verify", ("lb2",), 2, 1),
        ]
        # a gap counts where it began
        assert [one.figures.longest_gap for one in found.steps] == [0.0, 1.1, 0.0]


LISTEN = """\
defaults
  mode http
frontend f
  bind 10.0.0.9:80
  bind 10.0.0.9:443 ssl crt x.pem
  bind 10.0.0.9:82 accept-proxy
  bind 10.0.0.7:83
  bind unix@/run/x
  default_backend b
frontend t
  mode tcp
  bind :3306
frontend gone
  bind 10.0.0.9:90
  disabled
backend b
  server a 10.0.0.21:80
"""


def asked(now: str, later: str = "") -> Sequence[Target]:
    transport = applied(cluster(now))
    wanted = cluster(later or now)
    return targets(wanted, gathered(wanted, transport))


class TestTargets:
    def test_binds_of_the_vip_by_what_they_speak(self) -> None:
        assert [(one.port, one.http) for one in asked(LISTEN)] == [
            (80, True),
            (82, False),
            (443, False),
            (3306, False),
        ]

    def test_what_goes_or_comes_is_not_asked(self) -> None:
        later = LISTEN.replace("10.0.0.9:80\n", "10.0.0.9:8080\n")
        assert [one.port for one in asked(LISTEN, later)] == [82, 443, 3306]

    def test_what_speaks_something_else_later_is_only_connected_to(self) -> None:
        later = LISTEN.replace("10.0.0.9:80\n", "10.0.0.9:80 ssl crt x.pem\n")
        assert (80, False) in [(one.port, one.http) for one in asked(LISTEN, later)]

    def test_the_wildcard_of_ipv6_has_the_vips_of_ipv4_too(self) -> None:
        assert 3306 in [one.port for one in asked(LISTEN.replace("bind :3306", "bind :::3306"))]
        assert 3306 not in [one.port for one in asked(LISTEN.replace("bind :3306", "bind :::3306 v6only"))]

    def test_a_vip_of_the_other_family_is_not_in_a_wildcard(self) -> None:
        assert str(Target("2001:db8::1", 80, True)) == "[2001:db8::1]:80"
        assert not [one for one in asked(LISTEN) if ":" in one.address]
