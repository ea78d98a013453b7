"""Nodes that leave, on nodes in memory: who is meant, in which order, and what is left wherever it fails."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import groupby

import pytest

from lbctl.errors import LbctlError, NodeError, RefusedError, UnreachableError, UsageError
from lbctl.gather import gather_node, read_owner, write_owner
from lbctl.kinds import KINDS
from lbctl.model.change import Action
from lbctl.model.cluster import Cluster
from lbctl.model.command import Answer, Command
from lbctl.model.event import Event, NodeUndone
from lbctl.model.facts import Facts
from lbctl.model.owner import Owner
from lbctl.model.plan import Plan, StepName
from lbctl.planning import election, retire, roster
from lbctl.planning.plan import make
from lbctl.rollout.run import Run
from lbctl.rollout.walk import Walked, walk
from lbctl.workflows.drift import drift
from lbctl.workflows.forget import find, forget
from lbctl.workflows.read import whole
from lbctl.workflows.status import notes
from tests.unit.fake_transport import NOTHING_KEPT, FakeTransport
from tests.unit.test_planning import changed_vrrp, gathered
from tests.unit.test_rollout_walk import KEY, PROXY, applied, cluster

NEW = PROXY + "  server b 10.0.0.22:80\n"
NONE: frozenset[str] = frozenset()


def quiet(event: Event) -> None:
    return None


def recorded(of: Cluster) -> FakeTransport:
    """Nodes that an apply has left as this cluster says, each record with its nodes."""
    transport = applied(of)
    for node in of.nodes:
        resources = [r for kind in KINDS for r in kind.desired(node, KEY)]
        owner = Owner("c", "id", 1, "old", KEY, address=node.address, roster=of.roster)
        transport.nodes[node.name].state.owner = write_owner(owner, resources)
    return transport


def without(of: Cluster, *names: str) -> Cluster:
    return replace(of, nodes=tuple(node for node in of.nodes if node.name not in names))


def renamed(of: Cluster, old: str, new: str) -> Cluster:
    return replace(of, nodes=tuple(replace(n, name=new) if n.name == old else n for n in of.nodes))


def seen(of: Cluster, transport: FakeTransport) -> tuple[Cluster, dict[str, Facts]]:
    return whole(of, gathered(of, transport), transport, quiet)


def planned(of: Cluster, transport: FakeTransport) -> Plan:
    wider, facts = seen(of, transport)
    return make(wider, facts, "2026-01-01T00:00:00Z", wider.problems)


def owner(transport: FakeTransport, node: str) -> Owner:
    found = read_owner(node, {"owner": Answer(0, transport.nodes[node].state.owner)})
    assert found is not None
    return found


class Dead(FakeTransport):
    """lb3 does not answer."""

    def ask(self, node, probes, *, timeout=30):  # type: ignore[no-untyped-def]
        if node == "lb3":
            raise UnreachableError(node, "cannot be reached")
        return super().ask(node, probes, timeout=timeout)


def dead(of: Cluster) -> FakeTransport:
    return Dead(recorded(of).nodes)


class TestWhoIsMeant:
    def test_nobody_is_asked_while_all_agree(self) -> None:
        transport = recorded(cluster(PROXY))
        assert planned(cluster(PROXY), transport).empty
        found = gathered(cluster(PROXY), transport)
        transport.nodes.clear()
        assert whole(cluster(PROXY), found, transport, quiet) == (cluster(PROXY), found)

    def test_who_left_the_file(self) -> None:
        wider, facts = seen(without(cluster(PROXY), "lb3"), recorded(cluster(PROXY)))
        assert [node.name for node in wider.retired] == ["lb3"]
        assert wider.retired[0].ssh.host == "lb3"
        assert "lb3" in facts

    def test_another_name_is_no_other_node(self) -> None:
        transport = recorded(cluster(PROXY))
        transport.nodes["lbx"] = transport.nodes.pop("lb3")
        plan = planned(renamed(cluster(PROXY), "lb3", "lbx"), transport)
        assert {(c.address.on_any_node, c.action) for c in plan.changes} == {("node/lbx", Action.RECORD)}
        assert {step.name for step in plan.steps} == {StepName.CONFIRM}

    def test_a_node_that_got_another_address_is_the_same(self) -> None:
        transport, of = recorded(cluster(PROXY)), cluster(PROXY)
        moved = replace(of, nodes=(*of.nodes[:2], replace(of.nodes[2], address="10.0.0.33")))
        assert seen(moved, transport)[0].retired == ()
        changes = planned(moved, transport).changes
        assert {(c.address.on_any_node, c.action) for c in changes} == {("node/lb3", Action.RECORD)}

    def test_a_machine_in_its_place_has_its_name_and_the_old_one_goes(self) -> None:
        transport, of = recorded(cluster(PROXY)), cluster(PROXY)
        transport.nodes["lb3-old"] = copy.deepcopy(transport.nodes["lb3"])
        transport.nodes["lb3"].state.owner = b"none"
        replaced = replace(of, nodes=(*of.nodes[:2], replace(of.nodes[2], address="10.0.0.33")))
        wider, _ = seen(replaced, transport)
        assert [(node.name, node.address) for node in wider.retired] == [("lb3-old", "10.0.0.3")]

    def test_an_older_record_says_nothing_and_gets_its_nodes_with_the_next_change(self) -> None:
        transport = applied(cluster(PROXY))
        assert planned(cluster(PROXY), transport).empty
        assert seen(without(cluster(PROXY), "lb3"), transport)[0].retired == ()
        scene = walked(cluster(NEW), transport)
        assert scene == Walked(touched=True)
        assert owner(transport, "lb2").roster == cluster(NEW).roster
        assert planned(cluster(NEW), transport).empty


class TestOfNoUse:
    """A node that left the file, and of which nothing can be said."""

    def test_one_that_does_not_answer(self) -> None:
        plan = planned(without(cluster(PROXY), "lb3"), dead(cluster(PROXY)))
        (problem,) = plan.refused(())
        assert problem.code == retire.LOST and "lbctl node forget lb3" in problem.mend

    def test_another_machine_that_has_its_name(self) -> None:
        transport = recorded(cluster(PROXY))
        transport.nodes["lb3"].address = "10.0.0.99"
        plan = planned(without(cluster(PROXY), "lb3"), transport)
        assert [p.code for p in plan.refused(())] == [retire.LOST]
        assert "has not its address, 10.0.0.3" in plan.refused(())[0].text

    def test_one_that_let_go_of_us_and_runs_keepalived(self) -> None:
        transport = recorded(cluster(PROXY))
        transport.nodes["lb3"].state.owner = b"none"
        plan = planned(without(cluster(PROXY), "lb3"), transport)
        assert [p.code for p in plan.refused(())] == [retire.LOST]

    def test_one_that_is_out_already_is_only_named_no_longer(self) -> None:
        transport = recorded(cluster(PROXY))
        transport.nodes["lb3"].state.owner = b"none"
        transport.nodes["lb3"].state.active.clear()
        plan = planned(without(cluster(PROXY), "lb3"), transport)
        assert not plan.refused(())
        assert {(c.address.on_any_node, c.action) for c in plan.changes} == {("node/lb3", Action.RECORD)}


def walked(
    of: Cluster, transport: FakeTransport, events: list[Event] | None = None, stop: int = 10**6
) -> Walked:
    wider, facts = seen(of, transport)
    plan = make(wider, facts, "2026-01-01T00:00:00Z")
    found: list[Event] = events if events is not None else []
    return walk(Run(wider, "id", plan, transport, facts, found.append, lambda: len(found) >= stop))


class TestOrder:
    def turns(self, plan: Plan) -> list[str]:
        return [node for node, _ in groupby(plan.steps, key=lambda step: step.node)]

    def names(self, plan: Plan, node: str) -> list[str]:
        return [str(step.name) for step in plan.steps if step.node == node]

    def test_last_and_then_the_records(self) -> None:
        plan = planned(without(cluster(NEW), "lb3"), recorded(cluster(PROXY)))
        assert self.turns(plan)[2:] == ["lb2", "lb1", "lb3", "lb1", "lb2"]
        assert self.names(plan, "lb3") == ["arm", "retire", "confirm"]
        assert [p.code for p in plan.refused(())] == ["node-removed"]

    def test_the_holder_gives_its_vip_away(self) -> None:
        plan = planned(without(cluster(PROXY), "lb1", "lb3"), recorded(cluster(PROXY)))
        assert self.turns(plan) == ["lb3", "lb1", "lb2"]
        assert self.names(plan, "lb1") == ["arm", "handover", "retire", "confirm"]

    @pytest.mark.parametrize("name", ["lb1", "lb3"])
    def test_one_that_the_others_send_their_adverts_to_goes_first(self, name: str) -> None:
        """Left out of them before it is stopped, it would be a second master."""
        transport, new = recorded(unicast("lb1", "lb2", "lb3")), unicast(*({"lb1", "lb2", "lb3"} - {name}))
        new = without(new, name)
        plan = planned(new, transport)
        turns = [step.node for step in plan.steps if not step.name.before_any_node_changes]
        assert turns[: turns.count(name)] == [name] * turns.count(name)
        assert walked(new, transport) == Walked(touched=True)
        assert planned(new, transport).empty

    def test_the_last_that_serves(self) -> None:
        transport = recorded(cluster(PROXY))
        for name in ("lb2", "lb3"):
            transport.nodes[name].state.active.discard("haproxy")
        plan = planned(without(cluster(PROXY), "lb1"), transport)
        assert {p.code for p in plan.refused(())} == {"node-removed", "last-node"}


def unicast(*names: str) -> Cluster:
    """Each node sends its adverts to these."""
    peers = "".join(f"    10.0.0.{name[-1]}\n" for name in sorted(names))
    words = f"unicast_peer {{\n{peers}  }}\n  virtual_ipaddress {{"
    return changed_vrrp(cluster(PROXY), b"virtual_ipaddress {", words.encode())


def numbers(of: Cluster) -> list[int]:
    transport = recorded(cluster(PROXY))
    walked(of, transport)
    return [n for n, (_, function) in enumerate(transport.calls) if function != "journal"]


MASTER_LEAVES = without(cluster(PROXY), "lb1")


class TestWalk:
    def test_it_is_out_and_the_others_say_so(self) -> None:
        transport = recorded(cluster(PROXY))
        assert walked(MASTER_LEAVES, transport) == Walked(touched=True)
        gone = transport.nodes["lb1"].state
        assert (gone.active, gone.enabled, gone.drain) == (set(), set(), 0)
        assert owner(transport, "lb1").retired and owner(transport, "lb1").roster is None
        assert transport.holder() == "lb2"
        assert owner(transport, "lb2").roster == MASTER_LEAVES.roster
        assert planned(MASTER_LEAVES, transport).empty

    def test_it_comes_back_without_ado(self) -> None:
        transport = recorded(cluster(PROXY))
        walked(MASTER_LEAVES, transport)
        plan = planned(cluster(NEW), transport)
        assert not plan.refused(())
        assert {c.address.node for c in plan.changes if c.address.name.startswith("/")} == (
            {"lb1", "lb2", "lb3"}
        )

    @pytest.mark.parametrize("number", numbers(MASTER_LEAVES))
    def test_wherever_it_fails_it_is_as_it_was_and_not_lost_from_sight(self, number: int) -> None:
        transport = recorded(cluster(PROXY))
        before = copy.deepcopy(transport.nodes["lb1"].state)
        transport.failing = lambda at, node, command: at == number
        events: list[Event] = []
        outcome = walked(MASTER_LEAVES, transport, events)
        transport.failing = lambda at, node, command: False
        confirmed = owner(transport, "lb1").retired
        assert outcome.back and (outcome.error is not None or confirmed)
        assert confirmed or transport.nodes["lb1"].state == before
        assert all(event.good for event in events if isinstance(event, NodeUndone))
        assert transport.nodes["lb1"].armed == ""
        assert walked(MASTER_LEAVES, transport) == Walked(touched=True)
        assert planned(MASTER_LEAVES, transport).empty
        assert transport.holder() == "lb2"

    def test_it_does_not_go_when_nobody_takes_its_vip(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(election, "settle_seconds", lambda of: 0.0)
        transport = recorded(cluster(PROXY))
        of = without(cluster(PROXY), "lb3")
        before = copy.deepcopy(transport.nodes["lb3"].state)

        def die(number: int, node: str, command: Command) -> bool:
            """The others' keepalived, just when it is stopped here."""
            if (node, command.words[0]) == ("lb3", "stop_service"):
                for name in ("lb1", "lb2"):
                    transport.nodes[name].state.active.discard("keepalived")
            return False

        transport.failing = die
        outcome = walked(of, transport)
        assert "holds 10.0.0.9" in str(outcome.error) and outcome.undone == {"lb3": True}
        assert transport.nodes["lb3"].state == before

    @pytest.mark.parametrize("number", range(1, 12))
    def test_ctrl_c_leaves_nothing_in_between(self, number: int) -> None:
        transport = recorded(cluster(PROXY))
        before = copy.deepcopy(transport.nodes["lb1"].state)
        outcome = walked(MASTER_LEAVES, transport, [], stop=number)
        state = transport.nodes["lb1"].state
        assert outcome.back and outcome.error is None
        assert state == before or (not state.active and owner(transport, "lb1").retired)


class TestBehind:
    def test_it_is_recorded_until_it_has_caught_up(self) -> None:
        transport, of = recorded(cluster(PROXY)), cluster(NEW)
        assert walked(of.without(["lb3"]), transport) == Walked(touched=True)
        assert planned(of.without(["lb3"]), transport).empty
        assert roster.behind(of, gathered(of, transport)).keys() == {"lb3"}
        assert "left out" in notes(of, gathered(of, transport))["lb3"]
        items = drift(of, NOTHING_KEPT, transport, quiet).items
        assert {item.what for item in items if "left out" in item.text} == {"note"}
        transport.failing = lambda at, node, command: command.words[0] == "take_reload"
        assert walked(of, transport).undone == {"lb3": True}
        transport.failing = lambda at, node, command: False
        assert roster.behind(of, gathered(of, transport)).keys() == {"lb3"}
        assert walked(of, transport) == Walked(touched=True)
        assert roster.behind(of, gathered(of, transport)) == {}
        assert planned(of, transport).empty


class TestForget:
    left = without(cluster(PROXY), "lb3")

    def test_a_dead_one_is_named_no_longer(self) -> None:
        transport = dead(cluster(PROXY))
        report = forget(find(self.left, transport, quiet, "lb3", NONE), transport, quiet)
        assert (report.written, report.unread) == (("lb1", "lb2"), ())
        assert planned(self.left, transport).empty
        assert owner(transport, "lb1").key == KEY

    @pytest.mark.parametrize(
        ("of", "name", "error"),
        [
            (cluster(PROXY), "lb3", UsageError),
            (left, "lb33", UsageError),
            (left, "lb3", RefusedError),
        ],
    )
    def test_refused(self, of: Cluster, name: str, error: type[LbctlError]) -> None:
        transport = recorded(cluster(PROXY))
        before = {name: node.state.owner for name, node in transport.nodes.items()}
        with pytest.raises(error):
            find(of, transport, quiet, name, NONE)
        assert {name: node.state.owner for name, node in transport.nodes.items()} == before

    def test_a_live_one_when_that_is_allowed(self) -> None:
        transport = recorded(cluster(PROXY))
        find(self.left, transport, quiet, "lb3", frozenset({"live-node"}))

    def test_cut_off_in_the_middle_it_is_done_again(self) -> None:
        transport = dead(cluster(PROXY))
        transport.failing = lambda at, node, command: node == "lb2" and command.words[0] == "write_owner"
        with pytest.raises(NodeError):
            forget(find(self.left, transport, quiet, "lb3", NONE), transport, quiet)
        transport.failing = lambda at, node, command: False
        report = forget(find(self.left, transport, quiet, "lb3", NONE), transport, quiet)
        assert report.written == ("lb2",)

    def test_an_undo_that_would_give_the_old_record_back(self) -> None:
        transport = dead(cluster(PROXY))
        transport.nodes["lb1"].armed = "plan"
        with pytest.raises(RefusedError, match="cut off"):
            forget(find(self.left, transport, quiet, "lb3", NONE), transport, quiet)


def test_what_a_record_says_is_read_back() -> None:
    transport = recorded(cluster(PROXY))
    facts = gather_node(cluster(PROXY).nodes[0], transport)
    assert facts.owner is not None
    assert (facts.owner.roster, facts.owner.address) == (cluster(PROXY).roster, "10.0.0.1")
    assert b"password" not in transport.nodes["lb1"].state.owner
