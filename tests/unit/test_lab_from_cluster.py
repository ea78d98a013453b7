"""A cluster file's lab: who is in it, with which addresses, ports and interfaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from lbctl.desired.load import load
from lbctl.lab.from_cluster import Options, from_cluster, slug
from lbctl.lab.network import endpoints
from lbctl.lab.spec import LabSpec, check

GUIDE = Path(__file__).parents[2] / "cluster.yaml"
TODAY = """
cluster: today
ssh: {user: ops, become: sudo}
additions: []
vips: {internal: 10.15.84.31/23, public: [203.0.113.10/24, "2001:db8::10/64"]}
nodes:
  lb1: {address: 10.15.85.32, priority: 102, ssh: 192.168.7.11}
  lb2: {address: 10.15.85.33, priority: 101, ssh: 192.168.7.12}
members:
  databases: {db1: 10.20.0.151, db2: {address: 10.20.0.152, backup: true}}
controllers: {c1: 10.15.85.141}
packages: [haproxy, keepalived]
keepalived:
  vrrp_instance:
    inside: {state: BACKUP, interface: bond0, virtual_router_id: 1, virtual_ipaddress: [10.15.84.31/23]}
    outside: {state: BACKUP, interface: eth1, virtual_router_id: 2, virtual_ipaddress: [203.0.113.10/24]}
haproxy:
  defaults: |
    mode http
  services:
    keystone: {port: 5000, bind: [internal]}
    mariadb: {port: 3306, bind: [internal], mode: tcp, members: databases, style: listen}
  config: |
    frontend apart
        bind 10.15.84.31:8443
        bind 10.15.84.31:8444 ssl crt /etc/x.pem
        bind 10.15.85.32:8445
        default_backend more
    listen stats
        bind :1984
        stats enable
    backend more
        server other 10.15.85.200:8080 check port 9200
        server local 127.0.0.1:9999
"""


@pytest.fixture
def today(tmp_path: Path) -> LabSpec:
    file = tmp_path / "cluster.yaml"
    file.write_text(TODAY)
    return from_cluster(load(file, secrets=False), Options())


def test_the_guides_cluster() -> None:
    spec = from_cluster(load(GUIDE, secrets=False), Options())
    check(spec)
    assert [(node.name, node.addresses, node.interface) for node in spec.nodes] == [
        ("lb1", ("10.15.85.32/24",), "eth0"),
        ("lb2", ("10.15.85.33/24",), "eth0"),
        ("lb3", ("10.15.85.34/24",), "eth0"),
    ]
    assert [controller.name for controller in spec.controllers] == [f"mesa-virt-0{n}" for n in (1, 2, 3)]
    assert {5000, 35357, 9191, 9292} <= set(spec.controllers[0].ports)
    assert spec.vips == ("10.15.85.31",)
    assert spec.prefix == "openstac" and spec.cluster == "openstack-api"
    assert {node.become for node in spec.nodes} == {"none"}
    assert "10.15.85.31:5000" in spec.targets


def test_no_address_is_given_twice(today: LabSpec) -> None:
    check(today)
    addresses = [address for end in endpoints(today) for link in end.links for address in link.addresses]
    addresses += [address for network in today.networks for address in network.operator]
    assert len(addresses) == len(set(addresses))
    assert not set(today.vips) & {address.split("/")[0] for address in addresses}


def test_interfaces_segments_and_logins(today: LabSpec) -> None:
    node = today.nodes[0]
    assert (node.interface, node.addresses) == ("bond0", ("10.15.85.32/23",))
    assert node.management and node.management.addresses == ("192.168.7.11/24",)
    assert [link.interface for link in node.more] == ["eth1"]
    assert (node.user, node.become, node.aliases) == ("ops", "sudo", ("192.168.7.11",))
    segments = {network.name: network for network in today.networks}
    assert segments["mgmt"].operator and not segments["eth1"].operator
    assert "10.20.0.0/24" in segments["vrrp"].reach and "203.0.113.0/24" in segments["eth1"].reach
    assert today.client and [link.interface for link in today.client.more] == ["eth1"]


def test_controllers_with_every_port_that_is_asked_for(today: LabSpec) -> None:
    assert {controller.name: controller.ports for controller in today.controllers} == {
        "c1": (5000,),
        "db1": (3306,),
        "db2": (3306,),
        "other": (8080, 9200),
    }


def test_load_goes_where_a_service_listens_at_the_first_vip(today: LabSpec) -> None:
    assert today.targets == ("10.15.84.31:3306", "10.15.84.31:5000", "10.15.84.31:8443")


def test_the_users_wishes_win(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(TODAY)
    options = Options("mine", True, "me", "sudo-password", "secret", "trixie", False, ("python3",))
    spec = from_cluster(load(file, secrets=False), options)
    check(spec)
    assert spec.prefix == "mine" and spec.suite == "trixie" and spec.extra_packages == ("python3",)
    assert spec.bastion and spec.bastion.links[0].network == "mgmt"
    assert {(node.user, node.become, node.password) for node in spec.nodes} == {
        ("me", "sudo-password", "secret")
    }
    assert "secret" not in repr(options) + repr(spec)


def test_a_slug_is_a_prefix() -> None:
    assert slug("OpenStack-API") == "openstac"
    assert slug("---") == "lab"
