"""What of a daemon's check counts, and what of a node after its swap."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from lbctl import haproxy
from lbctl.gather import gather_node
from lbctl.host.facts import RELOAD_FAILED
from lbctl.model.cluster import Service
from lbctl.model.effect import Effect, Impact
from lbctl.model.facts import Facts, ServerState
from lbctl.rollout import stage, verify
from lbctl.rollout.stage import Verdict
from lbctl.rollout.undo import differences, not_serving
from tests.unit.fake_node import HAPROXY
from tests.unit.test_rollout_walk import PROXY, applied, cluster

NODE = cluster(PROXY).nodes[0]
RELOAD = (Effect("haproxy", Impact.RELOAD),)


def facts(**changes: object) -> Facts:
    found = gather_node(NODE, applied(cluster(PROXY)))
    return replace(found, **changes)  # type: ignore[arg-type]  # the fields of Facts, in this file


def reloaded(**changes: object) -> Facts:
    """The same after a reload: a new process listens."""
    found = facts(**changes)
    return replace(found, listeners=tuple(replace(one, pids=(2,)) for one in found.listeners))


def complaints(now: Facts, *others: Facts, before: Facts | None = None) -> list[str]:
    return list(verify.complaints(NODE, before or facts(), now, RELOAD, others))


class TestVerify:
    def test_a_good_reload(self) -> None:
        assert complaints(reloaded()) == []

    def test_the_old_process_still_listens(self) -> None:
        assert complaints(facts()) == ["the new configuration is not loaded: 10.0.0.9:80 is held as before"]

    def test_nothing_listens(self) -> None:
        assert complaints(replace(facts(), listeners=())) == ["nothing listens on 10.0.0.9:80, frontend f"]

    def test_a_reload_that_failed(self) -> None:
        now = reloaded()
        failed = tuple(replace(d, status=RELOAD_FAILED if d.unit == "haproxy" else "") for d in now.daemons)
        assert "haproxy could not reload" in complaints(replace(now, daemons=failed))[0]

    def test_a_service_that_is_not_active(self) -> None:
        now = reloaded()
        dead = tuple(replace(d, active=d.unit != "keepalived") for d in now.daemons)
        node = replace(NODE, services=(Service("keepalived"),))
        found = list(verify.complaints(node, facts(), replace(now, daemons=dead), RELOAD, ()))
        assert found[0] == "keepalived is not active"

    def test_one_that_systemd_has_given_up_is_not_waited_for(self) -> None:
        node = replace(NODE, services=(Service("keepalived"), Service("haproxy", active=False)))

        def waits(unit: str, *, failed: bool = False) -> bool:
            dead = [replace(d, active=False, failed=failed) for d in facts().daemons if d.unit == unit]
            found = [*dead, *(d for d in facts().daemons if d.unit != unit)]
            return not verify.for_good(node, replace(facts(), daemons=tuple(found)), RELOAD)

        assert waits("keepalived") and not waits("keepalived", failed=True)
        assert waits("haproxy", failed=True)

    def test_a_server_that_others_see_up(self) -> None:
        mine = reloaded(servers=(ServerState("b", "a", "DOWN"), ServerState("b", "z", "DOWN")))
        up, down = (facts(node="lb2", servers=(ServerState("b", "a", one),)) for one in ("UP", "DOWN"))
        assert complaints(mine, up) == ["b/a is down here and up on lb2"]
        assert complaints(mine, down) == []
        assert complaints(replace(mine, servers=None), up) == []

    def test_a_server_that_comes_back_during_the_rollout(self) -> None:
        """Down here before as well: lost only where nothing else of its backend serves."""
        down, live = ServerState("b", "a", "DOWN 1/2"), ServerState("b", "z", "UP")
        up = facts(node="lb2", servers=(replace(down, status="UP"), live))
        both, alone = facts(servers=(down, live)), facts(servers=(down,))
        assert complaints(reloaded(servers=(down, live)), up, before=both) == []
        assert complaints(reloaded(servers=(down,)), up, before=alone) == ["b/a is down here and up on lb2"]
        was_up = facts(servers=(replace(down, status="UP"), live))
        lost = complaints(reloaded(servers=(down, live)), up, before=was_up)
        assert lost == ["b/a is down here and up on lb2"]

    @pytest.mark.parametrize("status", ["MAINT", "MAINT (via b/z)", "DRAIN"])
    def test_a_server_that_was_taken_out_here_by_hand(self, status: str) -> None:
        taken = (ServerState("b", "a", status),)
        up = facts(node="lb2", servers=(ServerState("b", "a", "UP"),))
        assert complaints(reloaded(servers=taken), up, before=facts(servers=taken)) == []
        assert complaints(reloaded(servers=taken), up) == ["b/a is down here and up on lb2"]


class TestUndone:
    def test_the_same_is_back(self) -> None:
        assert differences(facts(), facts()) == []

    def test_what_is_not_back_is_named(self) -> None:
        transport = applied(cluster(PROXY))
        transport.nodes["lb1"].state.files[HAPROXY] = (b"other\n", "0644", "root:root")
        assert differences(facts(), gather_node(NODE, transport)) == [f"lb1/file{HAPROXY}"]

    def test_what_served_and_does_not(self) -> None:
        document = haproxy.parse(PROXY.encode())
        dead = tuple(replace(d, active=False) for d in facts().daemons)
        now = replace(facts(), listeners=(), daemons=dead)
        assert list(not_serving(facts(), now, document)) == (
            ["haproxy is not active", "keepalived is not active", "nothing listens on 10.0.0.9:80"]
        )
        assert list(not_serving(now, now, document)) == []


def said(daemon: str, status: int, *lines: str) -> Verdict:
    return Verdict(daemon, status, lines)


KNOWN = "(/etc/keepalived/keepalived.conf: Line 3) Unknown keyword 'foo'"
MOVED = "(/etc/keepalived/keepalived.conf: Line 7) Unknown keyword 'foo'"
NEW = "(/etc/keepalived/keepalived.conf: Line 9) Unknown keyword 'bar'"


class TestStage:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (None, None, ("its own check did not answer",)),
            (None, said("haproxy", 0, "[WARNING] x"), ()),
            (None, said("haproxy", 1, "[NOTICE] n", "[ALERT] a"), ("[ALERT] a",)),
            (None, said("haproxy", 1), ("exit status 1",)),
            (None, said("haproxy", 90), ("there is no configuration file",)),
            (None, said("keepalived", 6, "SECURITY VIOLATION"), ()),
            (None, said("keepalived", 6, "SECURITY VIOLATION", NEW), (NEW,)),
            (said("keepalived", 6, KNOWN), said("keepalived", 6, MOVED, "(vip) Warning - x"), ()),
            (None, said("keepalived", 143, "x"), ()),
            (said("keepalived", 5, KNOWN), said("keepalived", 5, MOVED), ()),
            (said("keepalived", 5, KNOWN), said("keepalived", 5, MOVED, NEW), (NEW,)),
            (None, said("keepalived", 5, NEW), (NEW,)),
            (None, said("keepalived", 139), ("its check died with 139",)),
        ],
    )
    def test_what_refuses_a_candidate(
        self, before: Verdict | None, after: Verdict | None, expected: tuple[str, ...]
    ) -> None:
        assert stage.complaints(before, after) == expected

    def test_a_file_that_is_taken_away_needs_no_check(self) -> None:
        assert stage.complaints(None, said("haproxy", 90), gone=True) == ()

    def test_the_answer_is_read_through_noise(self) -> None:
        coded = base64.b64encode(b"line one\n\nline two\n5").decode()
        before, after = stage.verdicts(f"motd\nbefore haproxy {coded}\nafter keepalived {coded}\n")
        assert before == {"haproxy": Verdict("haproxy", 5, ("line one", "line two"))}
        assert set(after) == {"keepalived"}
