"""upgrade on nodes in memory: what apt says, the plan, and what refuses it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import pytest

from lbctl.cli.upgrade import _packages
from lbctl.errors import UsageError
from lbctl.host import offer
from lbctl.model.change import Action
from lbctl.model.cluster import Cluster, Package
from lbctl.model.command import Answer
from lbctl.model.effect import Impact
from lbctl.model.event import Event
from lbctl.model.plan import Plan, Step, StepName
from lbctl.model.report import PackageOutcome
from lbctl.model.upgrade import Offer, Upgrade
from lbctl.planning.plan import make, same_inputs
from lbctl.planning.turn import least_seconds
from lbctl.views.human import HumanView
from lbctl.workflows.upgrade import offered, outcomes, updated
from tests.unit.fake_node import HAPROXY, FakeNode
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_planning import gathered
from tests.unit.test_rollout_walk import PROXY, applied, cluster

ORDER = ["lb3", "lb2", "lb1"]
NAMES = ("haproxy", "keepalived")
BOTH = Upgrade(NAMES)
OLD, NEW = {"haproxy": "2.6-3", "keepalived": "1:2.2-1"}, {"haproxy": "2.6-4", "keepalived": "1:2.2-2"}

POLICY = """\
haproxy:
  Installed: 2.6.12-1+deb12u3
  Candidate: 2.6.12-1+deb12u4
  Version table:
     2.6.12-1+deb12u4 500
        500 http://security.debian.org bookworm-security/main amd64 Packages
 *** 2.6.12-1+deb12u3 500
        500 http://deb.debian.org bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
keepalived:
  Installed: 1:2.2.7-1+b2
  Candidate: 1:2.2.7-1+b2
  Version table:
 *** 1:2.2.7-1+b2 100
        100 /var/lib/dpkg/status
"""


def nodes(proxy: str = PROXY) -> FakeTransport:
    """As an apply has left them, a version behind."""
    transport = applied(cluster(proxy))
    for node in transport.nodes.values():
        node.state.versions = dict(OLD)
        node.candidates = dict(NEW)
    return transport


def plan(transport: FakeTransport, wish: Upgrade = BOTH, of: Cluster | None = None) -> Plan:
    of = of or cluster(PROXY)
    return make(of, gathered(of, transport), "2026-01-01T00:00:00Z", (), offered(wish, of, transport))


def refusals(made: Plan, *allowed: str) -> list[tuple[str, str]]:
    return [(problem.code, problem.text) for problem in made.refused(allowed)]


@pytest.fixture
def transport() -> FakeTransport:
    return nodes()


class TestOffers:
    def answers(self, archives: str = "", held: str = "") -> dict[str, Answer]:
        texts = {"policy": POLICY, "archives": archives, "held": held}
        return {name: Answer(0, text.encode()) for name, text in texts.items()}

    def test_what_apt_says(self) -> None:
        assert offer.offers(NAMES, self.answers()) == (
            Offer("haproxy", "2.6.12-1+deb12u3", "2.6.12-1+deb12u4"),
            Offer("keepalived", "1:2.2.7-1+b2", "1:2.2.7-1+b2", again=False),
        )

    def test_a_version_that_was_fetched_can_be_had_again(self) -> None:
        found = offer.offers(NAMES, self.answers(archives="keepalived_1%3a2.2.7-1+b2_amd64.deb\n"))
        assert found is not None and found[1].again

    def test_another_version_that_was_fetched_cannot(self) -> None:
        found = offer.offers(NAMES, self.answers(archives="keepalived_1%3a2.2.7-1_amd64.deb\n"))
        assert found is not None and not found[1].again

    def test_on_hold(self) -> None:
        found = offer.offers(NAMES, self.answers(held="haproxy\n"))
        assert found is not None and [one.held for one in found] == [True, False]

    def test_a_package_that_is_not_there(self) -> None:
        said = "haproxy:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"
        assert offer.offers(("haproxy", "keepalived"), {"policy": Answer(0, said.encode())}) == (
            Offer("haproxy", "", "", again=False),
            Offer("keepalived", "", "", again=False),
        )

    def test_what_comes_along(self) -> None:
        said = (
            "haproxy:\n Inst haproxy [2.6-3] (2.6-4 Debian-Security:12/oldstable-security [amd64])\n"
            " Inst libssl3 [3.0.15] (3.0.17 Debian:12.11/oldstable [amd64]) [haproxy:amd64 ]\n"
            " Inst liblua5.4-0 (5.4.4-3 Debian:12.11/oldstable [amd64])\nkeepalived:\n"
        )
        found = offer.offers(NAMES, {**self.answers(), "along": Answer(0, said.encode())})
        assert found is not None
        assert [one.along for one in found] == [("libssl3 3.0.17", "liblua5.4-0 5.4.4-3"), ()]

    def test_no_apt(self) -> None:
        assert offer.offers(NAMES, {"policy": Answer(1, b"")}) is None


class TestPlan:
    def test_each_package_is_a_change_of_each_node(self, transport: FakeTransport) -> None:
        made = plan(transport)
        assert [str(change.address) for change in made.changes] == [
            f"{node}/package/{name}" for node in ("lb1", "lb2", "lb3") for name in NAMES
        ]
        assert {(c.action, c.impact) for c in made.changes} == {(Action.UPGRADE, Impact.RESTART)}
        moved = made.changes[0].differences[0]
        assert (moved.attribute, moved.before, moved.after) == ("version", "2.6-3", "2.6-4")
        assert not made.refused(())

    def test_the_package_comes_when_the_node_is_out_of_the_election(self, transport: FakeTransport) -> None:
        made = plan(transport)
        turns = [(node, [s.name for s in steps]) for node, steps in groupby(made.steps, lambda s: s.node)]
        assert turns[:2] == [(node, [StepName.STAGE]) for node in ORDER[:2]]
        names = [
            StepName.ARM,
            StepName.DRAIN,
            StepName.UPGRADE,
            StepName.SWAP,
            StepName.VERIFY,
            StepName.UNDRAIN,
            StepName.CONFIRM,
        ]
        assert turns[3:5] == [("lb3", names), ("lb2", names)]
        assert turns[5] == ("lb1", [StepName.HANDOVER if n is StepName.DRAIN else n for n in names])
        texts = {step.name: step.text for step in made.steps}
        assert texts[StepName.STAGE].startswith("fetch haproxy 2.6-4, keepalived 1:2.2-2; what haproxy reads")
        assert texts[StepName.SWAP] == "restart haproxy, restart keepalived"
        assert texts[StepName.CONFIRM] == "disarm the undo"

    def test_the_turn_has_time_for_an_install(self, transport: FakeTransport) -> None:
        restarts = replace(plan(transport), steps=tuple(_without_upgrade(plan(transport))))
        of = cluster(PROXY)
        assert least_seconds(of, plan(transport)) == least_seconds(of, restarts) + 20

    def test_what_is_at_its_candidate_is_left_alone(self, transport: FakeTransport) -> None:
        transport.nodes["lb2"].state.versions = dict(NEW)
        transport.nodes["lb3"].state.versions["haproxy"] = NEW["haproxy"]
        made = plan(transport)
        assert [str(c.address) for c in made.changes] == [
            "lb1/package/haproxy",
            "lb1/package/keepalived",
            "lb3/package/keepalived",
        ]
        assert "lb2" not in {step.node for step in made.steps}

    def test_everything_at_its_candidate_is_nothing(self, transport: FakeTransport) -> None:
        for node in transport.nodes.values():
            node.state.versions = dict(NEW)
            node.state.files[HAPROXY] = (b"by hand\n", "0644", "root:root")
        made = plan(transport)
        assert made.empty and not made.refused(()) and not made.steps
        assert said(made).endswith("Nothing to upgrade: every package is at its candidate.\n")

    def test_named_nodes_and_packages_alone(self, transport: FakeTransport) -> None:
        made = plan(transport, Upgrade(("keepalived",), ("lb2",)))
        assert [str(change.address) for change in made.changes] == ["lb2/package/keepalived"]

    def test_it_is_stale_when_apt_says_otherwise(self, transport: FakeTransport) -> None:
        made = plan(transport)
        assert same_inputs(made, plan(transport)) == ()
        transport.nodes["lb2"].candidates["haproxy"] = "2.6-5"
        assert same_inputs(made, plan(transport)) == (
            "lb2: the versions of its packages, or what its apt offers, have changed",
        )

    def test_a_person_reads_the_versions(self, transport: FakeTransport) -> None:
        transport.nodes["lb2"].state.versions = dict(NEW)
        text = said(plan(transport))
        assert "2.6-3 → 2.6-4  1:2.2-1 → 1:2.2-2\n" in text
        assert "  lb2   BACKUP  1                 2.6-4          1:2.2-2\n" in text
        assert (
            "  ^ package/haproxy  lb1, lb3  (upgrade, restart haproxy)\n      version: 2.6-3 → 2.6-4\n"
            in text
        )
        assert text.endswith("Plan: 4 upgrades. 2 nodes: lb3, then lb1 (MASTER).\n")


def _without_upgrade(made: Plan) -> list[Step]:
    return [step for step in made.steps if step.name is not StepName.UPGRADE]


def said(made: Plan) -> str:
    out = io.StringIO()
    HumanView(out, out).plan(made)
    return out.getvalue()


class TestRefused:
    def test_what_was_changed_by_hand_is_not_loaded(self, transport: FakeTransport) -> None:
        transport.nodes["lb3"].state.files[HAPROXY] = (b"by hand\n", "0644", "root:root")
        made = plan(transport)
        text = f"lb3: is not as the cluster file says: file{HAPROXY} (changed by hand)"
        assert refusals(made) == [("not-applied", text)]
        assert {change.address.node for change in made.changes} == {"lb1", "lb2"}

    def test_a_daemon_that_does_not_run(self, transport: FakeTransport) -> None:
        transport.nodes["lb3"].state.active.discard("keepalived")
        assert [code for code, _ in refusals(plan(transport))] == ["inactive"]
        assert not plan(transport, Upgrade(("haproxy",), ("lb2",))).refused(())

    def test_a_pinned_version_is_kept_to(self, transport: FakeTransport) -> None:
        of = cluster(PROXY)
        pinned = (replace(node, packages=(Package("haproxy", "2.6-3"),)) for node in of.nodes)
        found = refusals(plan(transport, of=replace(of, nodes=tuple(pinned))))
        assert ("pinned" in dict(found)) and dict(found)["pinned"] == (
            "lb1, lb2, lb3: haproxy is kept to 2.6-3 by the cluster file, and its candidate is 2.6-4"
        )

    @pytest.mark.parametrize(
        ("change", "code", "text"),
        [
            (lambda n: n.state.versions.pop("haproxy"), "not-installed", "haproxy is not installed"),
            (lambda n: n.candidates.update(haproxy=""), "no-candidate", "haproxy 2.6-3 has no candidate"),
            (lambda n: n.held.add("haproxy"), "held", "haproxy is on hold at 2.6-3"),
            (lambda n: n.lacking.add("haproxy"), "one-way", "haproxy 2.6-3 can be had no more: neither"),
        ],
    )
    def test_offers(
        self, transport: FakeTransport, change: Callable[[FakeNode], object], code: str, text: str
    ) -> None:
        change(transport.nodes["lb2"])
        [(found, words)] = refusals(plan(transport))
        assert found == code and words.startswith(f"lb2: {text}")

    def test_a_node_without_apt(self, transport: FakeTransport) -> None:
        of, wish = cluster(PROXY), offered(BOTH, cluster(PROXY), transport)
        assert isinstance(wish, Upgrade)
        wish = replace(wish, offers={name: wish.offers[name] for name in ("lb1", "lb3")})
        made = make(of, gathered(of, transport), "", (), wish)
        assert refusals(made) == [("unknown", "lb2: apt-cache did not answer")]

    def test_no_way_back_may_be_allowed(self, transport: FakeTransport) -> None:
        transport.nodes["lb2"].lacking.add("haproxy")
        assert not plan(transport).refused({"one-way"})


class TestUpdate:
    def test_every_node_asks_its_sources(self, transport: FakeTransport) -> None:
        events: list[Event] = []
        assert updated(BOTH, cluster(PROXY), transport, events.append) == BOTH
        assert sorted(transport.calls) == [(node, "apt_update") for node in ("lb1", "lb2", "lb3")]
        assert len(events) == 4

    def test_one_that_cannot_is_a_warning(self, transport: FakeTransport) -> None:
        transport.failing = lambda number, node, command: node == "lb2"
        wish = updated(BOTH, cluster(PROXY), transport, lambda event: None)
        [problem] = [p for p in plan(transport, wish).problems if p.code == "sources"]
        assert problem.level == "warning" and problem.text.startswith("lb2: apt-get update failed")
        assert problem.text.endswith("lb2: apt update failed")
        assert not plan(transport, wish).refused(())

    def test_named_nodes_alone(self, transport: FakeTransport) -> None:
        updated(Upgrade(NAMES, ("lb3",)), cluster(PROXY), transport, lambda event: None)
        assert transport.calls == [("lb3", "apt_update")]


class TestOutcome:
    def test_the_versions_before_and_after(self, transport: FakeTransport) -> None:
        wish = offered(BOTH, cluster(PROXY), transport)
        transport.nodes["lb1"].state.versions["haproxy"] = NEW["haproxy"]
        assert outcomes(wish, "lb1", transport) == (
            PackageOutcome("haproxy", "2.6-3", "2.6-4"),
            PackageOutcome("keepalived", "1:2.2-1", "1:2.2-1"),
        )

    def test_of_a_node_that_is_gone(self, transport: FakeTransport) -> None:
        wish = offered(BOTH, cluster(PROXY), transport)
        transport.cut.add("lb1")
        assert outcomes(wish, "lb1", transport)[0] == PackageOutcome("haproxy", "2.6-3", "")


class TestWords:
    @pytest.mark.parametrize(
        ("words", "names"),
        [([], NAMES), (["keepalived"], ("keepalived",)), (["haproxy", "haproxy"], ("haproxy",))],
    )
    def test_packages(self, words: Sequence[str], names: object) -> None:
        assert _packages(words) == names

    def test_a_node_is_named_with_node(self) -> None:
        with pytest.raises(UsageError) as raised:
            _packages(["lb1"])
        assert "nodes are named with --node" in raised.value.mend

    def test_no_package(self) -> None:
        with pytest.raises(UsageError) as raised:
            _packages(["haprox"])
        assert "did you mean haproxy?" in raised.value.mend

    def test_as_it_was_asked_for(self) -> None:
        assert str(replace(BOTH, nodes=("lb1", "lb2"))) == "upgrade haproxy keepalived --node lb1 --node lb2"
        assert BOTH.done == "upgraded"
