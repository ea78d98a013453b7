"""Which node VRRP will choose, as far as it follows from the configuration and a few facts. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lbctl.keepalived.views import Instance, Script, Track, TrackFile

LOWEST, HIGHEST, OWNER = 1, 254, 255
FAULT = 0


def master_down(advert_int: float, version: int) -> float:
    """Seconds without an advert after which a backup makes itself master, at most.

    With the skew of the lowest priority: a second in version 2 (RFC 3768), an advert_int in 3 (RFC 5798).
    """
    return 3 * advert_int + (advert_int if version == 3 else 1.0)


def effective_priority(
    instance: Instance,
    scripts: tuple[Script, ...] = (),
    files: tuple[TrackFile, ...] = (),
    *,
    succeeding: Mapping[str, bool] | None = None,
    contents: Mapping[str, int] | None = None,
) -> int:
    """The priority that the instance advertises, 1 to 254; 0 = it is in FAULT and takes no part.

    `succeeding` says which scripts succeed (by name; one that is not in it does), `contents` the number
    in each tracked file (by name; a missing file counts 0). A script of positive weight adds it while
    it succeeds, one of negative weight takes it away while it fails, one of weight 0 means FAULT when
    it fails. A file adds its number times its weight; with weight 0, any number but 0 means FAULT, and
    so does a sum of -254 or less. A base of 255 (the address owner) ignores all weights. Measured with
    keepalived 2.2.7.
    """
    weights = [_script(one, scripts, succeeding or {}) for one in instance.scripts]
    weights += [_file(one, files, contents or {}) for one in instance.files]
    if None in weights:
        return FAULT
    if instance.priority == OWNER:
        return OWNER
    total = instance.priority + sum(weight for weight in weights if weight)
    return min(max(total, LOWEST), HIGHEST)


def _script(track: Track, scripts: tuple[Script, ...], succeeding: Mapping[str, bool]) -> int | None:
    """What a tracked script adds; None = FAULT."""
    default = next((one.weight for one in scripts if one.name == track.name), 0)
    weight = default if track.weight is None else track.weight
    good = succeeding.get(track.name, True) != track.reverse
    if weight == 0:
        return 0 if good else None
    return weight if good == (weight > 0) else 0


def _file(track: Track, files: tuple[TrackFile, ...], contents: Mapping[str, int]) -> int | None:
    """What a tracked file adds; None = FAULT."""
    default = next((one.weight for one in files if one.name == track.name), 1)
    weight = default if track.weight is None else track.weight
    content = contents.get(track.name, 0)
    if weight == 0:
        return None if content else 0
    value = content * weight * (-1 if track.reverse else 1)
    return None if value <= -254 else min(value, HIGHEST)
