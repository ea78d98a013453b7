"""keepalived.conf of a node, with one thing in it that is wrong or not. Pure.

Adverts come five times a second (version 3), so that an election takes less than a second; where version 2 is
the point, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

VIP = "10.15.85.31"
OTHER_VIP = "10.15.85.30"
NODES = ("lb1", "lb2")
ADDRESSES = {"lb1": "10.15.85.32", "lb2": "10.15.85.33"}
KILLALL = '"/usr/bin/killall -0 haproxy"'
FAST, SLOW = "version 3\n    advert_int 0.2", "version 2\n    advert_int 1"

_TEXT = """\
global_defs {{
    enable_script_security
    {user}
    {globally}
}}
vrrp_script check {{
    script {script}
    interval 1
    timeout 2
    fall {fall}
    rise {rise}
    {weight}
}}
{more}
vrrp_instance one {{
    interface eth0
    state {state}
    virtual_router_id {router}
    {priority}
    {timing}
    virtual_ipaddress {{
        {vips}
    }}
    track_script {{
        {tracked}
    }}
    {words}
}}
"""


@dataclass(frozen=True)
class Node:
    """What one node's file says. The defaults are right, but for a priority that is the node's own."""

    priority: str = "priority 100"
    weight: str = "weight 20"
    script: str = KILLALL
    fall: int = 1
    rise: int = 1
    user: str = "script_user root"
    globally: str = ""
    state: str = "BACKUP"
    router: int = 51
    timing: str = FAST
    vips: tuple[str, ...] = (VIP,)
    tracked: str = "check"
    words: str = ""
    more: str = ""

    def __str__(self) -> str:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _TEXT.format(**values | {"vips": "\n        ".join(self.vips)})


def password(word: str) -> str:
    """The statements of an instance that has it."""
    return f"authentication {{\n        auth_type PASS\n        auth_pass {word}\n    }}"


def peers(*addresses: str, source: str = "") -> str:
    listed = "\n        ".join(addresses)
    return (f"unicast_src_ip {source}\n    " if source else "") + f"unicast_peer {{\n        {listed}\n    }}"


Texts = Mapping[str, Node]


def both(**words: object) -> Texts:
    """lb1 is the better one."""
    return {
        "lb1": Node(**{"priority": "priority 110"} | words),  # type: ignore[arg-type]  # a table's row
        "lb2": Node(**{"priority": "priority 100"} | words),  # type: ignore[arg-type]
    }
