"""keepalived's dump of a configuration as it was read (`keepalived -d`), beside our views of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lbctl.document import Document
from lbctl.keepalived.election import followed, preempts
from lbctl.keepalived.settings import DOWN_TIMER_ADVERTS
from lbctl.keepalived.views import (
    Instance,
    Script,
    Track,
    TrackFile,
    Vip,
    instances,
    scripts,
    sync_groups,
    track_files,
)
from lbctl.model.ip import canonical

# It runs until the dump is whole, whose last part is of the interfaces, or until there will be none.
# Without BFD, whose process would dump its own among the lines of this one.
_RUN = """
setsid keepalived --dont-fork --log-console --dump-conf --vrrp --no_bfd \\
    --pid "$1.pid" --vrrp_pid "$1.vrrp.pid" --use-file "$1" >"$1.said" 2>&1 &
for tenth in $(seq 300); do
    sleep 0.1
    kill -0 $! 2>/dev/null || break
    grep -q -e "Interfaces >" -e "no configuration to run" "$1.said" && break
done
kill -s KILL -- "-$!" 2>/dev/null
cat "$1.said"
"""
BEGUN, WHOLE = b"VRRP Topology >", b"Interfaces >"
COMMAND = ("sh", "-c", _RUN, "sh", "FILE")
_STAMP = re.compile(r"^\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}: ")
_LIST = re.compile(r"   (.+?) ?(?:\(\d+\) ?)?:")
# What the node lacks, not the text: the program, its directory, its account.
_GONE = (
    re.compile(rb"Disabling track script (\S+) since not found"),
    re.compile(rb"Unable to set default user for vrrp script (\S+) "),
    re.compile(rb"Track file directory for (\S+) does not exist"),
)
_NO_ACCOUNT = re.compile(rb"Line (\d+)\) Unable to set uid/gid for script ")
# Programs that are links in Debian: the daemon names what they lead to.
_LINKS = {"pidof": "killall5"}
_VMAC = re.compile(r".* on (\S+?)(?:,.*)?|,.*")


@dataclass
class Block:
    """One thing in the dump: its settings, and its lists, line by line."""

    kind: str
    name: str
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)


def read(said: bytes) -> list[Block]:
    """The things that the daemon has, in its order."""
    found: list[Block] = []
    listing: list[str] = []
    for line in said.decode("utf-8", "replace").splitlines():
        text = _STAMP.sub("", line)
        depth = len(text) - len(text.lstrip(" "))
        name, equals, value = text.strip().partition(" = ")
        if depth == 1 and equals:
            found.append(Block(name, value))
        elif depth == 3 and found and (header := _LIST.fullmatch(text.rstrip())):
            listing = found[-1].lists.setdefault(header[1], [])
        elif depth == 3 and found:
            found[-1].values[name] = value
        elif depth == 5:
            listing.append(text.strip())
    return found


Facts = Mapping[str, object]


def beyond(document: Document) -> bool:
    """Whether the daemon makes text of this that the views leave as it is written."""
    return any(word.startswith("~") for _, one in document.walk() for word in one.words)


def theirs(said: bytes) -> Mapping[str, Facts]:
    """What the daemon has of each instance and script, by kind and name."""
    found: dict[str, Facts] = {}
    for block in read(said):
        if block.kind == "VRRP Instance":
            found[f"instance {block.name}"] = _their_instance(block)
        elif block.kind == "VRRP Script":
            found[f"script {block.name}"] = _their_script(block)
    return found


def ours(document: Document, said: bytes) -> Mapping[str, Facts]:
    """The same from our views, without what the daemon says that the node lacks.

    It has no script that nothing follows.
    """
    gone = {name.decode() for pattern in _GONE for name in pattern.findall(said)}
    defined = scripts(document)
    for line in map(int, _NO_ACCOUNT.findall(said)):
        gone.add([one.name for one in defined if one.line <= line][-1])
    known = tuple(one for one in defined if one.name not in gone)
    files = tuple(one for one in track_files(document) if one.name not in gone)
    groups = {one.name: one for one in sync_groups(document)}
    kept = [
        followed(_existing(one, known, files), known, files, groups.get(one.sync_group))
        for one in instances(document)
    ]
    used = {track.name for one in kept for track in one.scripts}
    used |= {track.name for one in groups.values() for track in one.scripts}
    found: dict[str, Facts] = {f"script {one.name}": _our_script(one) for one in known if one.name in used}
    return found | {f"instance {one.name}": _our_instance(one, known, files) for one in kept}


def _existing(one: Instance, known: Sequence[Script], files: Sequence[TrackFile]) -> Instance:
    names = {script.name for script in known}, {file.name for file in files}
    return replace(
        one,
        scripts=tuple(track for track in one.scripts if track.name in names[0]),
        files=tuple(track for track in one.files if track.name in names[1]),
    )


def _their_instance(block: Block) -> Facts:
    number, unit = block.values["Advert interval"].split()
    source = block.values["Using src_ip"].replace("(none) (from configuration)", "")
    return {
        "state": "" if "Sync group" in block.values else block.values["Wantstate"],
        "interface": _VMAC.sub(r"\1", block.values["Interface"]),
        "virtual_router_id": int(block.values["Virtual Router ID"]),
        "priority": int(block.values["Priority"]),
        "advert_int": int(number) / (1 if unit == "sec" else 1000),
        "down_timer_adverts": int(block.values.get("Down timer adverts", DOWN_TIMER_ADVERTS)),
        "nopreempt": block.values["Preempt"] == "disabled",
        "sync_group": block.values.get("Sync group", ""),
        "version": int(block.values["VRRP Version"]),
        "authenticated": block.values.get("Authentication type", "none") != "none",
        "vips": sorted(_their_vips(block.lists.get("Virtual IP", []))),
        "excluded": sorted(_their_vips(block.lists.get("Virtual IP Excluded", []))),
        "peers": [line.split()[0] for line in block.lists.get("Unicast Peer", [])],
        "unicast_source": source.split()[0] if "from configuration" in source else "",
        "scripts": block.lists.get("Tracked scripts", []),
        "files": [line.replace(",", "") for line in block.lists.get("Tracked files", [])],
    }


def _their_vips(lines: list[str]) -> Iterator[str]:
    for line in lines:
        words = line.split()
        device = words[words.index("dev") + 1].rpartition("@")[2] if "dev" in words else ""
        yield f"{words[0]} dev {device}"


def _our_vips(one: Instance, excluded: bool) -> list[str]:
    """Without those in which a name stands that nothing defines."""
    own = (vip for vip in one.vips if vip.excluded == excluded and "$" not in vip.address)
    return sorted(_vip(vip, one.interface) for vip in own)


def _vip(vip: Vip, interface: str) -> str:
    """As the daemon writes it: a whole address without its length."""
    whole = vip.prefix == (128 if ":" in vip.address else 32)
    return f"{vip.address if whole else vip} dev {vip.dev or interface}"


def _their_script(block: Block) -> Facts:
    return {
        "command": _command(shlex.split(block.values["Command"])),
        "interval": int(block.values["Interval"].split()[0]),
        "weight": block.values["Weight"],
        "rise": int(block.values["Rise"]),
        "fall": int(block.values["Fall"]),
    }


def _our_instance(one: Instance, known: Sequence[Script], files: Sequence[TrackFile]) -> Facts:
    return {
        "state": "" if one.sync_group else one.state,
        "interface": one.interface,
        "virtual_router_id": one.virtual_router_id,
        "priority": one.priority,
        "advert_int": one.advert_int,
        "down_timer_adverts": one.down_timer_adverts,
        "nopreempt": not preempts(one),
        "sync_group": one.sync_group,
        "version": one.version,
        "authenticated": one.authenticated,
        "vips": _our_vips(one, excluded=False),
        "excluded": _our_vips(one, excluded=True),
        "peers": [canonical(peer) for peer in one.peers if "$" not in peer],
        "unicast_source": one.unicast_source if "$" not in one.unicast_source else "",
        "scripts": [_track(track, {script.name: script.weight for script in known}) for track in one.scripts],
        "files": [_track(track, {file.name: file.weight for file in files}) for track in one.files],
    }


def _track(track: Track, weights: Mapping[str, int]) -> str:
    weight = weights.get(track.name, 0) if track.weight is None else track.weight
    return f"{track.name} weight {weight}{' reverse' if track.reverse else ''}"


def _command(words: list[str]) -> list[str]:
    """The daemon finds the program's path."""
    program = words[0].rpartition("/")[2]
    return [_LINKS.get(program, program), *words[1:]]


def _our_script(one: Script) -> Facts:
    return {
        "command": _command(shlex.split(one.command)),
        "interval": int(one.interval),
        "weight": f"{one.weight}{' reverse' if one.reverse else ''}",
        "rise": one.rise,
        "fall": one.fall,
    }
