"""drain, undrain and --exclude on nodes in memory: what they promise, wherever they fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import pytest

from lbctl.cli.drain import _seconds
from lbctl.cli.target import without
from lbctl.errors import NodeError, RefusedError, RemoteError, UsageError
from lbctl.host.facts import drain_record, drain_record_text
from lbctl.model.command import Answer, Command
from lbctl.model.facts import DrainRecord
from lbctl.model.plan import StepName
from lbctl.planning import election
from lbctl.planning.plan import make, same_inputs
from lbctl.planning.roster import behind
from lbctl.rollout.run import Run
from lbctl.rollout.walk import Walked, walk
from lbctl.workflows.drain import Maintenance, drain, handover, undrain
from lbctl.workflows.drift import drift
from tests.unit.fake_transport import NOTHING_KEPT, FakeTransport
from tests.unit.test_planning import changed_vrrp, gathered
from tests.unit.test_rollout_walk import PROXY, applied, cluster

HOUR = 3600
NEW = PROXY + "  server b 10.0.0.22:80\n"
NONE: frozenset[str] = frozenset()


def never() -> AbstractContextManager[Callable[[], bool]]:
    return nullcontext(lambda: False)


def maintenance(
    transport: FakeTransport, interruptible: Callable[[], AbstractContextManager[Callable[[], bool]]] = never
) -> Maintenance:
    return Maintenance(cluster(PROXY), transport, lambda event: None, interruptible)


@pytest.fixture
def transport() -> FakeTransport:
    return applied(cluster(PROXY))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An election that does not come is not waited for."""
    monkeypatch.setattr(election, "settle_seconds", lambda of: 0.0)


def state(transport: FakeTransport, node: str) -> tuple[int, bool]:
    """The number in the drain file, and whether there is a record."""
    found = transport.nodes[node].state
    return found.drain, bool(found.drain_record)


class TestDrain:
    def test_the_vip_leaves_and_comes_back(self, transport: FakeTransport) -> None:
        report = drain(maintenance(transport), "lb1", HOUR, "disk", NONE)
        assert [(held.vip, held.nodes) for held in report.vips] == [("10.0.0.9", ("lb2",))]
        assert report.record is not None and report.record.reason == "disk"
        assert state(transport, "lb1") == (-253, True)
        assert undrain(maintenance(transport), "lb1").vips[0].nodes == ("lb1",)
        assert state(transport, "lb1") == (0, False)

    def test_both_may_be_done_again(self, transport: FakeTransport) -> None:
        for reason in ("one", "two"):
            drain(maintenance(transport), "lb1", HOUR, reason, NONE)
        assert json.loads(transport.nodes["lb1"].state.drain_record)["reason"] == "two"
        assert undrain(maintenance(transport), "lb1").changed
        transport.calls.clear()
        assert not undrain(maintenance(transport), "lb1").changed
        assert transport.calls == []

    def test_the_last_node_has_to_be_allowed(self, transport: FakeTransport) -> None:
        for name in ("lb2", "lb3"):
            transport.nodes[name].state.active.discard("haproxy")
        with pytest.raises(RefusedError, match="no other node"):
            drain(maintenance(transport), "lb1", HOUR, "", NONE)
        assert state(transport, "lb1") == (0, False)
        drain(maintenance(transport), "lb1", HOUR, "", frozenset({"last-node"}))
        assert state(transport, "lb1") == (-253, True)

    def test_a_keepalived_without_a_drain_file(self, transport: FakeTransport) -> None:
        files = transport.nodes["lb1"].state.files
        for path, (data, mode, owner) in files.items():
            files[path] = (data.replace(b"/var/lib/lbctl/drain", b"/other"), mode, owner)
        with pytest.raises(RefusedError) as raised:
            drain(maintenance(transport), "lb1", HOUR, "", NONE)
        assert "additions:" in raised.value.mend

    def test_an_undo_that_is_armed_comes_first(self, transport: FakeTransport) -> None:
        transport.nodes["lb1"].armed = "p"
        with pytest.raises(RefusedError, match="cut off"):
            drain(maintenance(transport), "lb1", HOUR, "", NONE)

    @pytest.mark.parametrize("before", [0, 1])
    @pytest.mark.parametrize("function", ["write_drain_record", "set_drain", "journal"])
    def test_one_that_fails_leaves_it_as_it_was(
        self, transport: FakeTransport, function: str, before: int
    ) -> None:
        if before:
            drain(maintenance(transport), "lb1", HOUR, "before", NONE)
        failed: list[str] = []

        def once(number: int, node: str, command: Command) -> bool:
            if command.words[0] != function or failed:
                return False
            failed.append(node)
            return True

        was = state(transport, "lb1"), transport.nodes["lb1"].state.drain_record
        transport.failing = once
        with pytest.raises(NodeError):
            drain(maintenance(transport), "lb1", HOUR, "", NONE)
        assert failed and (state(transport, "lb1"), transport.nodes["lb1"].state.drain_record) == was

    @pytest.mark.usefixtures("hasty")
    def test_a_vip_that_does_not_move(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "holder", lambda: "lb1")
        with pytest.raises(RemoteError, match="did not leave") as raised:
            drain(maintenance(transport), "lb1", HOUR, "", NONE)
        assert "nopreempt" in raised.value.mend
        assert state(transport, "lb1") == (0, False)

    def test_ctrl_c_while_waiting(self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "holder", lambda: "lb1")

        @contextmanager
        def pressed() -> Iterator[Callable[[], bool]]:
            yield lambda: True

        with pytest.raises(KeyboardInterrupt):
            drain(maintenance(transport, pressed), "lb1", HOUR, "", NONE)
        assert state(transport, "lb1") == (0, False)

    def test_a_node_that_is_dead_is_no_hindrance(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask = transport.ask

        def asked(node: str, *words: object, **named: object) -> object:
            if node == "lb3":
                raise RemoteError(node, "no connection")
            return ask(node, *words, **named)  # type: ignore[arg-type]  # handed on as it came

        monkeypatch.setattr(transport, "ask", asked)
        report = drain(maintenance(transport), "lb1", HOUR, "", NONE)
        assert (report.unread, report.vips[0].nodes) == (("lb3",), ("lb2",))
        with pytest.raises(NodeError, match="no connection"):
            drain(maintenance(transport), "lb3", HOUR, "", NONE)


class TestDrift:
    @pytest.mark.parametrize(
        ("seconds", "value", "what"), [(HOUR, -253, "note"), (-1, -253, "drift"), (HOUR, 0, "drift")]
    )
    def test_information_until_its_time_has_passed(
        self, transport: FakeTransport, seconds: int, value: int, what: str
    ) -> None:
        drain(maintenance(transport), "lb3", seconds, "disk", NONE)
        transport.nodes["lb3"].state.drain = value
        report = drift(cluster(PROXY), NOTHING_KEPT, transport, lambda event: None)
        assert [(item.what, item.node) for item in report.items] == [(what, "lb3")]
        assert "disk" in report.items[0].text
        assert int(report.code) == (2 if what == "drift" else 0)

    @pytest.mark.parametrize("text", [b"{", b"[]", b'{"until": 1}', b"null"])
    def test_a_record_that_cannot_be_read_has_passed(self, text: bytes) -> None:
        found = drain_record({"drained": Answer(0, text)})
        assert found is not None and found.expired("2026-01-01T00:00:00Z")

    def test_a_record_comes_back(self) -> None:
        record = DrainRecord("a@b", "2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z", 'a "reason"')
        assert drain_record({"drained": Answer(0, drain_record_text(record))}) == record


class TestApply:
    def _walk(self, transport: FakeTransport) -> tuple[Run, Walked]:
        wanted = cluster(NEW)
        found = gathered(wanted, transport)
        plan = make(wanted, found, "")
        run = Run(wanted, "id", plan, transport, found, lambda event: None)
        return run, walk(run)

    @pytest.mark.parametrize("name", ["lb1", "lb2", "lb3"])
    def test_it_leaves_a_drain_alone(self, transport: FakeTransport, name: str) -> None:
        drain(maintenance(transport), name, HOUR, "", NONE)
        run, walked = self._walk(transport)
        assert walked == Walked(touched=True)
        assert state(transport, name) == (-253, True)
        steps = {step.name for step in run.plan.steps if step.node == name}
        assert not steps & {StepName.DRAIN, StepName.UNDRAIN}

    def test_the_plan_says_so(self, transport: FakeTransport) -> None:
        drain(maintenance(transport), "lb3", HOUR, "", NONE)
        run, _ = self._walk(transport)
        assert [(p.code, p.level) for p in run.plan.problems] == [("drained", "warning")]

    def test_its_drain_file_is_not_taken_away(self, transport: FakeTransport) -> None:
        drain(maintenance(transport), "lb3", HOUR, "", NONE)
        wanted = changed_vrrp(cluster(PROXY), b"/var/lib/lbctl/drain", b"/other")
        made = make(wanted, gathered(wanted, transport), "")
        assert [problem.code for problem in made.refused(())] == ["drained"]
        assert "undrain lb3" in made.refused(())[0].mend

    def test_another_value_is_restored(self, transport: FakeTransport) -> None:
        transport.nodes["lb3"].state.drain = -5
        _, walked = self._walk(transport)
        assert walked == Walked(touched=True)
        assert state(transport, "lb3") == (-5, False)

    def test_a_plan_from_before_it_is_stale(self, transport: FakeTransport) -> None:
        wanted = cluster(NEW)
        plans = []
        for _ in range(2):
            plans.append(make(wanted, gathered(wanted, transport), ""))
            drain(maintenance(transport), "lb3", HOUR, "", NONE)
        assert same_inputs(*plans) == ("lb3 has changed",)


class TestExclude:
    def test_the_others_are_done_and_it_stays_behind(self, transport: FakeTransport) -> None:
        wanted = cluster(NEW).without(["lb3"])
        before = replace(transport.nodes["lb3"].state)
        found = gathered(wanted, transport)
        plan = make(wanted, found, "")
        assert [problem.code for problem in plan.refused(())] == ["partial"]
        assert not plan.refused({"partial"})
        run = Run(wanted, "id", plan, transport, found, lambda event: None)
        assert walk(run) == Walked(touched=True)
        assert run.done == {"lb1", "lb2"}
        assert transport.nodes["lb3"].state == before
        assert "lb3" not in {node for node, _ in transport.calls}
        whole = cluster(NEW)
        after = make(whole, gathered(whole, transport), "")
        assert {change.address.node for change in after.changes if change.action.touches} == {"lb3"}
        assert behind(whole, gathered(whole, transport)) == {"lb3": plan.id}

    def test_one_that_holds_the_vip_after_all(self, transport: FakeTransport) -> None:
        """It lives, and nobody looks at it: the others are changed as backups."""
        wanted = cluster(NEW).without(["lb1"])
        found = gathered(wanted, transport)
        run = Run(wanted, "id", make(wanted, found, ""), transport, found, lambda event: None)
        assert walk(run) == Walked(touched=True)

    def test_a_plan_without_a_node_is_none_for_all(self, transport: FakeTransport) -> None:
        whole = cluster(NEW)
        found = gathered(whole, transport)
        part = {name: facts for name, facts in found.items() if name != "lb3"}
        one, other = make(whole.without(["lb3"]), part, ""), make(whole, found, "")
        assert "--exclude lb3" in same_inputs(one, other)[0]
        assert "lb3" in same_inputs(other, one)[0]

    @pytest.mark.parametrize(("names", "said"), [(["lb4"], "did you mean"), (["lb1", "lb2", "lb3"], "leave")])
    def test_names(self, names: list[str], said: str) -> None:
        with pytest.raises(UsageError) as raised:
            without(cluster(PROXY), names)
        assert said in raised.value.mend


class TestDuration:
    @pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1h30m", 5400), ("3d", 259200), ("5s", 5)])
    def test_good(self, text: str, seconds: int) -> None:
        assert _seconds(text) == seconds

    @pytest.mark.parametrize("text", ["", "4", "h", "-2h", "2h ", "0m", "91d", "1m1h", "٣h"])
    def test_bad(self, text: str) -> None:
        with pytest.raises(UsageError):
            _seconds(text)


def nopreempt(transport: FakeTransport) -> Maintenance:
    """A cluster whose nodes keep what they have, and its transport."""
    new = changed_vrrp(cluster(PROXY), b"  advert_int 1\n", b"  advert_int 1\n  nopreempt\n")
    for name, fake in applied(new).nodes.items():
        transport.nodes[name].state = fake.state
    return Maintenance(new, transport, lambda event: None, never)


class TestHandover:
    def test_the_vip_moves_and_the_node_goes_on(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_ = nopreempt(transport)
        restarted = ("lb1", "take_restart")
        monkeypatch.setattr(transport, "holder", lambda: "lb2" if restarted in transport.calls else "lb1")
        report = handover(with_, "lb1")
        assert (report.given, report.vips[0].nodes) == (("10.0.0.9",), ("lb2",))
        assert handover(with_, "lb1").given == ()
        assert transport.calls.count(restarted) == 1

    def test_one_that_preempts_would_take_it_back(self, transport: FakeTransport) -> None:
        with pytest.raises(RefusedError, match="come straight back") as raised:
            handover(maintenance(transport), "lb1")
        assert "lbctl drain lb1" in raised.value.mend
        assert transport.calls == []

    def test_one_that_preempts_and_is_not_the_highest_may(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_ = nopreempt(transport)
        restarted = ("lb2", "take_restart")
        monkeypatch.setattr(transport, "holder", lambda: "lb1" if restarted in transport.calls else "lb2")
        assert handover(with_, "lb2").vips[0].nodes == ("lb1",)

    def test_nobody_to_take_it(self, transport: FakeTransport) -> None:
        with_ = nopreempt(transport)
        for name in ("lb2", "lb3"):
            transport.nodes[name].state.active.discard("haproxy")
        with pytest.raises(RefusedError, match="no other node"):
            handover(with_, "lb1")
        assert transport.calls == []

    def test_an_undo_that_is_armed_comes_first(self, transport: FakeTransport) -> None:
        transport.nodes["lb1"].armed = "p"
        with pytest.raises(RefusedError, match="cut off"):
            handover(maintenance(transport), "lb1")

    @pytest.mark.usefixtures("hasty")
    def test_a_vip_that_does_not_move(
        self, transport: FakeTransport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_ = nopreempt(transport)
        monkeypatch.setattr(transport, "holder", lambda: "lb1")
        with pytest.raises(RemoteError, match="did not leave"):
            handover(with_, "lb1")
