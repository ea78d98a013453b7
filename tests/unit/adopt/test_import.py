"""What import makes of nodes that were read: the workspace, what it says it took, left and found."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from lbctl.adopt.adopt import obstacle
from lbctl.adopt.live import Live
from lbctl.adopt.references import Named
from lbctl.desired import load
from lbctl.errors import InputError, RefusedError, UsageError
from lbctl.model.adoption import Adoption
from lbctl.model.cluster import HAPROXY_CFG, KEEPALIVED_CONF
from tests.unit.adopt.nodes import file, imported, node, text

PROXY = b"""\
global
    crt-base /etc/haproxy/certs
    stats socket /run/haproxy/admin.sock level admin
defaults
    errorfile 503 /etc/haproxy/errors/503.http
frontend f
    bind :443 ssl crt api.pem crt /etc/letsencrypt/live/x/full.pem
    use_backend %[req.hdr(host),map_dom(/etc/haproxy/hosts.map,b)]
    option httpchk GET /healthz
backend b
    server one 10.0.0.1:80
"""
VRRP = b"""\
vrrp_script check {
    script "/etc/keepalived/check.sh all"
}
vrrp_instance v {
    interface eth0
    virtual_router_id 1
    priority 100
    notify /usr/local/bin/tell
    virtual_ipaddress {
        192.0.2.10
    }
}
"""
KEY = b"-----BEGIN PRIVATE KEY-----\n"


def two(first: Live) -> tuple[Live, Live]:
    """The node, and another one like it with a lower priority."""
    other = node(
        2,
        first.files[HAPROXY_CFG].data,
        first.files[KEEPALIVED_CONF].data.replace(b"priority 100", b"priority 99"),
        more=tuple(one for path, one in first.files.items() if path not in (HAPROXY_CFG, KEEPALIVED_CONF)),
    )
    return first, other


def left(adoption: Adoption) -> dict[str, str]:
    return {thing.name: thing.text for thing in adoption.left}


class TestOtherFiles:
    MORE = (
        file("/etc/haproxy/certs/api.pem", KEY, "0640", "root", "haproxy"),
        file("/etc/haproxy/errors/503.http", b"HTTP/1.0 503 no\r\n\r\n"),
        file("/etc/haproxy/hosts.map", b"a b\n"),
        file("/etc/keepalived/check.sh", b"#!/bin/sh\n", "0755"),
        file("/usr/local/bin/tell", b"#!/bin/sh\n", "0700"),
    )

    def test_are_taken_with_their_mode_and_what_a_change_needs(self, tmp_path: Path) -> None:
        imported(tmp_path, *two(node(1, PROXY, VRRP, more=self.MORE)))
        said = text(tmp_path)
        for line in (
            'secret: {file: secrets/etc_haproxy_certs_api.pem} mode: "0640" group: haproxy',
            "/etc/haproxy/hosts.map: {from: files/etc/haproxy/hosts.map, after: reload haproxy}",
            '/etc/keepalived/check.sh: {from: files/etc/keepalived/check.sh, mode: "0755"}',
        ):
            assert " ".join(line.split()) in " ".join(said.split()), said
        key = tmp_path / "secrets" / "etc_haproxy_certs_api.pem"
        assert key.read_bytes() == KEY and stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700

    def test_what_nobody_else_may_read_is_a_secret(self, tmp_path: Path) -> None:
        imported(tmp_path, *two(node(1, PROXY, VRRP, more=self.MORE)))
        assert "/usr/local/bin/tell:" in text(tmp_path)
        assert (tmp_path / "secrets" / "usr_local_bin_tell").exists()

    def test_a_piece_of_any_name_with_a_secret_is_one(self, tmp_path: Path) -> None:
        """What include reads need not end in .conf."""
        piece = file("/etc/keepalived/vrrp.d/auth", b"    auth_pass hidden12\n")
        first, second = two(node(1, PROXY, VRRP, more=(*self.MORE, piece)))
        pieces = (Named(piece.path, "keepalived", script=False),)
        imported(tmp_path, *(replace(one, pieces=pieces) for one in (first, second)))
        assert "secret: {file: secrets/etc_keepalived_vrrp.d_auth}" in text(tmp_path)
        assert [path.parent.name for path in tmp_path.rglob("*auth")] == ["secrets"]

    def test_each_that_is_left_has_its_reason(self, tmp_path: Path) -> None:
        first, second = two(node(1, PROXY, VRRP, more=self.MORE))
        link, folder = "/etc/letsencrypt/live/x/full.pem", "/etc/haproxy/hosts.map"
        kinds = {link: "link", folder: "folder"}
        found = imported(tmp_path, *(replace(o, kinds={**o.kinds, **kinds}) for o in (first, second)))
        assert left(found) == {link: "a symbolic link: lbctl writes through none", folder: "a folder"}

    def test_what_its_package_brought_stays_the_packages(self, tmp_path: Path) -> None:
        import hashlib

        path, data = "/etc/haproxy/errors/503.http", self.MORE[1].data
        sums = {path: hashlib.md5(data, usedforsecurity=False).hexdigest()}
        first, second = two(node(1, PROXY, VRRP, more=self.MORE))
        found = imported(tmp_path, *(replace(one, conffiles=sums) for one in (first, second)))
        assert left(found) == {path: "as its package brought it"}
        assert path not in text(tmp_path)

    def test_that_differ_are_the_nodes_own(self, tmp_path: Path) -> None:
        first, second = two(node(1, PROXY, VRRP, more=self.MORE))
        other = file("/etc/haproxy/hosts.map", b"a c\n")
        second = replace(second, files={**second.files, other.path: other})
        imported(tmp_path, first, second)
        assert (tmp_path / "lb2/files/etc/haproxy/hosts.map").read_bytes() == b"a c\n"

    def test_none_is_taken_without(self, tmp_path: Path) -> None:
        found = imported(tmp_path, *two(node(1, PROXY, VRRP, more=self.MORE)), files=False)
        assert set(left(found).values()) == {"--no-files"}
        assert "files:" not in text(tmp_path)


class TestWorkspace:
    def test_nothing_is_written_over(self, tmp_path: Path) -> None:
        (tmp_path / "haproxy.cfg").write_text("mine")
        with pytest.raises(UsageError) as raised:
            imported(tmp_path, node(1, PROXY, VRRP))
        assert "haproxy.cfg is there already" in str(raised.value)
        assert [path.name for path in tmp_path.iterdir()] == ["haproxy.cfg"]

    def test_secrets_are_ignored_by_git(self, tmp_path: Path) -> None:
        imported(tmp_path / "new", node(1, PROXY, VRRP))
        assert "/secrets/" in text(tmp_path / "new", ".gitignore")
        (tmp_path / ".gitignore").write_text("mine\n")
        imported(tmp_path, node(1, PROXY, VRRP))
        assert text(tmp_path, "secrets/.gitignore") == "*\n" and text(tmp_path, ".gitignore") == "mine\n"

    def test_nothing_is_left_behind_when_it_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RefusedError) as raised:
            imported(tmp_path, node(1, PROXY, VRRP), head={"cluster": "no name"})
        assert "no name" in str(raised.value) and str(tmp_path) not in str(raised.value)
        assert list(tmp_path.iterdir()) == []

    def test_a_vip_is_no_address_of_a_node_also_where_adverts_are_sent_from_it(self, tmp_path: Path) -> None:
        vrrp = VRRP.replace(b"interface eth0", b"interface eth0\n    unicast_src_ip 192.0.2.10")
        imported(tmp_path, node(1, PROXY, vrrp))
        assert "lb1: {address: 192.0.2.1}" in text(tmp_path)

    def test_no_secret_is_anywhere_else(self, tmp_path: Path) -> None:
        vrrp = VRRP.replace(
            b"    priority",
            b"    authentication {\n        auth_pass hidden#1\n    }\n    # auth_pass hidden2\n    priority",
        )
        proxy = PROXY + b"listen s\n    stats auth me:hidden3\n"
        found = imported(tmp_path, *two(node(1, proxy, vrrp)))
        for path in tmp_path.rglob("*"):
            if path.is_file() and path.parent.name != "secrets":
                assert b"hidden" not in path.read_bytes(), path
        assert "hidden" not in repr(found) + str(found)
        assert "as_is: true" in text(tmp_path)

    def test_it_is_private_and_whole(self, tmp_path: Path) -> None:
        imported(tmp_path, *two(node(1, PROXY, VRRP)))
        cluster = load(tmp_path / "cluster.yaml")
        assert [one.name for one in cluster.nodes] == ["lb1", "lb2"]
        assert cluster.additions == ()
        assert (tmp_path / "plans").is_dir() and (tmp_path / "state").is_dir()


class TestNodes:
    def test_services_packages_and_sysctls_as_they_are(self, tmp_path: Path) -> None:
        first, second = two(node(1, PROXY, VRRP))
        second = replace(
            second,
            services={"haproxy": (True, True), "keepalived": (False, False)},
            packages=second.packages | {"socat"},
            sysctls={"net.ipv4.ip_nonlocal_bind": ("1", None)},
        )
        found = imported(tmp_path, first, second)
        one, two_ = load(tmp_path / "cluster.yaml").nodes
        assert {(s.name, s.enabled, s.active) for s in one.services} == {
            ("haproxy", True, True),
            ("keepalived", True, True),
        }
        assert ("keepalived", False, False) in {(s.name, s.enabled, s.active) for s in two_.services}
        assert [[p.name for p in n.packages] for n in (one, two_)] == [
            ["haproxy", "keepalived"],
            ["haproxy", "keepalived", "socat"],
        ]
        assert [[s.key for s in n.sysctls] for n in (one, two_)] == [["net.ipv4.ip_nonlocal_bind"], []]
        assert left(found)["sysctl net.ipv4.ip_nonlocal_bind"] == "it is 1, and the next boot sets nothing"

    def test_modes_and_owners_where_they_differ(self, tmp_path: Path) -> None:
        first, second = two(node(1, PROXY, VRRP))
        odd = file(HAPROXY_CFG, PROXY, "0640", "root", "haproxy")
        imported(tmp_path, first, replace(second, files={**second.files, HAPROXY_CFG: odd}))
        said = text(tmp_path)
        assert 'haproxy: {mode: "0640", group: haproxy}' in said and "haproxy: {file: haproxy.cfg}" in said

    def test_names_that_were_given(self, tmp_path: Path) -> None:
        imported(tmp_path, *two(node(1, PROXY, VRRP)), names={"lb1": "north"})
        one, _ = load(tmp_path / "cluster.yaml").nodes
        assert (one.name, one.ssh.host) == ("north", "lb1")

    def test_a_cluster_that_lbctl_knows_keeps_its_name(self, tmp_path: Path) -> None:
        first, second = (replace(one, cluster="known") for one in two(node(1, PROXY, VRRP)))
        imported(tmp_path, first, second)
        assert load(tmp_path / "cluster.yaml").name == "known"

    def test_two_of_one_name_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as raised:
            imported(tmp_path, *two(node(1, PROXY, VRRP)), names={"lb1": "lb2"})
        assert "lb1: another host is lb2 too" in str(raised.value)

    def test_the_address_is_the_nodes_own(self, tmp_path: Path) -> None:
        """Neither the VIP that it holds, nor one of another interface or family."""
        from ipaddress import ip_interface

        first = node(1, PROXY, VRRP)
        addresses = ("eth1", "10.9.9.9/24"), ("eth0", "192.0.2.10/32"), ("eth0", "fe80::1/64")
        more = tuple((name, ip_interface(one)) for name, one in addresses)
        imported(tmp_path, replace(first, addresses=(*more, *first.addresses)))
        assert load(tmp_path / "cluster.yaml").nodes[0].address == "192.0.2.1"

    def test_files_in_whole_lines_apart(self, tmp_path: Path) -> None:
        first, second = two(node(1, PROXY, VRRP))
        proxy = file(HAPROXY_CFG, PROXY + b"# one more\n")
        found = imported(tmp_path, first, replace(second, files={**second.files, HAPROXY_CFG: proxy}))
        assert text(tmp_path, "lb2/haproxy.cfg").endswith("# one more\n")
        assert "lb2: a file for each node" in "; ".join(f"{t.nodes[-1]}: {t.text}" for t in found.taken)
        assert {t.name: t.text for t in found.differs} == {"${node.priority}": "lb1: 100, lb2: 99"}


class TestHands:
    def test_are_named_with_what_gave_them_away(self, tmp_path: Path) -> None:
        proxy = b"# Ansible managed\n" + PROXY
        nodes = (node(n, proxy, VRRP, hands="/etc/puppetlabs\npuppet.service\n") for n in (1,))
        found = imported(tmp_path, *nodes)
        assert {thing.name for thing in found.hands} == {"puppet", "ansible"}
        assert "/etc/puppetlabs, puppet.service: " in next(t.text for t in found.hands if t.name == "puppet")
        assert f"{HAPROXY_CFG} says so: " in next(t.text for t in found.hands if t.name == "ansible")


class TestObstacles:
    def test_a_container_is_kollas(self) -> None:
        live = replace(node(1, PROXY, VRRP, hands="/etc/kolla\n"), files={})
        assert obstacle(live).startswith("kolla runs it in a container")

    def test_another_main_file(self) -> None:
        live = replace(
            node(1, PROXY, VRRP), reads={"haproxy": ("/srv/h.cfg",), "keepalived": (KEEPALIVED_CONF,)}
        )
        assert obstacle(live) == f"haproxy reads /srv/h.cfg, and lbctl writes {HAPROXY_CFG}"

    def test_a_link(self) -> None:
        live = replace(node(1, PROXY, VRRP), unreadable={HAPROXY_CFG: "it is a symbolic link"})
        assert obstacle(live) == f"{HAPROXY_CFG}: it is a symbolic link"

    def test_nothing_there(self) -> None:
        assert obstacle(replace(node(1, PROXY, VRRP), files={})).startswith("there is neither")

    def test_none(self) -> None:
        assert obstacle(node(1, PROXY, VRRP)) == ""
