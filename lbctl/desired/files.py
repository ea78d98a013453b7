"""The `files:` part: anything else that the daemons read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lbctl.desired.fill import Filling
from lbctl.desired.models import NodeFile, SecretRef
from lbctl.desired.secrets import Ref
from lbctl.desired.sources import source
from lbctl.desired.tree import Findings, Map, Scalar, Tree, place_of
from lbctl.errors import Place
from lbctl.model.cluster import ManagedFile
from lbctl.model.content import Content, plain, unresolved
from lbctl.model.effect import Effect, Impact, merged

_IMPACTS = {"reload": Impact.RELOAD, "restart": Impact.RESTART}


@dataclass(frozen=True)
class Wording:
    """Two fillings of one node: `shown` masks secrets, `real` reveals them (None: they are not resolved)."""

    shown: Filling
    real: Filling | None


def managed(
    path: str, model: NodeFile, tree: Tree, units: Collection[str], wording: Wording, base: Path
) -> ManagedFile:
    """One file on one node. What is wrong is in the filling's findings; the result is then of no use."""
    findings = wording.shown.findings
    effects = tuple(_effects(model, tree, units, path, findings))
    content = _content(path, model, tree, wording, base)
    is_secret = model.secret is not None or content.secret or bool(wording.shown.used)
    mode = model.mode or ("0600" if is_secret else "0644")
    return ManagedFile(
        path, content, mode, model.owner, model.group, "", merged(effects), model.watch, model.absent
    )


def reference(model: SecretRef, place: Place, findings: Findings) -> Ref | None:
    """Where the secret is; None (said) unless exactly one place is named."""
    if (model.env is None) == (model.file is None):
        findings.error(
            "a secret is one of {env: NAME} and {file: PATH}", place, "remove the other, or add one"
        )
        return None
    return Ref("env", model.env, place) if model.env is not None else Ref("file", model.file or "", place)


def _effects(
    model: NodeFile, tree: Tree, units: Collection[str], path: str, findings: Findings
) -> list[Effect]:
    found = []
    for number, text in enumerate(model.after):
        verb, _, unit = text.partition(" ")
        if verb not in _IMPACTS or unit not in units:
            known = ", ".join(f"{verb} {unit}" for unit in units for verb in _IMPACTS)
            place = place_of(tree, ("after", number))
            findings.error(
                f"files.{path}.after: {text!r} is nothing that lbctl does", place, f"one of: {known}"
            )
            continue
        found.append(Effect(unit, _IMPACTS[verb]))
    return found


def _content(path: str, model: NodeFile, tree: Tree, wording: Wording, base: Path) -> Content:
    """What shall stand in the file; one of from, content, secret says it, or absent."""
    findings = wording.shown.findings
    given = {
        "from": model.source,
        "content": model.content,
        "secret": model.secret,
        "absent": model.absent or None,
    }
    named = [key for key, value in given.items() if value is not None]
    if len(named) != 1:
        text = f"files.{path}: {' and '.join(named)} at once" if named else f"files.{path}: no content"
        mend = "one of from: PATH, content: |, secret: {file: PATH} and absent: true"
        findings.error(text, tree.place, mend)
        return plain(b"")
    if model.secret is not None:
        return _secret(model.secret, place_of(tree, ("secret",)), wording)
    if model.source is not None:
        place = place_of(tree, ("from",))
        data = source(base, model.source, place, findings)
        file = str(Path(findings.file).parent / model.source)
        return _templated(data or b"", Place(file, 1), model, wording)
    content = tree.get("content") if isinstance(tree, Map) else None
    start = content.place if isinstance(content, Scalar) else tree.place
    return _templated((model.content or "").encode(), start, model, wording)


def _secret(model: SecretRef, place: Place, wording: Wording) -> Content:
    ref = reference(model, place, wording.shown.findings)
    if ref is None:
        return plain(b"")
    wording.shown.used.add(ref)
    masked = b"***\n"
    return Content(wording.real.secrets.whole(ref), masked) if wording.real else unresolved(masked)


def _templated(data: bytes, start: Place, model: NodeFile, wording: Wording) -> Content:
    if not model.template:
        return plain(data)
    shown = _filled(data, start, wording.shown)
    if wording.shown.used and not wording.real:
        return unresolved(shown)
    real = _filled(data, start, wording.real) if wording.real and wording.shown.used else shown
    return Content(real, shown)


def _filled(data: bytes, start: Place, filling: Filling) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    found: list[str] = []
    for number, line in enumerate(text.split("\n")):
        found += filling.line(line, Place(start.file, start.line + number))
    return "\n".join(found).encode("utf-8", "surrogateescape")
