"""Kernel settings: the value now, and the value that the next boot would set."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from lbctl.model.change import Action, Change
from lbctl.model.cluster import Node
from lbctl.model.command import Answers, Probe, command
from lbctl.model.kind import Work
from lbctl.model.resource import Address, Resource, Unknown, resource

OUR_FILE = "/etc/sysctl.d/99-zz-lbctl.conf"
# sysctl.d(5): of two files with one name the one in the earlier folder counts; files are read by name
FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
# one that is a link to /dev/null hides its namesake in a later folder, and has nothing in it
_BOOT = 'for f in {globs}; do [ -e "$f" ] || continue; echo "# $f"; grep -v "^ *[#;]" "$f"; done; :'


def boot_listing() -> str:
    """A fragment of sh: the files that a boot reads settings from, headed by `# PATH`; see boot_values."""
    return _BOOT.format(globs=" ".join(f"{folder}/*.conf" for folder in FOLDERS))


class SysctlKind:
    name = "sysctl"

    def desired(self, node: Node, key: str) -> Sequence[Resource]:
        return [
            resource(Address(node.name, self.name, s.key), {"live": words(s.value), "boot": words(s.value)})
            for s in node.sysctls
        ]

    def probes(self, wanted: Sequence[Resource]) -> Sequence[Probe]:
        if not wanted:
            return []
        live = "; ".join(f"cat {shlex.quote(proc_path(r.address.name))} || echo" for r in wanted)
        return [Probe("sysctl.live", f"{live}; :"), Probe("sysctl.boot", boot_listing())]

    def live(self, wanted: Sequence[Resource], answers: Answers, key: str) -> Sequence[Resource | Unknown]:
        if not wanted:
            return []
        live, boot = answers.get("sysctl.live"), answers.get("sysctl.boot")
        if live is None or boot is None:
            return [Unknown(r.address, "the kernel's settings were not read") for r in wanted]
        values = live.text.splitlines()
        at_boot = boot_values(boot.text)
        found: list[Resource | Unknown] = []
        for number, wish in enumerate(wanted):
            address = wish.address
            value = words(values[number]) if number < len(values) else None
            found.append(resource(address, {"live": value, "boot": at_boot.get(dotted(address.name))}))
        return found

    def work(self, change: Change) -> Work:
        key = change.address.name
        save = (command("save_sysctl", key), command("save_file", "sysctl.conf", OUR_FILE))
        if change.action is Action.DELETE:
            return Work(save=save, swap=(command("drop_sysctl", key),))
        assert change.desired is not None
        return Work(save=save, swap=(command("set_sysctl", key, str(change.desired.value("live"))),))


def proc_path(key: str) -> str:
    """Where the kernel keeps it. A key with a slash is in sysctl's other spelling (eth0.1 has a dot)."""
    return "/proc/sys/" + (key if "/" in key else key.replace(".", "/"))


def boot_values(listing: str) -> dict[str, str]:
    """The last value of each key, from all files' lines headed by `# PATH`."""
    files: dict[str, tuple[int, list[str]]] = {}
    lines: list[str] = []
    for line in listing.splitlines():
        if not line.startswith("# "):
            lines.append(line)
            continue
        folder, _, name = line[2:].rpartition("/")
        rank = FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)
        lines = []
        if name not in files or rank < files[name][0]:
            files[name] = (rank, lines)
    return {dotted(key): words(value) for name in sorted(files) for key, value in settings(files[name][1])}


def settings(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Key and value of a file's lines, as they are written; comments and globs' exceptions are none."""
    for line in lines:
        key, found, value = line.strip().removeprefix("-").partition("=")
        if found and not key.startswith(("#", ";")):
            yield key.strip(), value


def dotted(key: str) -> str:
    return key.translate(str.maketrans("/.", "./")) if "/" in key else key


def words(value: str) -> str:
    return " ".join(value.split())
