"""import --merge, from nodes in memory to the workspace: the night's hot-fix, and the morning's work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lbctl.desired import load
from lbctl.errors import RefusedError
from lbctl.model.adoption import Merged
from lbctl.model.change import Standing
from lbctl.model.cluster import HAPROXY_CFG, KEEPALIVED_CONF
from lbctl.model.plan import Plan
from lbctl.store.workspace import ClusterState, workspace_of
from lbctl.views.human_plan import plan_lines
from lbctl.workflows.drift import drift
from lbctl.workflows.merge import merge
from lbctl.workflows.plan import plan
from tests.unit.fake_transport import FakeTransport
from tests.unit.test_rollout_walk import applied

CLUSTER = """\
cluster: c
nodes:
  lb1: {address: 10.0.0.1, priority: 102}
  lb2: {address: 10.0.0.2, priority: 101}
additions: [stats-socket]
keepalived: {file: keepalived.conf}
haproxy: {file: haproxy.cfg}
secrets: {stats: {file: secrets/stats}}
"""
PROXY = """\
global
    maxconn 1000
defaults
    mode http
listen own
    bind ${node.address}:1984
    stats auth ${secret.stats}
frontend f
    bind 10.0.0.9:80
    default_backend b
backend b
    server a 10.0.0.21:80
"""
VRRP = """\
vrrp_instance v {
    interface eth0
    virtual_router_id 47
    priority ${node.priority}
    virtual_ipaddress {
        10.0.0.9
    }
}
"""
HIDDEN = "admin:hidden-word"


class Scene:
    """A workspace whose cluster was applied, with what it kept of that."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "secrets").mkdir()
        self.write("secrets/stats", HIDDEN + "\n")
        self.write("haproxy.cfg", PROXY)
        self.write("keepalived.conf", VRRP)
        self.write("cluster.yaml", CLUSTER)
        cluster = load(root / "cluster.yaml")
        self.transport: FakeTransport = applied(cluster)
        self.state: ClusterState = workspace_of(root / "cluster.yaml").cluster("c")
        self.state.keep_desired(1, CLUSTER, cluster.sources)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_bytes(text.encode())

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def by_hand(self, path: str, change: Callable[[str], str], *nodes: str) -> None:
        for name in nodes or ("lb1", "lb2"):
            files = self.transport.nodes[name].state.files
            data, mode, owner = files[path]
            new = change(data.decode()).encode()
            assert new != data
            files[path] = (new, mode, owner)

    def merge(self) -> tuple[Merged, ...]:
        cluster = load(self.root / "cluster.yaml")
        return merge(cluster, self.state, self.transport, lambda event: None)

    def plan(self) -> Plan:
        return plan(load(self.root / "cluster.yaml"), self.state, self.transport, lambda event: None)

    def drift(self) -> list[tuple[str, str, str]]:
        report = drift(load(self.root / "cluster.yaml"), self.state, self.transport, lambda event: None)
        return [(item.what, item.node, item.text) for item in report.items]

    def rendered(self, node: str, daemon: str) -> bytes:
        file = load(self.root / "cluster.yaml").node(node).file_of(daemon)
        assert file
        return file.content.data


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def faster(text: str) -> str:
    return text.replace("maxconn 1000", "maxconn 2000")


def test_nothing_by_hand_is_nothing(scene: Scene) -> None:
    assert scene.merge() == ()


def test_what_is_pending_alone_is_nothing_by_hand(scene: Scene) -> None:
    scene.write("haproxy.cfg", PROXY + MORE)
    assert scene.merge() == ()


def test_the_fix_is_taken_and_references_stay(scene: Scene) -> None:
    scene.by_hand(HAPROXY_CFG, faster)
    scene.by_hand(
        KEEPALIVED_CONF, lambda text: text.replace("    priority", "    advert_int 2\n    priority")
    )
    found = scene.merge()
    assert [(one.path, one.nodes) for one in found] == [
        ("haproxy.cfg", ("lb1", "lb2")),
        ("keepalived.conf", ("lb1", "lb2")),
    ]
    assert found[0].diff == ("-    maxconn 1000", "+    maxconn 2000")
    assert scene.text("haproxy.cfg") == faster(PROXY)
    assert "    advert_int 2\n    priority ${node.priority}\n" in scene.text("keepalived.conf")
    for node in ("lb1", "lb2"):
        files = scene.transport.nodes[node].state.files
        assert scene.rendered(node, "haproxy") == files[HAPROXY_CFG][0]
        assert scene.rendered(node, "keepalived") == files[KEEPALIVED_CONF][0]


def test_beside_the_mornings_work(scene: Scene) -> None:
    """Desired, applied and live all differ: what was applied is found by the node's own record."""
    scene.write("haproxy.cfg", PROXY + MORE)
    scene.by_hand(HAPROXY_CFG, faster)
    scene.merge()
    assert scene.text("haproxy.cfg") == faster(PROXY) + MORE


@pytest.mark.parametrize(
    "fix",
    [
        faster,
        lambda text: text.replace("    default_backend b\n", "    default_backend b\n    maxconn 9\n"),
        lambda text: text.replace("    mode http\n", ""),
        lambda text: text.replace("    server a", "    server night 10.0.0.23:80\n    server a"),
    ],
)
def test_the_next_plan_has_the_mornings_work_alone(scene: Scene, fix: Callable[[str], str]) -> None:
    """Also where the file got the fix from a person; where it loses some of it again, that is undone."""
    scene.write("haproxy.cfg", PROXY + MORE)
    scene.by_hand(HAPROXY_CFG, fix)
    assert any(problem.code == "drift" for problem in scene.plan().problems)
    scene.merge()
    plan = scene.plan()
    touched = [change for change in plan.changes if change.action.touches]
    assert {(change.standing, change.detail) for change in touched} == {(Standing.PENDING, (WORK,))}
    assert (plan.apart, [problem for problem in plan.problems if problem.code == "drift"]) == ((), [])
    assert "drift" not in {what for what, _, _ in scene.drift()}
    scene.write("haproxy.cfg", PROXY + MORE)
    assert any(problem.code == "drift" for problem in scene.plan().problems)


def test_a_fix_of_which_a_part_is_taken_is_not(scene: Scene) -> None:
    scene.by_hand(HAPROXY_CFG, lambda text: faster(text).replace("mode http", "mode tcp"))
    scene.write("haproxy.cfg", faster(PROXY) + MORE)
    assert any(problem.code == "drift" for problem in scene.plan().problems)
    assert {one.by_hand for one in scene.plan().apart} == {(FIX, "defaults: ~ mode http -> mode tcp")}


def test_a_line_that_would_come_back_is_undone_wherever_it_stands(scene: Scene) -> None:
    """The file has what was put in by hand, at another place, and still what was taken out."""
    bind = "    bind 10.0.0.9:80\n"
    scene.by_hand(
        HAPROXY_CFG, lambda text: text.replace(f"frontend f\n{bind}", "    maxconn 9\nfrontend f\n")
    )
    scene.write("haproxy.cfg", PROXY.replace(bind, f"{bind}    maxconn 9\n"))
    assert any(problem.code == "drift" for problem in scene.plan().problems)


def test_from_one_node_for_all(scene: Scene) -> None:
    scene.by_hand(HAPROXY_CFG, faster, "lb2")
    assert scene.merge()[0].nodes == ("lb2",)
    assert scene.text("haproxy.cfg") == faster(PROXY)


def test_the_mode_of_the_file_here_stays(scene: Scene) -> None:
    (scene.root / "haproxy.cfg").chmod(0o640)
    scene.by_hand(HAPROXY_CFG, faster)
    scene.merge()
    assert (scene.root / "haproxy.cfg").stat().st_mode & 0o777 == 0o640


MORE = "    server b 10.0.0.22:80\n"
FIX, WORK = "global: ~ maxconn 1000 -> maxconn 2000", "backend b: + server b 10.0.0.22:80"


def lines(scene: Scene) -> list[str]:
    """What a person sees of the changes."""
    shown = "\n".join(f"{one.head}{one.body}" for one in plan_lines(scene.plan(), text=False))
    return re.split(r"\n(?:Impact|Steps)", shown)[0].split("\n")


class TestApart:
    """The plan and drift say what was changed by hand, and what the cluster file changes."""

    def test_what_is_pending_and_what_was_by_hand(self, scene: Scene) -> None:
        scene.write("haproxy.cfg", PROXY + MORE)
        scene.by_hand(HAPROXY_CFG, faster)
        made = scene.plan()
        assert [(one.address.node, one.by_hand, one.own) for one in made.apart] == [
            (node, (FIX,), (WORK,)) for node in ("lb1", "lb2")
        ]
        assert {one.standing for one in made.changes if one.action.touches} == {Standing.BOTH}
        head = "  ~ file/etc/haproxy/haproxy.cfg  lb1, lb2  (update, reload haproxy)"
        title = "Changed by hand since the last apply, would be undone"
        assert lines(scene)[7:13] == [head, f"      {WORK}", "", title, head, f"      {FIX}"]
        assert scene.drift()[:2] == [("drift", "lb1", FIX), ("pending", "lb1", WORK)]

    def test_of_the_same_line_both_are_told(self, scene: Scene) -> None:
        scene.write("haproxy.cfg", PROXY.replace("1000", "3000"))
        scene.by_hand(HAPROXY_CFG, faster)
        (one, _) = scene.plan().apart
        assert (one.by_hand, one.own) == ((FIX,), ("global: ~ maxconn 1000 -> maxconn 3000",))

    def test_on_one_node_alone(self, scene: Scene) -> None:
        scene.write("haproxy.cfg", PROXY + MORE)
        scene.by_hand(HAPROXY_CFG, faster, "lb2")
        (one,) = scene.plan().apart
        assert (one.address.node, one.by_hand, one.own) == ("lb2", (FIX,), (WORK,))
        assert sum(FIX in line for line in lines(scene)) == 1

    def test_by_hand_alone_reads_as_it_was_done(self, scene: Scene) -> None:
        scene.by_hand(HAPROXY_CFG, faster)
        (one, _) = scene.plan().apart
        assert (one.by_hand, one.own) == ((FIX,), ())
        assert [line for line in lines(scene) if "maxconn" in line and "somebody" not in line] == [
            f"      {FIX}"
        ]

    def test_what_was_applied_is_not_kept_here(self, scene: Scene) -> None:
        scene.state.desired_file(1).unlink()
        scene.write("haproxy.cfg", PROXY + MORE)
        scene.by_hand(HAPROXY_CFG, faster)
        assert scene.plan().apart == ()
        assert any("nobody knows" in line for line in lines(scene))


def refused(scene: Scene) -> str:
    before = {path: path.read_bytes() for path in scene.root.rglob("*") if path.is_file()}
    with pytest.raises(RefusedError) as raised:
        scene.merge()
    assert {path: path.read_bytes() for path in scene.root.rglob("*") if path.is_file()} == before
    assert "hidden" not in str(raised.value)
    return str(raised.value)


def test_a_secret_is_a_persons(scene: Scene) -> None:
    scene.by_hand(HAPROXY_CFG, lambda text: text.replace("hidden-word", "other-hidden-word"))
    assert "a line with a secret was changed" in refused(scene)


def test_a_new_secret_too(scene: Scene) -> None:
    scene.by_hand(HAPROXY_CFG, lambda text: text + "listen more\n    stats auth a:hidden2\n")
    assert "a line with a secret was changed" in refused(scene)


def test_the_same_line_here_and_there(scene: Scene) -> None:
    scene.write("haproxy.cfg", PROXY.replace("maxconn 1000", "maxconn 3000"))
    scene.by_hand(HAPROXY_CFG, faster)
    assert "haproxy.cfg: line 2 of what was applied last" in refused(scene)


def test_what_stands_here_in_clear_is_not_shown(scene: Scene) -> None:
    there = "    bind 10.0.0.9:80\n"
    scene.write("haproxy.cfg", PROXY.replace(there, f"{there}    stats auth admin:cleartext\n"))
    scene.by_hand(HAPROXY_CFG, lambda text: text.replace(there, f"{there}    maxconn 9\n"))
    with pytest.raises(RefusedError) as raised:
        scene.merge()
    assert "in this file" in raised.value.detail and "cleartext" not in raised.value.detail


def test_a_link_to_the_text_stays_one(scene: Scene) -> None:
    real = scene.root / "real.cfg"
    (scene.root / "haproxy.cfg").rename(real)
    (scene.root / "haproxy.cfg").symlink_to("real.cfg")
    scene.by_hand(HAPROXY_CFG, faster)
    scene.merge()
    assert (scene.root / "haproxy.cfg").is_symlink() and real.read_text() == faster(PROXY)


def test_two_fixes_of_one_line(scene: Scene) -> None:
    scene.by_hand(HAPROXY_CFG, faster, "lb1")
    scene.by_hand(HAPROXY_CFG, lambda text: text.replace("1000", "3000"), "lb2")
    assert "lb1, lb2 were changed in different ways" in refused(scene)


def test_without_what_was_applied_only_what_is_not_pending(scene: Scene) -> None:
    scene.state.desired_file(1).unlink()
    scene.by_hand(HAPROXY_CFG, faster)
    scene.write("haproxy.cfg", PROXY + MORE)
    assert "what was applied last is not kept here" in refused(scene)
    scene.write("haproxy.cfg", PROXY)
    assert scene.merge()


def test_short_forms_are_a_persons(scene: Scene) -> None:
    indented = "".join(f"    {line}\n" for line in PROXY.splitlines())
    text = CLUSTER.replace("haproxy: {file: haproxy.cfg}\n", f"haproxy: |\n{indented}")
    scene.write("cluster.yaml", text)
    scene.by_hand(HAPROXY_CFG, faster)
    assert "haproxy is no file of its own in the cluster file" in refused(scene)
