"""Clusters in the manner of other tools (tests/cases/live): a reference exactly where their nodes differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from lbctl.adopt.live import DAEMONS, Live
from lbctl.model.adoption import Adoption
from lbctl.model.cluster import MAIN_FILES
from tests.unit.adopt.nodes import file, imported, node, text

CASES = Path(__file__).parents[2] / "cases" / "live"
NODE = "${node."
DIFFERS = {
    "kolla": {"priority"},
    "openstack-ansible": {"state", "priority"},
    "tripleo": {"priority.51", "priority.52"},
    "conf-d": {"priority"},
    "unicast": {"router_id", "state", "priority"},
    "dual-stack": {"priority"},
}


def nodes(name: str) -> list[Live]:
    made = []
    for number, folder in enumerate(sorted((CASES / name).glob("lb*")), 1):
        roots = (CASES / name / "all", folder)
        files = {f"/{p.relative_to(r)}": p for r in roots for p in r.rglob("*") if p.is_file()}
        proxy, vrrp = (files.pop(MAIN_FILES[daemon]).read_bytes() for daemon in DAEMONS)
        more = tuple(file(path, p.read_bytes()) for path, p in files.items())
        made.append(node(number, proxy, vrrp, address=f"10.86.0.1{number}/24", more=more))
    return made


def made(root: Path, name: str) -> Adoption:
    return imported(root, *nodes(name))


@pytest.mark.parametrize("name", DIFFERS)
def test_what_differs_and_nothing_else(tmp_path: Path, name: str) -> None:
    found = made(tmp_path, name)
    assert {one.name for one in found.differs} == {f"{NODE}{key}}}" for key in DIFFERS[name]}
    assert {"haproxy.cfg", "keepalived.conf", "cluster.yaml"} <= {one.path for one in found.files}


USED = {
    "kolla": ("haproxy.cfg", "bind ${node.address}:1984"),
    "openstack-ansible": ("keepalived.conf", "router_id ${node.name}"),
    "tripleo": ("keepalived.conf", "notification_email_from keepalived@${node.name}"),
    "unicast": ("keepalived.conf", "    unicast_peer {\n        ${node.peers}\n    }\n"),
}


@pytest.mark.parametrize("name", USED)
def test_what_lbctl_knows_of_a_node_has_its_name(tmp_path: Path, name: str) -> None:
    made(tmp_path, name)
    path, words = USED[name]
    assert words in text(tmp_path, path)


def test_secrets_are_put_in_as_they_are_where_a_daemon_would_cut_or_read_them_otherwise(
    tmp_path: Path,
) -> None:
    found = made(tmp_path / "kolla", "kolla")
    assert "auth_pass: {file: secrets/auth_pass, as_is: true}" in text(tmp_path / "kolla")
    assert text(tmp_path / "kolla", "secrets/stats_auth") == "openstack:Oo7ahN1eeCh4Ahqu\n"
    assert [problem.level for problem in found.problems] == ["warning"] * len(found.problems)
    made(tmp_path / "unicast", "unicast")
    assert text(tmp_path / "unicast", "secrets/user_insecure_password") == "pa ss#w\\$rd\n"


@pytest.mark.parametrize("name", DIFFERS)
def test_the_cluster_file_is_as_a_person_would_write_it(tmp_path: Path, name: str) -> None:
    made(tmp_path, name)
    lines = text(tmp_path).splitlines()
    assert all(len(line) <= 110 for line in lines)
    assert lines[1:4] == [
        "cluster: taken",
        "# What lbctl adds of its own, one by one: stats-socket, drain, server-state, idle-close",
        "additions: []",
    ]
