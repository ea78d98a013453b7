"""The variants of keepalived.conf that are tried: many virtual routers beside each other on the same three
nodes, each with rules of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lbctl import keepalived
from lbctl.planning.elections.party import Party

NODES = ("lb1", "lb2", "lb3")
ADDRESSES = ("10.15.85.32", "10.15.85.33", "10.15.85.34")
USUAL = (102, 101, 100)
DRAIN = "/var/lib/lbctl/drain"
DRAINED = (-253, 0, 0)

HELD_UP = 0.2
"""Seconds by which a keepalived runs late of its own timers when it says so in its log."""

_HEAD = """\
global_defs {{
  enable_script_security
  script_user root
  max_auto_priority -1
  min_auto_priority_delay {held_up}
}}
vrrp_script quick {{
  script "/usr/bin/killall -0 haproxy"
  interval {interval}
}}
vrrp_script slow {{
  script "/usr/bin/killall -0 haproxy"
  interval {interval}
  fall 3
  rise 2
}}
vrrp_script other {{
  script "/usr/bin/test -e /etc/hostname"
  interval {interval}
  weight 30
}}
track_file drain {{
  file {drain}
  weight 1
}}
"""
_INSTANCE = """\
vrrp_instance {name} {{
  state {state}
  interface eth0
  virtual_router_id {router}
  priority {priority}
  version {version}
  advert_int {advert_int:g}
  virtual_ipaddress {{
    {vip}
  }}
{lines}
}}
"""


def follows(*words: str, what: str = "track_script") -> str:
    """A block that follows these."""
    return f"  {what} {{\n" + "".join(f"    {one}\n" for one in words) + "  }"


QUICK = follows("quick weight 20")
PEERS = tuple(follows(*(one for one in ADDRESSES if one != own), what="unicast_peer") for own in ADDRESSES)


IMPATIENT = QUICK + "\n  nopreempt\n  down_timer_adverts 1"


@dataclass(frozen=True)
class Router:
    """A virtual router. `lines` are those of every node, or one text for each node."""

    priorities: tuple[int, int, int] = USUAL
    lines: str | tuple[str, str, str] = QUICK
    state: str = "BACKUP"
    advert_ints: tuple[float, float, float] | None = None

    def at(self, node: int) -> str:
        return self.lines if isinstance(self.lines, str) else self.lines[node]


@dataclass(frozen=True)
class Variant:
    """One set of rules. With a `group`, a sync group's lines, its routers are in one.

    `advert_int` is its routers' usual one: in version 3 hundredths of a second count.
    """

    name: str
    routers: tuple[Router, ...]
    group: str | None = None
    version: int = 3
    advert_int: float = 0.4

    def __str__(self) -> str:
        return self.name


def _one(name: str, lines: str | tuple[str, str, str] = QUICK, **words: object) -> Variant:
    return Variant(name, (Router(lines=lines, **words),))  # type: ignore[arg-type]  # Router's own checks them


def _old(name: str, lines: str | tuple[str, str, str] = QUICK, **words: object) -> Variant:
    return replace(_one(f"version 2, {name}", lines, **words), version=2, advert_int=1)


def _two(name: str, first: Router, second: Router, group: str | None = None) -> Variant:
    return Variant(name, (first, second), group)


_FAULT, _BARE = follows("quick weight 0"), ""

VARIANTS = (
    _one("weight 20"),
    _one("weight -20", follows("quick weight -20")),
    _one("weight 0", _FAULT),
    _one("weight 1", follows("quick weight 1")),
    _one("weight -1", follows("quick weight -1")),
    _one("weight 20 reverse", follows("quick weight 20 reverse")),
    _one("no check", _BARE),
    _one("nopreempt", QUICK + "\n  nopreempt"),
    _one("nopreempt, far apart", QUICK + "\n  nopreempt", priorities=(200, 120, 40)),
    _one("nopreempt, weight 0", _FAULT + "\n  nopreempt"),
    _one("nopreempt on lb2", (QUICK, QUICK + "\n  nopreempt", QUICK)),
    _one("nopreempt, MASTER", QUICK + "\n  nopreempt", state="MASTER"),
    _one("preempt_delay 0.5", QUICK + "\n  preempt_delay 0.5"),
    _one("equal priorities", QUICK, priorities=(100, 100, 100)),
    _one("two equal", QUICK, priorities=(102, 100, 100)),
    _one("far apart", QUICK, priorities=(200, 150, 100)),
    _one("an owner", QUICK, priorities=(255, 101, 100)),
    _one("an owner, weight 0", _FAULT, priorities=(255, 101, 100)),
    _one("a drained node", QUICK + "\n" + follows("drain", what="track_file")),
    _one("a link", (QUICK, QUICK, QUICK + "\n" + follows("lo weight 10", what="track_interface"))),
    _one("its own link", (QUICK, QUICK, QUICK + "\n" + follows("eth0 weight 10", what="track_interface"))),
    _one("unicast", tuple(f"{QUICK}\n{one}" for one in PEERS)),  # type: ignore[arg-type]  # three, as there are
    _one(
        "unicast, lb1 and lb3 apart",
        (
            f"{QUICK}\n{follows(ADDRESSES[1], what='unicast_peer')}",
            f"{QUICK}\n{PEERS[1]}",
            f"{QUICK}\n{follows(ADDRESSES[1], what='unicast_peer')}",
        ),
    ),
    _one("down_timer_adverts 6", QUICK + "\n  down_timer_adverts 6"),
    _one("nopreempt, down_timer_adverts 1 on lb3", (*(QUICK + "\n  nopreempt",) * 2, IMPATIENT)),
    _one("two advert_ints", QUICK, advert_ints=(0.4, 0.6, 0.4)),
    _two("crossed", Router(), Router((100, 101, 102))),
    _two("sync group, FAULT", Router(lines=_FAULT), Router(lines=_BARE), ""),
    _two("sync group, weights of members", Router(), Router(), ""),
    _two("sync group, its own check", Router(lines=_BARE), Router(lines=_BARE), QUICK),
    _two("sync group, its own FAULT", Router(lines=_BARE), Router(lines=_BARE), _FAULT),
    _two("sync group, tracking weight", Router(), Router(), "  sync_group_tracking_weight"),
    _two("sync group, crossed", Router(lines=_FAULT), Router((100, 103, 102), _FAULT), ""),
    _two(
        "sync group, nopreempt",
        Router(lines=_FAULT + "\n  nopreempt"),
        Router(lines=_FAULT + "\n  nopreempt"),
        "",
    ),
)

SLOW = (
    _one("fall 3", follows("slow weight 20")),
    _one("fall 3, weight 0", follows("slow weight 0")),
    _one("two checks", follows("slow weight 0", "quick weight 20", "other")),
    _one("nopreempt, fall 3", follows("slow weight 20") + "\n  nopreempt"),
    _one(
        "nopreempt, fall 3, far apart", follows("slow weight 90") + "\n  nopreempt", priorities=(160, 100, 40)
    ),
)

_PASSES = ("s3cret", "s3cret", "0ther")
_AUTHENTICATED = tuple(
    f"{QUICK}\n  authentication {{\n    auth_type PASS\n    auth_pass {one}\n  }}" for one in _PASSES
)
OF_VERSION_2 = (
    _old("weight 20"),
    _old("weight 0", _FAULT),
    _old("nopreempt", QUICK + "\n  nopreempt"),
    _old("nopreempt, far apart", QUICK + "\n  nopreempt", priorities=(200, 120, 40)),
    _old("far apart", QUICK, priorities=(200, 120, 10)),
    _old("another auth_pass", _AUTHENTICATED),  # type: ignore[arg-type]  # three, as there are
)
APART = (_old("another advert_int", QUICK, advert_ints=(1, 1, 2)),)


@dataclass(frozen=True)
class Batch:
    """Variants that are tried at once. `interval` is their checks', in seconds.

    Of one that is not `whole` a few combinations are tried alone: it takes its time.
    """

    name: str
    variants: tuple[Variant, ...]
    interval: int = 1
    whole: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def vips(self) -> dict[str, Variant]:
        """By VIP: whose it is."""
        return {_vip(number): variant for number, variant, _ in self._numbered()}

    def _numbered(self) -> Iterator[tuple[int, Variant, Router]]:
        pairs = [(variant, router) for variant in self.variants for router in variant.routers]
        for number, (variant, router) in enumerate(pairs):
            yield number, variant, router

    def conf(self, node: int) -> str:
        """The node's keepalived.conf."""
        text = _HEAD.format(interval=self.interval, drain=DRAIN, held_up=round(HELD_UP * 1_000_000))
        members: dict[str, list[str]] = {}
        for number, variant, router in self._numbered():
            members.setdefault(variant.name, []).append(f"V{number}")
            text += self._instance(number, variant, router, node)
        groups = [one for one in self.variants if one.group is not None]
        for number, variant in enumerate(groups):
            names = follows(*members[variant.name], what="group")
            text += f"vrrp_sync_group G{number} {{\n{names}\n{variant.group}\n}}\n"
        return text

    def _instance(self, number: int, variant: Variant, router: Router, node: int) -> str:
        paces = router.advert_ints or (variant.advert_int,) * 3
        return _INSTANCE.format(
            name=f"V{number}",
            state=router.state,
            router=100 + number,
            priority=router.priorities[node],
            version=variant.version,
            advert_int=paces[node],
            vip=_vip(number),
            lines=router.at(node),
        )

    def parties(self) -> Sequence[Party]:
        """The nodes as the table is made of them."""
        return [
            Party(name, ADDRESSES[node], keepalived.parse(self.conf(node).encode()), drain=self._drain(node))
            for node, name in enumerate(NODES)
        ]

    def _drain(self, node: int) -> int:
        return DRAINED[node]


def _vip(number: int) -> str:
    return f"10.15.85.{100 + number}"


BATCHES = (
    Batch("together", (*VARIANTS, *SLOW, *OF_VERSION_2)),
    Batch("another advert_int", APART, whole=False),
)
