"""What the views read from a keepalived.conf, and the priority that follows from it."""

from __future__ import annotations

import pytest

from lbctl import keepalived
from lbctl.keepalived.election import effective_priority
from lbctl.keepalived.views import (
    Instance,
    Track,
    Vip,
    instances,
    peer_view,
    scripts,
    sync_groups,
    track_files,
)

CONF = b"""global_defs {
    router_id lb1
    vrrp_version 3
}
$NET=10.0.0
vrrp_script c {
    script "killall -0 haproxy"
    interval 2
    weight 10
    fall 3
}
track_file drain {
    file /var/lib/lbctl/drain
    weight 1
}
vrrp_sync_group G {
    group {
        W
    }
}
vrrp_instance V {
    state BACKUP
    interface eth0
    virtual_router_id 47
@lb1 priority 102
@^lb1 priority 100
    advert_int 0.5
    nopreempt
    virtual_ipaddress {
        ${NET}.31/24 dev eth1
        10.0.0.32
    }
    virtual_ipaddress_excluded {
        2001:db8::10
    }
    unicast_src_ip 10.0.0.1
    unicast_peer {
        10.0.0.3
        10.0.0.2
    }
    authentication {
        auth_type PASS
        auth_pass s3cret
    }
    track_script {
        c weight 20
    }
    track_file {
        drain
    }
}
vrrp_instance W {
    state MASTER
    virtual_router_id 48
}
"""


def test_instances() -> None:
    first, second = instances(keepalived.parse(CONF), "lb1")
    assert first == Instance(
        name="V",
        state="BACKUP",
        interface="eth0",
        virtual_router_id=47,
        priority=102,
        advert_int=0.5,
        nopreempt=True,
        vips=(
            Vip("10.0.0.31", 24, "eth1", line=30),
            Vip("10.0.0.32", 32, line=31),
            Vip("2001:db8::10", 128, excluded=True, line=34),
        ),
        peers=("10.0.0.3", "10.0.0.2"),
        unicast_source="10.0.0.1",
        scripts=(Track("c", 20),),
        files=(Track("drain"),),
        authenticated=False,  # version 3 has none
        sync_group="",
        line=21,
        last=51,
        version=3,
    )
    assert (second.priority, second.sync_group, second.advert_int) == (255, "G", 1.0)


def test_lines_for_other_nodes_do_not_count() -> None:
    assert instances(keepalived.parse(CONF), "lb2")[0].priority == 100


def test_scripts_and_files() -> None:
    (script,) = scripts(keepalived.parse(CONF))
    assert (script.name, script.command, script.interval, script.weight) == (
        "c",
        "killall -0 haproxy",
        2.0,
        10,
    )
    assert (script.rise, script.fall) == (1, 3)
    (file,) = track_files(keepalived.parse(CONF))
    assert (file.name, file.path, file.weight) == ("drain", "/var/lib/lbctl/drain", 1)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (b"virtual_router_id 47", b"virtual_router_id 46", False),
        (b"advert_int 0.5", b"advert_int 1", False),
        (b"auth_pass s3cret", b"auth_pass other", False),
        (b"        10.0.0.32\n", b"        10.0.0.32\n        10.0.0.33\n", False),
        (b"        10.0.0.2\n", b"", False),
        (b"vrrp_version 3", b"vrrp_version 2", False),
        (b"$NET=10.0.0", b"$NET=10.0.9", False),
        (b"        10.0.0.3\n        10.0.0.2\n", b"        10.0.0.2\n        10.0.0.3\n", True),
        (b"10.0.0.32\n", b"10.0.0.32/32 label x\n", True),
        (b"priority 102", b"priority 103", True),
        (b"        2001:db8::10\n", b"        2001:db8::11\n", True),
        (b"interface eth0", b"interface eth1", False),
        (b"weight 10", b"weight 20", True),
        (b"router_id lb1", b"router_id lb2", True),
    ],
)
def test_what_peers_compare(old: bytes, new: bytes, same: bool) -> None:
    assert old in CONF
    before, after = (peer_view(keepalived.parse(text), "lb1") for text in (CONF, CONF.replace(old, new)))
    assert (before == after) == same
    assert "s3cret" not in repr(before)


@pytest.mark.parametrize(
    ("alive", "drain", "expected"),
    [(True, 0, 122), (False, 0, 102), (True, -253, 1), (True, -100, 22), (True, 500, 254), (True, -254, 0)],
)
def test_effective_priority(alive: bool, drain: int, expected: int) -> None:
    document = keepalived.parse(CONF)
    found = effective_priority(
        instances(document, "lb1")[0],
        scripts(document),
        track_files(document),
        succeeding={"c": alive},
        contents={"drain": drain},
    )
    assert found == expected


@pytest.mark.parametrize(
    ("track", "good", "expected"),
    [
        (Track("s", 10), True, 110),
        (Track("s", 10), False, 100),
        (Track("s", -10), True, 100),
        (Track("s", -10), False, 90),
        (Track("s", 0), True, 100),
        (Track("s", 0), False, 0),
        (Track("s", 10, reverse=True), True, 90),
        (Track("s", 10, reverse=True), False, 100),
        (Track("s", -10, reverse=True), True, 100),
        (Track("s", -10, reverse=True), False, 110),
        (Track("s", 0, reverse=True), True, 0),
        (Track("s"), False, 0),
    ],
)
def test_script_weights(track: Track, good: bool, expected: int) -> None:
    instance = Instance("V", "BACKUP", "", 1, 100, 1.0, False, (), (), "", (track,), (), False, "", 1, 1)
    assert effective_priority(instance, succeeding={"s": good}) == expected


def test_an_address_owner_ignores_weights() -> None:
    files = (Track("d", 1), Track("e", 0))
    instance = Instance("V", "MASTER", "", 1, 255, 1.0, False, (), (), "", (), files, False, "", 1, 1)
    assert effective_priority(instance, contents={"d": 0}) == 255
    assert effective_priority(instance, contents={"d": -200}) == 0  # its weight of 1 is taken for none
    assert effective_priority(instance, contents={"e": 1}) == 0


@pytest.mark.parametrize(
    ("written", "state", "virtual_router_id", "priority"),
    [
        ("state backup\nvirtual_router_id 0\npriority 300", "BACKUP", 0, 100),
        ("state MASTER\nvirtual_router_id 256\npriority -1", "MASTER", 0, 100),
        ("state BACKUP\nvirtual_router_id 255\npriority 255", "BACKUP", 255, 255),
        ("state BACKUP\nvirtual_router_id 1x\npriority 10.5", "BACKUP", 0, 100),
    ],
)
def test_what_the_daemon_refuses_is_as_if_it_were_not_there(
    written: str, state: str, virtual_router_id: int, priority: int
) -> None:
    (one,) = instances(keepalived.parse(f"vrrp_instance V {{\n{written}\n}}\n".encode()))
    assert (one.state, one.virtual_router_id, one.priority) == (state, virtual_router_id, priority)


def test_a_definition_for_some_nodes() -> None:
    document = keepalived.parse(b"@a $P=1\n@^a $P=2\nvrrp_instance V {\npriority $P\n}\n")
    assert [instances(document, node)[0].priority for node in ("a", "b")] == [1, 2]


@pytest.mark.parametrize(
    ("more", "followed"),
    [
        ("", ["s"]),
        ("vrrp_script t {\nweight 3\n}\n", ["s"]),  # the daemon removes one without a command
        ("vrrp_script t {\nscript /bin/true\n}\n", ["s", "t"]),
        ("include conf.d/*.conf\n", ["s", "t"]),  # it may be there
    ],
)
def test_an_unknown_script_is_not_followed(more: str, followed: list[str]) -> None:
    text = "vrrp_script s {\nscript /bin/true\n}\n" + more
    tracking = "track_script {\ns\nt\n}\n"
    text += f"vrrp_sync_group G {{\n{tracking}}}\nvrrp_instance V {{\n{tracking}}}\n"
    document = keepalived.parse(text.encode())
    assert [one.name for one in instances(document)[0].scripts] == followed
    assert [one.name for one in sync_groups(document)[0].scripts] == followed


def test_what_is_no_address_is_skipped() -> None:
    text = b"""vrrp_instance V {
    virtual_ipaddress {
        nonsense dev eth0
        10.0.0.1/24
        10.0.0.$LATER
    }
    unicast_src_ip nonsense
    unicast_peer {
        10.0.0.300
        10.0.0.7
        fd00:0::7
    }
}
"""
    (one,) = instances(keepalived.parse(text))
    assert [vip.address for vip in one.vips] == ["10.0.0.1", "10.0.0.$LATER"]
    assert (one.unicast_source, one.peers) == ("", ("10.0.0.7",))
