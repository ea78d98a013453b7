"""What the daemon makes of an instance's settings: some it refuses, some it rounds, some undo others.

Each function takes a vrrp_instance as it is read. Measured with 2.2.7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lbctl.document import Statement
from lbctl.keepalived.reader import Tree, blocks, decimal, last, values, whole
from lbctl.keepalived.tables import STATES
from lbctl.model.ip import canonical, is_interface

DEFAULT_PRIORITY, OWNER = 100, 255
DEFAULT_ADVERT_INT = 1.0
SHORTEST, LONGEST = 0.01, 255.0  # an advert_int, in seconds
LONGEST_OF_3 = 40.96
LONGEST_DELAY = 1000.0
DOWN_TIMER_ADVERTS, MOST_ADVERTS = 3, 100
ON, OFF = ("", "on", "true", "yes"), ("off", "false", "no")
_SOURCES = ("unicast_src_ip", "mcast_src_ip")


@dataclass(frozen=True)
class Defaults:
    """What global_defs, wherever they stand, say for every instance."""

    version: int
    strict: bool
    down_timer_adverts: int

    @classmethod
    def of(cls, tree: Tree) -> Defaults:
        found = list(blocks(tree, "global_defs"))
        versions = [whole(word, 2, 3) for block in found for word in values(block, "vrrp_version")]
        return cls(
            next((one for one in reversed(versions) if one), 2),
            any(block.find("vrrp_strict") for block in found),
            _adverts(word for block in found for word in values(block, "vrrp_down_timer_adverts"))
            or DOWN_TIMER_ADVERTS,
        )


def strict(block: Statement, defaults: Defaults) -> bool:
    found = [word for word in values(block, "strict_mode") if word in ON + OFF]
    return found[-1] in ON if found else defaults.strict


def family_and_version(block: Statement, defaults: Defaults) -> tuple[int, int]:
    """4 or 6, by the first address of any kind but an excluded one, and the VRRP version.

    The first version that is set counts; native_ipv6 means 3, and so does an address of IPv6 before it.
    """
    family = version = 0
    for one in block.children:
        if one.keyword == "native_ipv6" and family != 4:
            family, version = 6, 3
        elif one.keyword == "version" and not version and family != 6:
            version = whole(one.name, 2, 3) or 0
        family = family or next((6 if ":" in word else 4 for word in _addresses(one)), 0)
    if family == 6 and (not version or strict(block, defaults)):
        version = 3
    return family or 4, version or defaults.version


def _addresses(one: Statement) -> list[str]:
    words: list[str] = []
    if one.keyword in (*_SOURCES, "mcast_dst_ip"):
        words = [one.name]
    elif one.keyword in ("unicast_peer", "virtual_ipaddress"):
        words = [line.keyword for line in one.children]
    return [word for word in words if is_written_address(word)]


def is_written_address(word: str) -> bool:
    """The daemon skips what is no address, and one with a scope."""
    address = word.partition("/")[0]
    return is_interface(address) and "%" not in address


def source(block: Statement, family: int) -> str:
    """The address that it sends from; what is none takes the one before it back."""
    word = last(block, *_SOURCES)
    if "$" in word:
        return word
    return canonical(word) if is_written_address(word) and (":" in word) == (family == 6) else ""


def state_and_priority(block: Statement, authentication: str, is_strict: bool) -> tuple[str, int]:
    """The first state counts, but one that is none is BACKUP; a priority that is none is 100.

    Without a state an address owner (255) is MASTER, without a priority a MASTER is address owner. Strict
    mode lets no other be MASTER, and neither does an authentication header.
    """
    state = ""
    for word in values(block, "state"):
        state = "BACKUP" if word not in STATES else state or word
    found = [whole(word, 1, OWNER) or DEFAULT_PRIORITY for word in values(block, "priority")]
    priority = found[-1] if found else OWNER if state == "MASTER" else DEFAULT_PRIORITY
    if not state or is_strict or (authentication == "AH" and priority != OWNER):
        state = "MASTER" if priority == OWNER else "BACKUP"
    return state, priority


def virtual_router_id(block: Statement) -> int:
    """0 = none that is good."""
    found = [whole(word, 1, 255) for word in values(block, "virtual_router_id")]
    return next((one for one in reversed(found) if one), 0)


def authentication(block: Statement, family: int, version: int, is_strict: bool) -> str:
    """PASS, AH or "": version 3 and strict mode have none, IPv6 has no AH, and none is without a password."""
    own = [one for one in block.children if one.keyword == "authentication"]
    kinds = [word for one in own for word in values(one, "auth_type") if word in ("PASS", "AH")]
    password = any(word for one in own for word in values(one, "auth_pass"))
    if version == 3 or is_strict or not password or (family == 6 and kinds[-1:] == ["AH"]):
        return ""
    return "".join(kinds[-1:])


def advert_int(block: Statement, version: int) -> float:
    """Seconds: the last good one, whole in version 2, hundredths and less than 40.96 in version 3."""
    found = [number for word in values(block, "advert_int") if (number := decimal(word)) is not None]
    good = [number for number in found if SHORTEST <= number <= LONGEST]
    seconds = good[-1] if good else DEFAULT_ADVERT_INT
    if version == 2:
        return max(1.0, float(int(seconds + 0.5)))
    # from 40.955 on it rounds to 40.96, which no advert can hold
    return LONGEST_OF_3 - 0.01 if seconds >= LONGEST_OF_3 else int(round(seconds * 1e6) / 1e4 + 0.5) / 100


def down_timer_adverts(block: Statement, defaults: Defaults, is_strict: bool) -> int:
    """So many adverts are waited for in vain: the last good number; strict mode has 3."""
    if is_strict:
        return DOWN_TIMER_ADVERTS
    return _adverts(values(block, "down_timer_adverts")) or defaults.down_timer_adverts


def _adverts(words: Iterable[str]) -> int:
    """0 = none of them is good."""
    found = [whole(word, 1, MOST_ADVERTS) for word in words]
    return next((one for one in reversed(found) if one), 0)


def nopreempt(block: Statement) -> bool:
    """A later `preempt` takes it back."""
    found = [one.keyword for one in block.children if one.keyword in ("nopreempt", "preempt")]
    return found[-1:] == ["nopreempt"]


def preempt_delay(block: Statement, is_strict: bool) -> float:
    """Seconds; strict mode has none."""
    found = [decimal(word) or 0.0 for word in values(block, "preempt_delay")]
    good = [number for number in found if number <= LONGEST_DELAY]
    return good[-1] if good and not is_strict else 0.0
