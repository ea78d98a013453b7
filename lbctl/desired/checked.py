"""A tree checked against a model: pydantic's findings as plain located problems, and what is left usable.

What is wrong is cut out and the rest is checked again, so that the later stages find their problems too.
"""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lbctl.desired.fields import shown
from lbctl.desired.tree import Findings, Key, Map, Tree, place_of, plain, without
from lbctl.document.nearest import did_you_mean

M = TypeVar("M", bound=BaseModel)

MOST_ROUNDS = 12


def checked(tree: Map, model: type[M], findings: Findings, under: str = "") -> tuple[M | None, Map]:
    """The model of what is good in `tree`, and that part of the tree. None: nothing usable is left.

    `under` is written before each key in the messages ("nodes.lb1.").
    """
    rest: Tree = tree
    for _ in range(MOST_ROUNDS):
        try:
            return model.model_validate(plain(rest)), rest if isinstance(rest, Map) else tree
        except ValidationError as error:
            cuts = [_reported(found, tree, rest, model, findings, under) for found in error.errors()]
        if () in cuts:
            break
        for cut in sorted(cuts, key=_latest_first, reverse=True):
            rest = without(rest, cut)
    return None, rest if isinstance(rest, Map) else tree


def _latest_first(path: tuple[Key, ...]) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


def _reported(
    found: ErrorDetails, whole: Tree, rest: Tree, model: type[BaseModel], findings: Findings, under: str
) -> tuple[Key, ...]:
    """Add one of pydantic's findings to `findings`; the path to cut out so that the rest may be good."""
    on_key = bool(found["loc"]) and found["loc"][-1] == "[key]"
    path = tuple(step for step in found["loc"] if step != "[key]")
    kind, dotted = found["type"], under + ".".join(str(step) for step in path)
    if kind == "missing":
        parent = path[:-1]
        named = under + ".".join(str(step) for step in parent) or "the file"
        mend = f"add `{path[-1]}: …`"
        if not _broken(whole, path):
            findings.error(f"{named} has no {path[-1]}", place_of(rest, parent, key=True), mend)
        return parent
    if kind == "extra_forbidden":
        mend = did_you_mean(str(path[-1]), _keys(model, path[:-1]))
        findings.error(f"unknown key {dotted}", place_of(rest, path, key=True), mend)
        return path
    text, mend = _about_secret(found) if _SECRET & set(path) else _plainly(found)
    findings.error(f"{dotted}: {text}", place_of(rest, path, key=on_key), mend)
    return path


def _broken(whole: Tree, path: tuple[Key, ...]) -> bool:
    """The key is there and was cut out for another problem: that it is missing now is nobody's fault."""
    tree: Tree | None = whole
    for step in path:
        if not isinstance(tree, Map):
            return False
        tree = tree.get(str(step))
    return tree is not None


_SECRET = frozenset({"secret", "secrets", "become_password"})
"""Where a value that is wrong may be the secret itself: it is not repeated."""


def _about_secret(found: ErrorDetails) -> tuple[str, str]:
    wanted = _TYPES.get(found["type"])
    text = f"not {wanted}" if wanted else "not the name of an environment variable, or a path"
    return text, "a secret is {env: NAME} or {file: PATH}, never the value itself"


_TYPES = {
    "string_type": "a string",
    "int_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _plainly(found: ErrorDetails) -> tuple[str, str]:
    """Text and mend of a finding."""
    value, kind = found["input"], found["type"]
    context: dict[str, Any] = found.get("ctx", {})
    if kind == "lbctl":
        return context["text"], context["mend"]
    if kind == "literal_error":
        return f"{shown(value)} is not {context['expected']}", ""
    wanted = _TYPES.get(kind)
    if wanted is None:
        return found["msg"], ""
    number = isinstance(value, bool | int | float)
    mend = "quote it" if wanted == "a string" and number else ""
    return f"{shown(value)} is not {wanted}", mend


def _keys(model: type[BaseModel], path: tuple[Key, ...]) -> list[str]:
    """The keys that the level at `path` knows."""
    level: object = model
    for step in path:
        level = _below(level, str(step))
    if not (isinstance(level, type) and issubclass(level, BaseModel)):
        return []
    return [field.alias or name for name, field in level.model_fields.items()]


def _below(level: object, step: str) -> object:
    """The annotation one step down: a model's field, or the values of a mapping."""
    if isinstance(level, type) and issubclass(level, BaseModel):
        found = (f.annotation for n, f in level.model_fields.items() if step == (f.alias or n))
        annotation: object = next(found, None)
    else:
        annotation = (get_args(level) or (None,))[-1]
    options = [arg for arg in get_args(annotation) if arg is not type(None)]
    is_union = annotation is not None and type(None) in get_args(annotation)
    return options[0] if is_union else annotation
