"""Frozen nouns as JSON values and back, by their fields and types: a new field needs nothing here.

Fields outside a noun's equality (`compare=False`) are left out: those are what carries a file's content.
Reading trusts nothing: each value is held against its type, and one that is not of it is a MalformedError.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import TypeVar, cast, get_args, get_origin

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Noun = TypeVar("Noun")


class MalformedError(ValueError):
    """A value is missing or of another type; the text names it."""


def encode(value: object) -> Json:
    """A noun, or a part of one, as JSON values: enums by name, tuples as lists."""
    if value is None or isinstance(value, str | float | bool):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int):
        return value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _fields(type(value))}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def decode(kind: type[Noun], value: object, where: str) -> Noun:
    """The noun that `encode` made `value` from. Raises MalformedError, naming the place under `where`."""
    return cast("Noun", _decode(kind, value, where))


def _decode(kind: object, value: object, where: str) -> object:
    if get_origin(kind) in (typing.Union, types.UnionType):
        return _one_of(get_args(kind), value, where)
    if get_origin(kind) is tuple:
        items = _of(list, value, where)
        return tuple(_decode(get_args(kind)[0], item, f"{where}[{n}]") for n, item in enumerate(items))
    if not isinstance(kind, type):
        raise TypeError(f"{kind} has no form in JSON")
    if issubclass(kind, Enum):
        return _member(kind, value, where)
    if dataclasses.is_dataclass(kind):
        return _noun(kind, value, where)
    return _of(kind, value, where)


def _noun(kind: type, value: object, where: str) -> object:
    found = _of(dict, value, where)
    hints = _fields(kind)
    odd = (found.keys() ^ hints.keys()) - (_optional(kind) - found.keys())
    if odd:
        raise MalformedError(f"{where} lacks or does not know: {', '.join(sorted(map(str, odd)))}")
    return kind(
        **{
            name: _decode(hint, found[name], f"{where}.{name}")
            for name, hint in hints.items()
            if name in found
        }
    )


def _member(kind: type[Enum], value: object, where: str) -> Enum:
    name = _of(str, value, where)
    if name not in kind.__members__:
        raise MalformedError(f"{where} is none of {', '.join(kind.__members__)}")
    return kind[name]


def _one_of(kinds: Sequence[object], value: object, where: str) -> object:
    for kind in kinds:
        try:
            return _decode(kind, value, where)
        except MalformedError:
            continue
    raise MalformedError(f"{where} is of no type that it may have")


def _of(kind: type[Noun], value: object, where: str) -> Noun:
    if kind is float and type(value) is int:
        return cast("Noun", float(value))
    if type(value) is not kind:  # not isinstance: True is no number here
        raise MalformedError(f"{where} is not of type {kind.__name__}")
    return value


@cache
def _fields(kind: type) -> Mapping[str, object]:
    """The fields that make a noun what it is, with their types."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.compare}


@cache
def _optional(kind: type) -> frozenset[str]:
    """The fields that a noun has got since it was first written somewhere: absent, they are None or empty."""
    return frozenset(field.name for field in dataclasses.fields(kind) if field.default in (None, ()))
