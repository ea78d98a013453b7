"""What is proved, how often, and what it is found to cost: the cases and the table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from tests.lab.lossless.clusters import (
    CONTROLLERS,
    GUARDED,
    INVALID,
    IPV4,
    IPV6,
    NETS,
    ROUTED,
    TWO_VIPS,
    UNICAST,
    Net,
)

USUAL, MANY = 60, 200  # clients, in equal parts of new connections, kept-alive ones and 2-second requests
REQUESTS, SLOW = 100_000, 200  # the least of a run

DROP_IN = "/etc/systemd/system/haproxy.service.d/limits.conf"
_LIMITS = f'  {DROP_IN}: {{content: "[Service]\\nLimitNOFILE=65536\\n", after: restart haproxy}}\n'


class Deed(Enum):
    """What is done to the cluster under load: there, and back to what it was."""

    RESTART = "restart haproxy"
    RELOADED = "haproxy.cfg, a reload"
    RESTARTED = "haproxy.cfg, a restart"
    SCRIPT = "keepalived.conf, a node's"
    VIP = "keepalived.conf, a VIP"
    ROUTER = "keepalived.conf, a virtual router"
    UPGRADE = "upgrade of both packages"
    CONTROLLER = "a controller removed"

    def __str__(self) -> str:
        return self.value

    @property
    def moves(self) -> bool:
        """Does it make every VIP leave its master, and come back?"""
        return self in (Deed.RESTART, Deed.RESTARTED, Deed.UPGRADE)


Edit = Callable[[Net, str], str]


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new)


def _reloaded(net: Net, text: str) -> str:
    return _replaced(text, "maxconn 10000", "maxconn 9000")


def _restarted(net: Net, text: str) -> str:
    """More connections, and the limit of open files that they need."""
    return _replaced(text, "maxconn 10000", "maxconn 20000") + _LIMITS


def _script(net: Net, text: str) -> str:
    return _replaced(text, "fall: 2", "fall: 3")


def _vip(net: Net, text: str) -> str:
    return _replaced(text, f'["{net.vips[0]}"]', f'["{net.vips[0]}", "{net.spare}"]')


def _router(net: Net, text: str) -> str:
    return _replaced(text, "virtual_router_id: 5", "virtual_router_id: 6")


def _controller(net: Net, text: str) -> str:
    last = len(CONTROLLERS) - 1
    return _replaced(text, f', {CONTROLLERS[last]}: "{net.address.format(141 + last)}"', "")


EDITS: dict[Deed, Edit] = {
    Deed.RELOADED: _reloaded,
    Deed.RESTARTED: _restarted,
    Deed.SCRIPT: _script,
    Deed.VIP: _vip,
    Deed.ROUTER: _router,
    Deed.CONTROLLER: _controller,
}
"""The other cluster file of a deed; a restart has none, nor an upgrade."""


@dataclass(frozen=True)
class Case:
    """`runs` times as many requests as a run has at least. `dead`: one controller is dead throughout, and a
    server of another one in maint by hand."""

    net: Net
    deed: Deed
    runs: int
    clients: int = USUAL
    dead: bool = False

    def __str__(self) -> str:
        many = f", {self.clients} clients" if self.clients != USUAL else ""
        return f"{self.net}: {self.deed}{many}{', a controller dead' if self.dead else ''}"


def cases() -> tuple[Case, ...]:
    """All of them, those of one lab after the other."""
    found = (
        Case(IPV4, Deed.RESTART, 7),
        Case(IPV4, Deed.RESTART, 3, MANY),
        Case(IPV4, Deed.RELOADED, 2),
        Case(IPV4, Deed.RESTARTED, 1),
        Case(IPV4, Deed.SCRIPT, 2),
        Case(IPV4, Deed.VIP, 1),
        Case(IPV4, Deed.ROUTER, 1),
        Case(IPV4, Deed.UPGRADE, 2),
        Case(UNICAST, Deed.RESTART, 2),
        Case(TWO_VIPS, Deed.RESTART, 2),
        Case(IPV6, Deed.RESTART, 2),
    )
    dead = tuple(Case(one.net, one.deed, one.runs, one.clients, dead=True) for one in found)
    gone = Case(IPV4, Deed.CONTROLLER, 2)
    behind = tuple(Case(net, Deed.RESTART, 1) for net in (INVALID, ROUTED, GUARDED))
    return tuple(sorted((*found, *dead, gone, *behind), key=lambda case: NETS.index(case.net)))


def selection() -> tuple[Case, ...]:
    """What is quick, and what nothing else in the lab's tests does."""
    return (Case(IPV4, Deed.RESTART, 1, dead=True), Case(INVALID, Deed.RESTART, 1))


@dataclass(frozen=True)
class Result:
    """A run. `bound` is how many requests may have failed; `none` is the longest time without a holder."""

    case: str
    requests: int
    slow: int
    failed: int
    bound: int
    none: float
    seconds: float
    good: bool


def table(results: Sequence[Result]) -> list[str]:
    """A row a case: what its runs add up to, the longest time without a holder, the mean of their seconds."""
    rows = [("case", "runs", "requests", "slow", "failed", "at most", "no holder", "seconds", "")]
    for case in dict.fromkeys(one.case for one in results):
        runs = [one for one in results if one.case == case]
        rows.append(
            (
                case,
                str(len(runs)),
                str(sum(one.requests for one in runs)),
                str(sum(one.slow for one in runs)),
                str(sum(one.failed for one in runs)),
                str(sum(one.bound for one in runs)),
                f"{max(one.none for one in runs):.3f} s",
                f"{sum(one.seconds for one in runs) / len(runs):.0f}",
                "" if all(one.good for one in runs) else "RED",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_row(row, widths) for row in rows]
    total = f"{sum(one.failed for one in results)} of {sum(one.requests for one in results)} requests failed"
    return [*lines, f"{sum(one.good for one in results)} of {len(results)} runs green, {total}"]


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    """Names to the left, figures to the right."""
    first, *rest = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(word.rjust(width) for word, width in rest)]).rstrip()
