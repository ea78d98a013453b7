"""Files: content, mode and owner; or their absence. Never through a symbolic link."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Sequence

from lbctl.model.change import Action, Change
from lbctl.model.cluster import ManagedFile, Node
from lbctl.model.command import Answer, Answers, Command, Probe, command
from lbctl.model.content import Content, masked_alike
from lbctl.model.kind import Work
from lbctl.model.resource import Address, Resource, Scalar, Unknown, resource

# type, mode, owner, group on one line; the bytes, for a regular file, on the next ones
_READ = (
    "f={path}; if [ -L $f ]; then echo link; elif [ -f $f ]; then "
    "stat -c 'file %a %U %G' $f && base64 -w0 $f; elif [ -e $f ]; then echo other; else echo absent; fi"
)


Mask = Callable[[bytes], bytes]


class FileKind:
    """`masks` hide the secrets of files below a folder: the daemons' own languages, each in its own way."""

    name = "file"

    def __init__(self, masks: Sequence[tuple[str, Mask]] = ()) -> None:
        self._masks = tuple(masks)

    def desired(self, node: Node, key: str) -> Sequence[Resource]:
        return [self._desired(node.name, f, key) for f in node.files]

    def _desired(self, node: str, f: ManagedFile, key: str) -> Resource:
        address = Address(node, self.name, f.path)
        if f.absent:
            return resource(address, {"present": False})
        values: dict[str, Scalar] = {"content": f.content.digest(key)}
        return resource(address, {**values, "mode": f.mode, "owner": f"{f.owner}:{f.group}"}, f.content)

    def probes(self, wanted: Sequence[Resource]) -> Sequence[Probe]:
        return [
            Probe(f"file.{number}", _READ.format(path=shlex.quote(r.address.name)))
            for number, r in enumerate(wanted)
        ]

    def live(self, wanted: Sequence[Resource], answers: Answers, key: str) -> Sequence[Resource | Unknown]:
        found = []
        for number, wish in enumerate(wanted):
            live = _live(wish, answers.get(f"file.{number}"))
            if isinstance(live, Resource) and live.content is not None:
                content = self._masked(wish, live.content.data, str(live.value("mode")))
                values = (
                    {**live.values, "content": content.digest(key)} if "mode" in live.values else live.values
                )
                live = resource(live.address, values, content)
            if live is not None:
                found.append(live)
        return found

    def _masked(self, wish: Resource, data: bytes, mode: str) -> Content:
        """Live bytes with what may be shown of them: nothing of a secret, nothing of a private key.

        A file that is dropped, or that not everybody on the node may read, may hold one that nobody names.
        """
        path = wish.address.name
        mask = next((mask for folder, mask in self._masks if path.startswith(folder)), None)
        if mask is not None:
            return Content(data, masked_alike(mask(data), wish.content))
        hidden = wish.content is None or wish.content.secret or not _public(mode) or b"PRIVATE KEY" in data
        return Content(data, b"***\n" if hidden else data)

    def work(self, change: Change) -> Work:
        path = change.address.name
        number = hashlib.sha256(path.encode()).hexdigest()[:12]
        save = (command("save_file", number, path),)
        expected = _sha256(change.before)
        match change.action:
            case Action.DELETE:
                return Work(
                    stage=(command("stage_absent", path),),
                    save=save,
                    swap=(command("delete_file", path, expected),),
                )
            case Action.RESTORE:
                return Work(save=save, swap=(command("give_back", path, expected),))
            case _:
                return self._write(change, number, save, expected)

    def _write(self, change: Change, number: str, save: tuple[Command, ...], expected: str) -> Work:
        assert change.desired is not None and change.after is not None
        path = change.address.name
        mode = str(change.desired.value("mode"))
        owner, _, group = str(change.desired.value("owner")).partition(":")
        digest = _sha256(change.after)
        # of what the last apply left nothing is an original any more
        first = all(difference.applied is None for difference in change.differences)
        return Work(
            stage=(command("stage_file", number, path, mode, owner, group, digest, stdin=change.after.data),),
            save=(command("keep_original", path), *save) if first else save,
            swap=(command("swap_file", number, path, mode, owner, group, digest, expected),),
        )


def _public(mode: str) -> bool:
    return mode[-1:] in ("4", "5", "6", "7")


def _sha256(content: Content | None) -> str:
    """For the compare-and-swap on the node itself; it never leaves the connection."""
    return hashlib.sha256(content.data).hexdigest() if content else "absent"


def _live(wish: Resource, answer: Answer | None) -> Resource | Unknown | None:
    if answer is None or answer.status != 0:
        return Unknown(wish.address, "it could not be read")
    head, _, body = answer.output.partition(b"\n")
    words = head.decode("utf-8", "replace").split()
    if words == ["absent"]:
        return resource(wish.address, {"present": False}) if wish.value("present") is False else None
    if words[:1] == ["link"]:
        return Unknown(wish.address, "it is a symbolic link, and lbctl writes through none")
    if words[:1] != ["file"]:
        return Unknown(wish.address, "it is no regular file")
    content = Content(base64.b64decode(body), b"")
    if wish.value("present") is False:
        return resource(wish.address, {"present": True}, content)
    mode, owner = words[1].rjust(4, "0"), f"{words[2]}:{words[3]}"
    return resource(wish.address, {"content": "", "mode": mode, "owner": owner}, content)
