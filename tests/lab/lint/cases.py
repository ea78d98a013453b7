"""What goes wrong, and what does not when it is mended: a table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.lab.lint.texts import ADDRESSES, OTHER_VIP, SLOW, VIP, Node, Texts, both, password, peers

LB1, LB2, BOTH, NONE = ("lb1",), ("lb2",), ("lb1", "lb2"), ()


class Deed(StrEnum):
    """What is done once the nodes have settled."""

    NOTHING = "nothing"
    STOP = "haproxy stops on lb1"
    STOP_ALL = "haproxy stops on both"
    BLINK = "haproxy is away from lb1 for a second"
    FREEZE = "haproxy hangs on lb1"
    KEEPALIVED = "keepalived is restarted on lb1"
    DRAIN_ALL = "both are drained"


@dataclass(frozen=True)
class Case:
    """The code, what is done, who holds the VIP after it, also with the mend.

    `name` where a code has several cases.
    """

    code: str
    wrong: Texts
    held: tuple[str, ...]
    mended: Texts
    mended_held: tuple[str, ...]
    deed: Deed = Deed.NOTHING
    name: str = ""

    def __str__(self) -> str:
        return f"{self.code}-{self.name}" if self.name else self.code


def two(lb1: Node, lb2: Node) -> Texts:
    return {"lb1": lb1, "lb2": lb2}


def _v2(**words: object) -> Node:
    return Node(**{"timing": SLOW} | words)  # type: ignore[arg-type]  # a table's row


_PLAIN = both()
_BETTER = Node(priority="priority 110")
_MIDDLE = Node(priority="priority 120")
_HIGH = two(Node(priority="priority 150"), _MIDDLE)
_BETTER_V2 = _v2(priority="priority 110")
_GROUP = """\
vrrp_instance other {{
    interface eth0
    version 3
    advert_int 0.2
    virtual_router_id 52
    priority {priority}
    virtual_ipaddress {{
        {vip}
    }}
    track_script {{
        check
    }}
}}
vrrp_sync_group both {{
    group {{
        one
        other
    }}
    {words}
}}
""".format


def _other(priority: int, vip: str = VIP) -> str:
    """A second instance, with the same VIP."""
    return _GROUP(priority=priority, vip=vip, words="").partition("vrrp_sync_group")[0]


def _grouped(words: str) -> Texts:
    """Two instances that go together."""
    return {
        node: Node(f"priority {priority}", more=_GROUP(priority=priority, vip=OTHER_VIP, words=words))
        for node, priority in (("lb1", 110), ("lb2", 100))
    }


_DRAIN = "track_file drain {{\n    file /var/lib/lbctl/drain\n    weight {}\n}}".format
_PROCESS = "track_process {\n        haproxy\n    }"
_TRUE, _FALSE = (f"vrrp_script other {{\n    script /bin/{word}\n}}\n" for word in ("true", "false"))
_DRAINED = "track_file {\n        drain\n    }"

CASES = (
    Case("weight-too-small", both(weight="weight 10"), LB1, both(weight="weight 11"), LB2, Deed.STOP),
    Case(
        "weight-too-small",
        both(weight="weight -10"),
        LB1,
        both(weight="weight -11"),
        LB2,
        Deed.STOP,
        "negative",
    ),
    Case(
        "weight-too-small",
        two(Node("priority 254"), Node("priority 250")),
        LB1,
        two(Node("priority 234"), Node("priority 230")),
        LB2,
        Deed.STOP,
        "cut-at-254",
    ),
    Case(
        "nopreempt-weight", both(words="nopreempt"), LB1, both(words="nopreempt", weight=""), LB2, Deed.STOP
    ),
    Case(
        "same-priority",
        two(Node("priority 100"), Node("priority 100", words="# the same")),
        LB2,
        _PLAIN,
        LB1,
        Deed.KEEPALIVED,
    ),
    Case("owner-priority", two(Node("priority 255"), Node()), LB1, _PLAIN, LB2, Deed.STOP),
    Case(
        "owner-priority",
        two(Node("", state="MASTER"), Node()),
        LB1,
        two(_BETTER, Node()),
        LB2,
        Deed.STOP,
        "default",
    ),
    Case("sync-group-weight", _grouped(""), LB1, _grouped("sync_group_tracking_weight"), LB2, Deed.STOP),
    # lb2 is the master of both while lb1 is away; then it gives up `other`, and the VIP of `one` with it
    Case(
        "vip-twice",
        {"lb1": Node(more=_other(110)), "lb2": Node("priority 110", more=_other(100))},
        LB1,
        {"lb1": Node(more=_other(110, OTHER_VIP)), "lb2": Node("priority 110", more=_other(100, OTHER_VIP))},
        LB2,
        Deed.KEEPALIVED,
    ),
    Case("weight-zero", both(weight=""), NONE, _PLAIN, LB1, Deed.STOP_ALL),
    Case("one-poll", both(rise=40), LB2, both(fall=4), LB1, Deed.BLINK),
    Case("sees-processes", _PLAIN, LB1, both(script="/opt/answers"), LB2, Deed.FREEZE),
    Case("unused-script", both(tracked=""), LB1, _PLAIN, LB2, Deed.STOP),
    Case(
        "duplicate-script",
        both(more=_TRUE + _FALSE, tracked="other"),
        LB1,
        both(more=_FALSE, tracked="other"),
        NONE,
    ),
    Case("script-words", both(script="/usr/bin/killall -0 haproxy", weight=""), NONE, both(weight=""), LB1),
    Case(
        "script-shell",
        both(script='"/usr/bin/killall -0 haproxy && exit 0"', weight=""),
        NONE,
        both(script="\"/bin/sh -c '/usr/bin/killall -0 haproxy && exit 0'\"", weight=""),
        LB1,
    ),
    Case(
        "dev-tcp",
        both(script='"</dev/tcp/127.0.0.1/5000"', weight=""),
        NONE,
        both(script="\"/bin/bash -c '</dev/tcp/127.0.0.1/5000'\"", weight=""),
        LB1,
    ),
    Case(
        "script-user",
        both(user="script_user nobody", weight=""),
        NONE,
        both(user="script_user nobody", weight="", script='"/usr/bin/pgrep haproxy"'),
        LB1,
    ),
    Case(
        "pidof-link",
        both(script='"/bin/pidof haproxy"', weight=""),
        NONE,
        both(script="\"/bin/sh -c '/bin/pidof haproxy'\"", weight=""),
        LB1,
    ),
    Case("no-script-user", both(user=""), LB1, _PLAIN, LB2, Deed.STOP),
    Case("unknown-track", both(tracked="", words=_PROCESS), LB1, _PLAIN, LB2, Deed.STOP),
    Case("unknown-keyword", two(Node("prioritty 150"), _MIDDLE), LB2, _HIGH, LB1),
    Case(
        "repeated-keyword",
        two(Node("priority 150\n    priority 90"), Node()),
        LB2,
        two(Node("priority 150"), Node()),
        LB1,
    ),
    Case("dropped-words", two(Node("", state="BACKUP priority 150"), _MIDDLE), LB2, _HIGH, LB1),
    Case("peers-differ", two(_BETTER, Node(router=52)), BOTH, _PLAIN, LB1, name="virtual_router_id"),
    Case("peers-differ", two(_BETTER, Node(vips=(VIP, OTHER_VIP))), BOTH, _PLAIN, LB1, name="addresses"),
    Case("peers-differ", two(_BETTER, _v2()), BOTH, _PLAIN, LB1, name="version"),
    Case(
        "peers-differ", two(_BETTER, Node(words=peers(ADDRESSES["lb1"]))), BOTH, _PLAIN, LB1, name="unicast"
    ),
    Case(
        "peers-differ",
        two(Node("priority 110", words=peers("10.15.85.99")), Node(words=peers(ADDRESSES["lb1"]))),
        BOTH,
        two(Node("priority 110", words=peers(ADDRESSES["lb2"])), Node(words=peers(ADDRESSES["lb1"]))),
        LB1,
        name="unicast_peer",
    ),
    Case(
        "peers-differ",
        two(_BETTER_V2, _v2(timing="version 2\n    advert_int 2")),
        BOTH,
        two(_BETTER_V2, _v2()),
        LB1,
        name="advert_int",
    ),
    Case(
        "peers-differ",
        two(_BETTER_V2, _v2(words=password("abc"))),
        BOTH,
        two(_BETTER_V2, _v2()),
        LB1,
        name="auth_type",
    ),
    Case(
        "auth-pass-comment",
        two(_v2(priority="priority 110", words=password("abc#1")), _v2(words=password('"abc#1"'))),
        BOTH,
        two(_v2(priority="priority 110", words=password('"abc#1"')), _v2(words=password('"abc#1"'))),
        LB1,
    ),
    Case(
        "auth-pass-cut",
        two(_v2(priority="priority 110", words=password("12345678-mine")), _v2(words=password("12345678"))),
        LB1,
        two(_v2(priority="priority 110", words=password("1234567-")), _v2(words=password("12345678"))),
        BOTH,
    ),
    Case(
        "auth-ignored",
        two(Node("priority 110", words=password("mine")), Node(words=password("yours"))),
        LB1,
        two(_v2(priority="priority 110", words=password("mine")), _v2(words=password("yours"))),
        BOTH,
    ),
    Case(
        "foreign-source",
        two(
            Node("priority 110", words=peers(ADDRESSES["lb2"], source=ADDRESSES["lb2"])),
            Node(words=peers(ADDRESSES["lb1"], source=ADDRESSES["lb2"])),
        ),
        BOTH,
        two(
            Node("priority 110", words=peers(ADDRESSES["lb2"], source=ADDRESSES["lb1"])),
            Node(words=peers(ADDRESSES["lb1"], source=ADDRESSES["lb2"])),
        ),
        LB1,
    ),
    Case(
        "drain-weight",
        both(more=_DRAIN(2), words=_DRAINED),
        NONE,
        both(more=_DRAIN(1), words=_DRAINED),
        LB1,
        Deed.DRAIN_ALL,
    ),
)
