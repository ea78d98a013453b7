"""What drift asks beside the facts that every plan has, and how the answers are read."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from lbctl.host.package import versions, versions_probe
from lbctl.host.sysctl import FOLDERS, boot_listing, boot_values, dotted, proc_path, settings, words
from lbctl.model.cluster import ManagedFile, Node
from lbctl.model.command import Answers, Command, Probe, command
from lbctl.model.effect import Impact
from lbctl.model.layers import InForce, Layers, Loaded, Noted, SetByHand

DAEMONS = ("haproxy", "keepalived")
# of the bits of srv_admin_state those that a command at run time sets; what the file says, and what follows
# another server, an agent or a name that is not resolved, have bits of their own
_MAINT, _DRAIN = 1, 8
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight …
_CHANGED = "NF > 8 && $1 + 0 > 0 && ($7 % 2 || int($7 / 8) % 2 || $8 != $9) { print $2, $4, $7, $8, $9 }"


def probes(node: Node, socket: str | None) -> Iterator[Probe]:
    """`socket` is HAProxy's, of level admin, where it has one."""
    yield Probe("loaded", f"({_script(node, 'look')}) 2>/dev/null")
    yield versions_probe(dict.fromkeys([*DAEMONS, *(package.name for package in node.packages)]), "versions")
    if socket:
        place = shlex.quote(socket)
        ask = f"echo 'show servers state' | socat -t 5 - UNIX-CONNECT:{place}"
        yield Probe(
            "set", f"[ -S {place} ] && command -v socat >/dev/null || return 3; {ask} | awk '{_CHANGED}'"
        )
    named = list(_sysctls(node))
    if named:
        cat = "; ".join(f"cat {shlex.quote(proc_path(key))} 2>/dev/null || echo" for _, key in named)
        yield Probe("force.live", cat)
        yield Probe("force.boot", boot_listing())


def note(node: Node, recorded: Iterable[str] = (), adopted: Iterable[str] = ()) -> Command:
    """The daemons have read their files: it is noted of which process that is known to be true.

    An apply has nothing of some files loaded: of `recorded` ones somebody changed what lbctl had put there,
    and the cluster file says the same by now; `adopted` ones were there before lbctl.
    """
    head = f"recorded={shlex.quote(' '.join(recorded))} adopted={shlex.quote(' '.join(adopted))}\n"
    return command("note_loaded", stdin=(head + _script(node, "note")).encode())


def layers(node: Node, answers: Answers) -> Layers:
    """What the probes found."""
    said = {name: answers[name].text for name in ("loaded", "set") if name in answers}
    asked = "set" in answers and answers["set"].status == 0
    return Layers(
        loaded=tuple(_loaded(said.get("loaded", ""))),
        servers=tuple(_set_by_hand(said["set"])) if asked else None,
        versions=tuple(sorted((versions(answers, "versions") or {}).items())),
        sysctls=tuple(_in_force(node, answers)),
    )


def _script(node: Node, what: str) -> str:
    lines = [files("lbctl.host").joinpath("loaded.sh").read_text(), f"what={what}"]
    for unit, by_how in _reads(node).items():
        lines.append(f"of {shlex.quote(unit)}")
        lines += [f"files {how} {shlex.join(paths)}" for how, paths in by_how.items()]
    return "\n".join([*lines, ":\n"])


def _reads(node: Node) -> Mapping[str, Mapping[str, list[str]]]:
    """By unit, and by what makes it read them: the paths of the files that lbctl has there and watches."""
    found: dict[str, dict[str, list[str]]] = {
        unit: {} for unit in DAEMONS if any(service.name == unit for service in node.services)
    }
    for file in filter(watched, node.files):
        for effect in file.effects:
            if effect.impact is not Impact.NONE:
                found.setdefault(effect.unit, {}).setdefault(str(effect.impact), []).append(file.path)
    return found


def watched(file: ManagedFile) -> bool:
    """What another program renews is its own to have loaded."""
    return file.watch and not file.absent


def _loaded(text: str) -> Iterator[Loaded]:
    for line in text.splitlines():
        found = line.split(" ", 5)
        if len(found) == 6:
            unit, how, read, written, noted, path = found
            yield Loaded(unit, how, path, float(read), float(written), Noted(noted))


def _set_by_hand(text: str) -> Iterator[SetByHand]:
    for line in text.splitlines():
        backend, server, *numbers = line.split()
        admin, weight, initial = map(int, numbers)
        yield SetByHand(backend, server, bool(admin & _MAINT), bool(admin & _DRAIN), weight, initial)


def _sysctls(node: Node) -> Iterator[tuple[str, str]]:
    """The managed files that a boot reads settings from, and the keys in them."""
    for file in filter(watched, node.files):
        folder, _, name = file.path.rpartition("/")
        if folder in FOLDERS and name.endswith(".conf"):
            lines = file.content.shown.decode("utf-8", "replace").splitlines()
            yield from ((file.path, key) for key, _ in settings(lines))


def _in_force(node: Node, answers: Answers) -> Iterator[InForce]:
    if "force.live" not in answers or "force.boot" not in answers:
        return
    live, boot = answers["force.live"].text.splitlines(), boot_values(answers["force.boot"].text)
    for (path, key), value in zip(_sysctls(node), live, strict=False):
        if dotted(key) in boot:
            yield InForce(path, key, boot[dotted(key)], words(value))
