"""What is wrong with a vrrp_instance by itself: its addresses, what it follows, how long it takes."""

from __future__ import annotations

from collections.abc import Callable

from lbctl.keepalived.additions import DRAIN_PATH
from lbctl.keepalived.election import FAULT, HIGHEST, OWNER, skew
from lbctl.keepalived.settings import DOWN_TIMER_ADVERTS
from lbctl.keepalived.views import Vip
from lbctl.lint.part import Found, Part, alone, texts, whole
from lbctl.lint.rules import problem
from lbctl.lint.subject import Subject
from lbctl.model.ip import is_address

# Seconds without a VIP that clients notice: many give up after 10.
LONG = 8.0


def no_interface(subject: Subject) -> Found:
    """default_interface does not stand for it, and unicast needs one too (measured with 2.2.7)."""
    for part in alone(subject):
        if not part.instance.interface and whole(part.text.document):
            said = f"{part.name} has no interface: keepalived ends, and runs no other instance either"
            yield part.node, problem("no-interface", said, part.place)


def no_vip(subject: Subject) -> Found:
    for part in alone(subject):
        if not part.instance.vips and whole(part.text.document):
            said = f"{part.name} has no virtual_ipaddress: there is nothing that could move"
            yield part.node, problem("no-vip", said, part.place)


def other_family(subject: Subject) -> Found:
    """The first address says which; keepalived drops the others."""
    for part in alone(subject):
        for vip in part.instance.dropped:
            said = (
                f"{part.name} is of IPv{part.instance.family}, by its first address: keepalived drops "
                f"{vip.address}"
            )
            yield part.node, problem("other-family", said, part.text.place(vip.line))


def vip_twice(subject: Subject) -> Found:
    """One address in two instances of a file."""
    for machine, text in texts(subject):
        carried: dict[tuple[str, str], Part] = {}
        for part in machine.parts:
            for vip in filter(_written_out, part.instance.vips):
                first = carried.setdefault((vip.address, vip.dev or part.instance.interface), part)
                if first.instance.name != part.name:
                    said = (
                        f"{vip.address} stands in {first.instance.name} and in {part.name}: the one that "
                        "goes to BACKUP takes it from the other"
                    )
                    yield machine.name, problem("vip-twice", said, text.place(vip.line))


def _written_out(vip: Vip) -> bool:
    """Not a name that stands for an address."""
    return is_address(vip.address)


def own_address(subject: Subject) -> Found:
    """A VIP that is a node's address: only an address owner (255) may have it."""
    nodes = {machine.address: machine.name for machine in subject.machines if machine.address}
    owners = {
        (part.node, vip.address)
        for part in alone(subject)
        for vip in part.instance.vips
        if part.instance.priority == OWNER
    }
    for part in alone(subject):
        for vip in part.instance.vips:
            node = nodes.get(vip.address, "")
            if node and (node, vip.address) not in owners:
                said = f"{vip.address} is {node}'s own address: a VIP of {part.name} that moves takes it away"
                yield part.node, problem("vip-is-node", said, part.text.place(vip.line))


def owner(subject: Subject) -> Found:
    """Priority 255, also where MASTER without a priority means it."""
    for part in alone(subject):
        heavy = [one.name for one in part.checks if part.weight(one)]
        if part.instance.priority == OWNER and heavy:
            said = (
                f"{part.node} has priority 255 in {part.name}, which no weight lowers: it keeps the VIP "
                f"when {heavy[0]} fails"
            )
            yield part.node, problem("owner-priority", said, part.place)


def in_sync_group(subject: Subject) -> Found:
    """A member's own weights, which keepalived takes away (measured with 2.2.7)."""
    for part in alone(subject):
        group, heavy = part.group, [one for one in part.instance.scripts if part.weight(one)]
        if heavy and group and not group.weights:
            what = f"{heavy[0].name} (weight {part.weight(heavy[0])})"
            said = (
                f"{part.name} is in the sync group {group.name}: keepalived ignores {what}, and the VIP "
                "stays when it fails"
            )
            yield part.node, problem("sync-group-weight", said, part.place)


def small_group(subject: Subject) -> Found:
    for machine, text in texts(subject):
        known = {one.name for one in machine.instances}
        for block in text.document.find("vrrp_sync_group") if whole(text.document) else ():
            named = [one for listing in block.find("group") for one in listing.children]
            if len(known.intersection(word for one in named for word in one.words)) == 1:
                said = f"sync group {block.name} has one instance: there is nothing that it keeps together"
                yield machine.name, problem("small-sync-group", said, text.place(block.line))


def untracked(subject: Subject) -> Found:
    """Nodes with an HAProxy whose death moves no VIP."""
    for part in alone(subject):
        if part.machine.haproxy and part.instance.vips and not part.checks and whole(part.text.document):
            files = {one.name: one.path for one in part.files}
            tracked = (*part.instance.files, *(part.group.files if part.group else ()))
            if all(files.get(one.name) == DRAIN_PATH for one in tracked):
                said = f"{part.name} follows no check: the VIP stays on a node whose HAProxy is dead"
                yield part.node, problem("no-tracking", said, part.place)


def drain_file(subject: Subject) -> Found:
    """lbctl writes -253 into its file; with another weight that is not the lowest priority."""
    for part in alone(subject):
        for track in part.instance.files:
            one = next((one for one in part.files if one.name == track.name), None)
            weight = track.weight if track.weight is not None else one.weight if one else 1
            if one and one.path == DRAIN_PATH and (weight != 1 or track.reverse):
                what = f"{-253 * weight:+d}" if weight else "FAULT"
                what = "FAULT" if -253 * weight <= -HIGHEST else what
                said = (
                    f"{part.name} follows {DRAIN_PATH} with weight {weight}: a drained node has {what}, "
                    "not the lowest priority"
                )
                yield part.node, problem("drain-weight", said, part.place)


def slow_takeover(subject: Subject) -> Found:
    """How long the VIP is nowhere when its holder dies: RFC 3768 and 5798, 6.1."""
    for part in alone(subject):
        if part.advert and part.priority() != FAULT:
            own = part.instance
            wait = own.down_timer_adverts * own.advert_int + skew(
                part.priority(), own.advert_int, part.advert.version
            )
            if wait > LONG:
                adverts = own.down_timer_adverts
                also = f" and down_timer_adverts {adverts}" if adverts != DOWN_TIMER_ADVERTS else ""
                said = (
                    f"{own.name} has advert_int {own.advert_int:g}{also}: a dead master is missed after "
                    f"{wait:.1f} s"
                )
                yield part.node, problem("slow-takeover", said, part.place)


CHECKS: tuple[Callable[[Subject], Found], ...] = (
    no_interface,
    no_vip,
    other_family,
    vip_twice,
    own_address,
    owner,
    in_sync_group,
    small_group,
    untracked,
    drain_file,
    slow_takeover,
)
