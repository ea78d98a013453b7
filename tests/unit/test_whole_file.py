"""A daemon's own file (`file:`): to the byte, with what differs between nodes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbctl.desired import load
from lbctl.errors import InputError
from lbctl.model.cluster import Cluster, ManagedFile
from lbctl.model.reference import escaped

CLUSTER = """\
cluster: own
nodes:
  lb1: {address: 10.0.0.1, priority: 101, vars: {router_id: LVS_1, zone: 1}}
  lb2: {address: 10.0.0.2, priority: 100, vars: {router_id: LVS_2, zone: ""}}
"""
VRRP = b"""\
vrrp_instance v {
    interface eth0
    virtual_router_id 1
    priority ${node.priority}
    authentication {
        auth_type PASS
        auth_pass ${secret.vrrp}
    }
}
"""


def cluster(root: Path, keepalived: bytes = b"", haproxy: bytes = b"", more: str = "") -> Cluster:
    text = CLUSTER
    for name, key, data in (("k.conf", "keepalived", keepalived), ("h.cfg", "haproxy", haproxy)):
        if data:
            (root / name).write_bytes(data)
            text += f"{key}: {{file: {name}}}\n" if f"{key}:" not in more else ""
    (root / "cluster.yaml").write_text(text + more)
    return load(root / "cluster.yaml")


def file(of: Cluster, daemon: str, node: str = "lb1") -> ManagedFile:
    found = of.node(node).file_of(daemon)
    assert found
    return found


EXACT = {
    "no-newline": b"global\n    daemon",
    "crlf": b"global\r\n    daemon\r\n",
    "latin-1": b"global\n    # caf\xe9\n",
    "blank-end": b"global\n\n \n\n",
    "tabs": b"global\n\tdaemon \t\n",
    "daemons-own": b'frontend f\n    bind "${ADDRESS}:80"\n',
    "escaped": b"global\n    # $${node.name} $$${node.name}\n    description $${vip.x}\n",
}


@pytest.mark.parametrize("name", EXACT)
def test_to_the_byte(tmp_path: Path, name: str) -> None:
    data = EXACT[name]
    found = file(cluster(tmp_path, haproxy=data), "haproxy")
    assert found.content.data == data.replace(b"$${", b"${")


@given(st.text(st.sampled_from("$${}.anode secret\t#"), max_size=40))
def test_what_is_escaped_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    data = f"    description x{escaped(text)}\n".encode()
    found = cluster(tmp_path_factory.mktemp("escaped"), haproxy=b"global\n" + data)
    assert file(found, "haproxy").content.data == f"global\n    description x{text}\n".encode()


def test_a_nodes_own_variables(tmp_path: Path) -> None:
    found = cluster(tmp_path, haproxy=b"global\n    # ${node.router_id} in ${node.zone}, ${node.else}\n")
    assert file(found, "haproxy").content.data == b"global\n    # LVS_1 in 1, ${node.else}\n"
    assert file(found, "haproxy", "lb2").content.data == b"global\n    # LVS_2 in , ${node.else}\n"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("priority: 1", "${node.priority} is lbctl's own"),
        ("a.b: 1", "'a.b' is not the name of a variable"),
        ("a: [1]", "a list is not a value of a variable"),
        ('a: "x\\ny"', "holds a newline or a control character"),
    ],
)
def test_variables_that_cannot_be(tmp_path: Path, written: str, said: str) -> None:
    text = CLUSTER.replace("zone: 1", written)
    (tmp_path / "cluster.yaml").write_text(text)
    with pytest.raises(InputError) as raised:
        load(tmp_path / "cluster.yaml")
    assert said in str(raised.value)


def test_a_variable_that_a_node_lacks(tmp_path: Path) -> None:
    (tmp_path / "h.cfg").write_text("global\n    description ${node.zone}\n")
    text = CLUSTER.replace(', zone: ""', "") + "haproxy: {file: h.cfg}\n"
    (tmp_path / "cluster.yaml").write_text(text)
    with pytest.raises(InputError) as raised:
        load(tmp_path / "cluster.yaml")
    assert "h.cfg:2: ${node.zone} stands for nothing" in str(raised.value)


class TestAttributes:
    def test_as_they_are_written(self, tmp_path: Path) -> None:
        more = (
            'keepalived: {file: k.conf, mode: "0640"}\n'
            'haproxy: {file: h.cfg, mode: "0640", owner: haproxy, group: adm}\n'
        )
        found = cluster(tmp_path, b"global_defs {\n}\n", b"global\n", more)
        one, two = file(found, "haproxy"), file(found, "keepalived")
        assert (one.mode, one.owner, one.group) == ("0640", "haproxy", "adm")
        assert (two.mode, two.owner, two.group) == ("0640", "root", "root")

    def test_in_the_short_forms_too(self, tmp_path: Path) -> None:
        more = 'keepalived: {mode: "0640", global_defs: {router_id: x}}\n'
        more += 'haproxy: {mode: "0640", config: global}\n'
        found = cluster(tmp_path, more=more)
        assert [file(found, daemon).mode for daemon in ("haproxy", "keepalived")] == ["0640", "0640"]
        assert b"mode" not in file(found, "keepalived").content.data

    @pytest.mark.parametrize("daemon", ["haproxy", "keepalived"])
    def test_what_is_no_mode_is_refused(self, tmp_path: Path, daemon: str) -> None:
        with pytest.raises(InputError) as raised:
            cluster(tmp_path, b"global_defs {\n}\n", b"global\n", f"{daemon}: {{file: h.cfg, mode: 640}}\n")
        assert f"{daemon}.mode: a mode is a string" in str(raised.value)


def test_what_the_daemon_may_run_with_is_a_warning(tmp_path: Path) -> None:
    """What a daemon does refuse is refused on the nodes, before any of them is touched."""
    block = b"vrrp_instance v {\n interface eth0\n virtual_router_id 1\n priority 300\n}\n"
    found = cluster(tmp_path, block + block, b"backend b\n server a :1\n server a :2")
    codes = {problem.code for problem in found.problems}
    assert {"bad-number", "duplicate-section", "duplicate-server", "missing-lf"} <= codes
    assert {problem.level for problem in found.problems} == {"warning", "unsafe"}
    assert {p.place.file for p in found.problems if p.place and p.code == "missing-lf"} == {
        str(tmp_path / "h.cfg")
    }


class TestSecretsAsTheyAre:
    def test_is_put_in_as_it_is_and_warned_of(self, tmp_path: Path) -> None:
        (tmp_path / "word").write_text("much#too!long\n")
        more = "secrets: {vrrp: {file: word, as_is: true}}\n"
        found = cluster(tmp_path, VRRP, more=more)
        content = file(found, "keepalived").content
        assert b"auth_pass much#too!long\n" in content.data and b"much" not in content.shown
        said = [problem for problem in found.problems if problem.code == "secret-word"]
        assert [problem.level for problem in said] == ["warning"]
        assert "much" not in str(said)

    def test_otherwise_it_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "word").write_text("much#too!long\n")
        with pytest.raises(InputError):
            cluster(tmp_path, VRRP, more="secrets: {vrrp: {file: word}}\n")

    def test_a_newline_never_passes(self, tmp_path: Path) -> None:
        (tmp_path / "word").write_text("a\nb\n")
        with pytest.raises(InputError) as raised:
            cluster(tmp_path, VRRP, more="secrets: {vrrp: {file: word, as_is: true}}\n")
        assert "holds a newline" in str(raised.value)

    def test_nothing_is_escaped(self, tmp_path: Path) -> None:
        (tmp_path / "word").write_text("a:b\\ c\n")
        more = "secrets: {s: {file: word, as_is: true}}\n"
        found = cluster(tmp_path, haproxy=b"listen l\n    stats auth ${secret.s}\n", more=more)
        assert file(found, "haproxy").content.data == b"listen l\n    stats auth a:b\\ c\n"


def test_a_secret_in_a_comment_is_one_too(tmp_path: Path) -> None:
    """What was commented out is often last year's, and often still in use. A name that nobody knows stays."""
    (tmp_path / "word").write_text("topsecr8\n")
    more = "secrets: {vrrp: {file: word}}\n"
    text = b"global_defs {\n}\n# auth_pass ${secret.vrrp}\n# write it as ${secret.other}\n"
    content = file(cluster(tmp_path, text, more=more), "keepalived").content
    assert b"# auth_pass topsecr8\n# write it as ${secret.other}\n" in content.data
    assert b"topsecr8" not in content.shown


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"stats auth ${secret.x}", b"stats auth ${secret.x}"),
        (b"stats auth admin:hidden # was ${secret.x}", b"stats auth *** # was ${secret.x}"),
        (b"stats auth ${secret.x} # stats auth admin:hidden", b"stats auth ${secret.x} # stats auth ***"),
    ],
)
def test_as_it_is_kept_no_secret_stands_in_clear(tmp_path: Path, line: bytes, kept: bytes) -> None:
    (tmp_path / "x").write_bytes(b"admin:word")
    more = "secrets: {x: {file: x}}\n"
    found = cluster(tmp_path, haproxy=b"listen a\n    %b\n" % line, more=more)
    assert found.sources["h.cfg"] == b"listen a\n    %b\n" % kept
