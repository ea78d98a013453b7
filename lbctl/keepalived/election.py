"""Which node VRRP will choose, as far as it follows from the configuration and a few facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lbctl.keepalived.views import Instance, Script, SyncGroup, Track, TrackFile, TrackProcess

LOWEST, HIGHEST, OWNER = 1, 254, 255
FAULT = 0


def skew(priority: int, advert_int: float, version: int) -> float:
    """Seconds that a backup of this priority waits longer than for the adverts: the higher, the shorter.

    (256 - priority) / 256 of a second in version 2 (RFC 3768), of an advert_int in 3 (RFC 5798).
    """
    return (256 - priority) / 256 * (advert_int if version == 3 else 1.0)


def master_down(adverts: int, advert_int: float, version: int) -> float:
    """Seconds without an advert after which a backup makes itself master, at most: with the longest skew.

    `adverts` are waited for in vain: 3 (RFC 5798), or down_timer_adverts.
    """
    return adverts * advert_int + skew(0, advert_int, version)


def accepts(priority: int, nopreempt: bool, advert: int) -> bool:
    """Does a backup of this priority take an advert of that one for its master's?

    What it does not accept it discards, and becomes master itself once it has waited. So a holder stays on a
    tie. Measured with keepalived 2.2.7.
    """
    return nopreempt or advert >= priority


def preempts(instance: Instance) -> bool:
    """Does it take the VIPs from one of lower priority? `state MASTER` clears nopreempt, and 255 does."""
    return not instance.nopreempt or instance.state == "MASTER" or instance.priority == OWNER


def preempt_delay(instance: Instance) -> float:
    """Seconds for which it accepts adverts of lower priority all the same; `state MASTER` clears it."""
    return instance.preempt_delay if preempts(instance) and instance.state != "MASTER" else 0.0


def effective_priority(
    instance: Instance,
    scripts: tuple[Script, ...] = (),
    files: tuple[TrackFile, ...] = (),
    *,
    processes: tuple[TrackProcess, ...] = (),
    group: SyncGroup | None = None,
    succeeding: Mapping[str, bool] | None = None,
    running: Mapping[str, bool] | None = None,
    contents: Mapping[str, int] | None = None,
) -> int:
    """The priority that the instance advertises, 1 to 254; 0 = it is in FAULT and takes no part.

    `succeeding` says which scripts succeed (by name; one that is not in it does), `running` which processes
    run, `contents` the number in each tracked file (by name; a missing file counts 0); every link is up.

    A script of positive weight adds it while it succeeds, one of negative weight takes it away while it
    fails, one of weight 0 means FAULT when it fails; with `reverse` a weight counts the other way round. A
    file adds its number times its weight; with weight 0, any number but 0 means FAULT, and so does a sum of
    -254 or less. The instance's own interface counts without weight. A base of 255 (the address owner)
    ignores all weights, and takes a file's weight of 1 for none. In a sync `group` what the group follows
    counts for each member, and a member's own scripts and files without weight alone. Measured with
    keepalived 2.2.7.
    """
    own = followed(instance, scripts, files, group)
    weights: list[int | None] = []
    for follower in (own, group) if group else (own,):
        weights += [_checked(one, scripts, succeeding or {}) for one in follower.scripts]
        weights += [_checked(one, processes, running or {}) for one in follower.processes]
        weights += [_checked(one, (), {}) for one in follower.links if one.name != instance.interface]
        weights += [_file(one, files, contents or {}) for one in follower.files]
    if None in weights:
        return FAULT
    if instance.priority == OWNER:
        return OWNER
    total = instance.priority + sum(weight for weight in weights if weight)
    return min(max(total, LOWEST), HIGHEST)


def followed(
    instance: Instance,
    scripts: tuple[Script, ...],
    files: tuple[TrackFile, ...],
    group: SyncGroup | None = None,
) -> Instance:
    """The instance with what it follows itself as the daemon takes it.

    In a sync group's member, and in an owner: a script with a weight not at all, nor a file, but one with
    the weight 1, which is taken for none.
    """
    if instance.priority != OWNER and (group is None or group.weights):
        return instance
    kept = [one for one in instance.files if _weight(one, files, 1) in (0, 1)]
    return replace(
        instance,
        scripts=tuple(one for one in instance.scripts if not _weight(one, scripts)),
        files=tuple(replace(one, weight=0) for one in kept),
        links=(),
    )


_Checked = Script | TrackProcess


def _weight(track: Track, definitions: Iterable[_Checked | TrackFile], default: int = 0) -> int:
    defined = next((one.weight for one in definitions if one.name == track.name), default)
    return defined if track.weight is None else track.weight


def _checked(track: Track, definitions: Iterable[_Checked], good: Mapping[str, bool]) -> int | None:
    """What a tracked script, process or link adds; None = FAULT."""
    weight = _weight(track, definitions)
    fine = good.get(track.name, True)
    if weight == 0:
        return 0 if fine != track.reverse else None
    return (-weight if track.reverse else weight) if fine == (weight > 0) else 0


def _file(track: Track, files: tuple[TrackFile, ...], contents: Mapping[str, int]) -> int | None:
    """What a tracked file adds; None = FAULT."""
    weight = _weight(track, files, 1)
    content = contents.get(track.name, 0)
    if weight == 0:
        return None if bool(content) != track.reverse else 0
    value = content * weight * (-1 if track.reverse else 1)
    return None if value <= -254 else min(value, HIGHEST)
