"""What is asked of every node beside the kinds' resources, and how the answers are read."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_interface

from lbctl.model.command import Answer, Answers, Probe
from lbctl.model.facts import Daemon, DrainRecord, Listener, LockHolder, Undone, plan_of

_UNITS = ("haproxy", "keepalived")
_PROPERTIES = (
    "Id",
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "MainPID",
    "StatusText",
    "NeedDaemonReload",
    "LimitNOFILE",
)
_BASE = "/var/lib/lbctl"
_MASTER = "/run/haproxy-master.sock"
_FAILED = re.compile(r"\bmaster\b.*\[failed: [1-9]")
RELOAD_FAILED = "Reload failed!"
"""What HAProxy's master tells systemd, where it does; the old workers go on."""

PROBES: tuple[Probe, ...] = (
    # in a shell of its own: it is another's file, and sets variables
    Probe("os", '(. /etc/os-release && echo "$PRETTY_NAME"); cat /proc/sys/kernel/random/boot_id'),
    Probe(
        "tools",
        "for t in socat nft ss bash unshare flock killall; do command -v $t >/dev/null && echo $t; done; :",
    ),
    Probe("addresses", "ip -o addr show"),
    Probe("sockets", "ss -Hltnp"),
    # since the last reload that succeeded: `PID master RELOADS [failed: N] …`
    Probe(
        "master", f"[ -S {_MASTER} ] && echo 'show proc' | socat -t 5 - UNIX-CONNECT:{_MASTER} 2>/dev/null; :"
    ),
    Probe("owner", f"cat {_BASE}/owner.json 2>/dev/null || echo none"),
    # asking by taking it would disturb an apply that wants it; /proc/locks names inodes that differ from
    # stat's on some file systems (overlayfs), so the holder is known by its descriptor, see hold_lock
    Probe(
        "lock",
        f"[ ! -e {_BASE}/lock.info ] || ! ls -l /proc/[0-9]*/fd/9 2>/dev/null | grep -q ' -> {_BASE}/lock$' "
        f"|| cat {_BASE}/lock.info",
    ),
    # an undo that was cut off itself stands in `undoing`
    Probe("armed", f"cat {_BASE}/armed/id {_BASE}/undoing/id 2>/dev/null | head -n 1; :"),
    Probe("undone", f"tail -n 1 {_BASE}/journal 2>/dev/null | grep ' undone '; :"),
    Probe("drain", f"cat {_BASE}/drain 2>/dev/null || echo 0"),
    Probe("drained", f"cat {_BASE}/drain.json 2>/dev/null; :"),
    Probe(
        "samples",
        f"[ -e {_BASE}/owner.json ] || "
        "md5sum /etc/haproxy/haproxy.cfg 2>/dev/null | { read sum path && "
        "dpkg-query -W -f '${Conffiles}\\n' haproxy 2>/dev/null | grep -q \"$path $sum\" && echo $path; }; :",
    ),
)


def units_probe(services: Iterable[str]) -> Probe:
    """The two daemons and these services, in one question: systemctl costs 5 ms a call."""
    units = " ".join(f"{unit}.service" for unit in dict.fromkeys([*_UNITS, *services]))
    return Probe("units", f"systemctl show {' '.join(f'-p {p}' for p in _PROPERTIES)} {units}")


def units(answers: Answers) -> dict[str, dict[str, str]] | None:
    """Every unit's properties by its name without .service; None when systemctl did not answer."""
    answer = answers.get("units")
    if answer is None or answer.status != 0:
        return None
    blocks = answer.text.strip().split("\n\n")
    found = [dict(_pair(line) for line in block.splitlines()) for block in blocks]
    return {unit.get("Id", "").removesuffix(".service"): unit for unit in found}


def stats_probe(socket: str) -> Probe:
    """The servers' states, from HAProxy's stats socket; status 3 = it cannot be asked."""
    ask = f"echo 'show stat -1 4 -1' | socat -t 5 - UNIX-CONNECT:{shlex.quote(socket)}"
    return Probe("stat", f"[ -S {shlex.quote(socket)} ] && command -v socat >/dev/null || return 3; {ask}")


def connections_probe(vips: Sequence[str]) -> Probe:
    """Sockets with these addresses on this side; on the other; and on both, as one's own clients have them,
    each connection twice."""
    here, there = of_addresses(vips), of_addresses(vips, "dst")
    filters = (here, there, f"{here}' and '{there}")
    return Probe("connections", "; ".join(f"ss -Htn state established {one} | wc -l" for one in filters))


def of_addresses(addresses: Iterable[str], side: str = "src") -> str:
    """A filter of ss's, as one word: the sockets that have one of these on this side; dst: on the other."""
    found = (f"{side} [{one}]" if ":" in one else f"{side} {one}" for one in addresses)
    return f"'( {' or '.join(found)} )'"


# what it logs of its traffic, addresses and URLs of clients, comes as syslog: that is nobody's business here.
# keepalived says everything so
_OWN_WORDS = {"haproxy": "_TRANSPORT=stdout _TRANSPORT=journal"}
# a reload says three lines for each of its proxies
_CHATTER = ": (Paused|Resumed) |: Proxy .* stopped "


def messages_probe(unit: str, seconds: int) -> Probe:
    """What a unit has said of itself in the last seconds, by the node's own clock; at most 64 kB."""
    match = f"--since=-{seconds}s -n 20000 -u {shlex.quote(unit)} {_OWN_WORDS.get(unit, '')}"
    return Probe(
        f"messages.{unit}",
        f"command -v journalctl >/dev/null || return 3; "
        f"journalctl -q --no-pager --utc -o short-iso-precise {match} | "
        f"grep -v -E {shlex.quote(_CHATTER)} | tail -n 300 | tail -c 65536",
    )


def journal_probe(plan: str) -> Probe:
    """The lines of lbctl's own journal there that are of a plan."""
    grep = f"grep -F -e {shlex.quote(f' {plan} ')} {_BASE}/journal"
    return Probe("journal", f"[ ! -e {_BASE}/journal ] || {grep} || [ $? = 1 ]")


def lines(answers: Answers, name: str) -> list[str]:
    answer = answers.get(name)
    return answer.text.splitlines() if answer is not None else []


def held(answers: Answers) -> frozenset[str]:
    """Addresses on any interface but lo, without their prefixes. `ip -o`: one address a line."""
    found = set()
    for line in lines(answers, "addresses"):
        words = line.split()
        if len(words) > 3 and words[1] != "lo" and words[2] in ("inet", "inet6"):
            found.add(words[3].partition("/")[0])
    return frozenset(found)


def networks(answers: Answers) -> frozenset[str]:
    """Those that the node is in, of any interface but lo; a link's own, which all have, is none."""
    rows = (line.split() for line in lines(answers, "addresses"))
    own = [row for row in rows if len(row) > 3 and row[1] != "lo" and row[2] in ("inet", "inet6")]
    return frozenset(
        str(one.network)
        for one in (ip_interface(row[3]) for row in own)
        if not one.is_link_local and one.network.prefixlen < one.max_prefixlen
    )


_PID = re.compile(r"pid=(\d+)")


def listeners(answers: Answers) -> tuple[Listener, ...]:
    """From `ss -Hltnp`: State Recv-Q Send-Q Local:Port Peer:Port users:((…pid=N…))."""
    found = []
    for line in lines(answers, "sockets"):
        words = line.split(maxsplit=5)
        if len(words) < 5 or words[0] != "LISTEN":
            continue
        address, _, port = words[3].rpartition(":")
        pids = tuple(int(pid) for pid in _PID.findall(words[5])) if len(words) > 5 else ()
        # "192.0.2.1%eth0" and "[fe80::1]%eth0" are bound to a device
        found.append(Listener(address.partition("%")[0].strip("[]"), int(port), pids))
    return tuple(found)


def daemons(answers: Answers) -> tuple[Daemon, ...]:
    """The two units. HAProxy 2.6 tells systemd nothing of a reload that failed; its master counts them."""
    found = tuple(_daemon(name, unit) for name, unit in (units(answers) or {}).items() if name in _UNITS)
    if not any(_FAILED.search(line) for line in lines(answers, "master")):
        return found
    return tuple(replace(one, status=RELOAD_FAILED) if one.unit == "haproxy" else one for one in found)


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name, value


def _daemon(name: str, unit: dict[str, str]) -> Daemon:
    return Daemon(
        unit=name,
        loaded=unit.get("LoadState") == "loaded",
        enabled=unit.get("UnitFileState") == "enabled",
        active=unit.get("ActiveState") in ("active", "reloading"),
        main_pid=int(unit.get("MainPID", "0") or 0),
        status=unit.get("StatusText", ""),
        failed=unit.get("ActiveState") == "failed",
        open_files=int(unit.get("LimitNOFILE", "").replace("infinity", "") or 0),
    )


def lock_holder(answers: Answers) -> LockHolder | None:
    found: Sequence[str] = lines(answers, "lock")
    return LockHolder(*found[:3]) if len(found) >= 3 else None


def undone(answers: Answers) -> Undone | None:
    """From the journal's last line: `TIME PLAN undone HOW`."""
    words = " ".join(lines(answers, "undone")).split()
    return Undone(words[0], plan_of(words[1]), words[3]) if len(words) == 4 else None


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def drain_record(answers: Answers) -> DrainRecord | None:
    """An operator's own drain. A record that cannot be read is one whose time has passed."""
    text = "\n".join(lines(answers, "drained"))
    if not text:
        return None
    try:
        record = json.loads(text)
        found = DrainRecord(*(str(record[name]) for name in ("who", "since", "until", "reason")))
    except (ValueError, KeyError, TypeError):
        found = None
    if found is None or not _TIME.fullmatch(found.until):
        return DrainRecord("somebody", "", "", f"{_BASE}/drain.json cannot be read")
    return found


def drain_record_text(record: DrainRecord) -> bytes:
    """The bytes of an operator's drain record."""
    form = {"format_version": 1, "who": record.who, "since": record.since, "until": record.until}
    return json.dumps({**form, "reason": record.reason}).encode() + b"\n"


def number(answer: Answer | None) -> int:
    text = answer.text.strip() if answer is not None else ""
    return int(text) if text.lstrip("-").isdigit() else 0


def connections(answers: Answers) -> tuple[int, int]:
    """How many are open here, which a plain move of the VIP would cut; and how many the node's own clients
    have open, here or elsewhere. (0, 0) where nothing was asked, or nothing answered.
    """
    found = [int(word) for word in lines(answers, "connections") if word.isdigit()]
    if len(found) != 3:
        return 0, 0
    here, there, both = found
    return here - both // 2, there - both // 2
