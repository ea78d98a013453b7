"""The lab's nouns, its network as commands, its SSH files: all without root."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lbctl.errors import InputError, LabError
from lbctl.lab import (
    LabBastion,
    LabClient,
    LabController,
    LabLink,
    LabNetwork,
    LabNode,
    LabRouter,
    LabSpec,
    image,
    keys,
    network,
    registry,
    requirements,
)
from lbctl.lab.registry import Paths
from lbctl.lab.spec import check, from_json, to_json

NODE = LabNode("lb1", ("10.0.0.2/24", "fd00::2/64"))
SPEC = LabSpec(
    "small",
    (NODE, LabNode("lb2", ("10.0.0.3/24",), management=LabLink("mgmt", "mgmt0", ("192.168.0.3/24",)))),
    cluster="small one",
    controllers=(LabController("c1", ("10.0.0.9/24",), (80, 81)),),
    client=LabClient(("172.16.0.2/24",), router=LabRouter(("10.0.0.1/24",), ("172.16.0.1/24",))),
    networks=(LabNetwork("vrrp", ("10.0.0.254/24",)), LabNetwork("mgmt", ("192.168.0.254/24",))),
    bastion=LabBastion("192.0.2.1/24", "192.0.2.2/24", (LabLink("mgmt", "in0", ("192.168.0.1/24",)),)),
    vips=("10.0.0.100", "203.0.113.1"),
)


def test_a_spec_survives_json() -> None:
    assert from_json(json.loads(json.dumps(to_json(SPEC)))) == SPEC
    plain = replace(SPEC, client=None, bastion=None)
    assert from_json(json.loads(json.dumps(to_json(plain)))) == plain


def test_a_good_spec_has_no_problem() -> None:
    check(SPEC)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prefix": "a-b"}, "prefix"),
        ({"prefix": "ninechars"}, "prefix"),
        ({"nodes": ()}, "no node"),
        ({"nodes": (NODE, NODE)}, "names 2 things"),
        ({"nodes": (replace(NODE, name="client"),)}, "cannot be the name"),
        ({"nodes": (replace(NODE, name="-x"),)}, "cannot be the name"),
        ({"nodes": (replace(NODE, interface="lo"),)}, "interface"),
        ({"nodes": (replace(NODE, interface="a" * 16),)}, "interface"),
        ({"nodes": (replace(NODE, addresses=("10.0.0.2",)),)}, "prefix length"),
        ({"nodes": (replace(NODE, addresses=()),)}, "no address"),
        ({"nodes": (replace(NODE, network="other"),)}, "no network 'other'"),
        ({"nodes": (replace(NODE, become="su"),)}, "become"),
        ({"nodes": (replace(NODE, become="sudo-password"),)}, "needs a password"),
        ({"nodes": (replace(NODE, user="Root!"),)}, "user name"),
        ({"vips": ("x",)}, "no address"),
        ({"networks": (*SPEC.networks, LabNetwork("much-too-long-name"))}, "name of a network"),
    ],
)
def test_what_cannot_be_built_is_told(change: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        check(replace(SPEC, **change))  # type: ignore[arg-type]  # wrong on purpose


def test_routes_to_everything_on_the_segment_and_back_through_the_router() -> None:
    spec = replace(SPEC, networks=(LabNetwork("vrrp", (), ("10.0.0.0/24", "10.9.0.0/16")), SPEC.networks[1]))
    routes = {endpoint.name: endpoint.routes for endpoint in network.endpoints(spec)}
    assert routes["lb1"] == ("10.9.0.0/16 dev eth0", "203.0.113.1/32 dev eth0", "default via 10.0.0.1")
    assert routes["client"] == ("default via 172.16.0.1",)
    assert routes["router"] == ("10.9.0.0/16 dev eth0", "203.0.113.1/32 dev eth0")
    assert routes["bastion"] == ("default via 10.0.0.1",)


def test_behind_a_bastion_the_operator_has_one_end_only() -> None:
    ends = {segment.name: segment.operator for segment in network.networks(SPEC)}
    assert ends == {"vrrp": (), "mgmt": (), "inner": (), "outside": ("192.0.2.2/24",)}


def test_interface_names_fit_and_addresses_decide_the_mac() -> None:
    lines = [
        line for place, end in enumerate(network.endpoints(SPEC)) for line in network.plug(end, place, "ns")
    ]
    added = [line.split() for line in lines if line.startswith("link add")]
    names = [words[2] for words in added]
    assert len(names) == len(set(names))
    assert max(map(len, names)) <= 15
    assert network.mac_of("10.0.0.2/24") == network.mac_of("10.0.0.2") != network.mac_of("10.0.0.3")
    assert network.mac_of("fd00::2").startswith("02:")


def test_ssh_config_and_known_hosts() -> None:
    spec = replace(SPEC, nodes=(replace(NODE, ssh_port=2222, aliases=("lb1.example",)), SPEC.nodes[1]))
    config = keys.ssh_config(spec, Paths("small"))
    assert (
        "Host lb1 lb1.example\n    HostName 10.0.0.2\n    Port 2222\n    User root\n    ProxyJump bastion"
        in config
    )
    assert "HostName 192.168.0.3" in config
    public = {name: f"ssh-ed25519 {name}" for name in ("lb1", "lb2", "bastion")}
    assert keys.known_hosts(spec, public).splitlines() == [
        "[10.0.0.2]:2222 ssh-ed25519 lb1",
        "192.168.0.3 ssh-ed25519 lb2",
        "192.0.2.1 ssh-ed25519 bastion",
    ]
    six = replace(SPEC, nodes=(LabNode("lb1", ("fd00::2/64",)),), bastion=None)
    assert "socat - TCP6:[%h]:%p" in keys.ssh_config(six, Paths("small"))


def test_the_registry_finds_by_cluster_then_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "RUN", tmp_path)
    for prefix, cluster in (("aaa", "bbb"), ("bbb", "ccc")):
        (tmp_path / prefix).mkdir()
        (tmp_path / prefix / "lab.json").write_text(json.dumps({"cluster": cluster}))
    (tmp_path / "half").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "lab.json").write_text("{")
    by_cluster, by_prefix = registry.find("bbb"), registry.find("aaa")
    assert by_cluster and by_cluster.prefix == "aaa"
    assert by_prefix and by_prefix.ssh_config == tmp_path / "aaa" / "ssh_config"
    assert registry.find("half") is None
    assert [lab.prefix for lab in registry.found()] == ["aaa", "bbb"]


def test_what_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LabError) as caught:
        requirements.check()
    assert "needs root" in caught.value.detail and "debootstrap" in caught.value.detail
    assert caught.value.mend.startswith("apt-get install ")
    assert "systemd-container" in caught.value.mend and "socat" in caught.value.mend


def test_an_image_is_known_by_what_is_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual = image.Recipe()
    assert usual.key.startswith("bookworm-")
    others = [image.Recipe("trixie"), image.Recipe(bare_tools=False), image.Recipe(extra=("python3",))]
    assert len({usual.key, *(other.key for other in others)}) == 4
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "lbctl/images" / usual.key).mkdir(parents=True)
    assert image.ensure(usual, pytest.fail) == tmp_path / "lbctl/images" / usual.key
