"""Addresses and resources: the nouns that desired, applied and live are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lbctl.model.content import Content

Scalar = str | int | bool | None
"""The value of an attribute, as it stands in a plan and in the owner record."""


@dataclass(frozen=True, order=True)
class Address:
    """One resource on one node: `lb1/file/etc/haproxy/haproxy.cfg`."""

    node: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.node}/{self.kind}/{self.name.removeprefix('/')}"

    @property
    def on_any_node(self) -> str:
        """The same without the node, to group what is alike on several nodes."""
        return f"{self.kind}/{self.name.removeprefix('/')}"


@dataclass(frozen=True)
class Attribute:
    """One named value. Only attributes that the desired side names are compared."""

    name: str
    value: Scalar


@dataclass(frozen=True)
class Resource:
    """One thing on a node. Equality is by address and attributes; content is carried along for showing."""

    address: Address
    attributes: tuple[Attribute, ...]
    content: Content | None = field(default=None, compare=False, repr=False)

    def value(self, name: str) -> Scalar:
        """The named attribute's value, None when it is not there."""
        return next((a.value for a in self.attributes if a.name == name), None)

    @property
    def values(self) -> Mapping[str, Scalar]:
        return {a.name: a.value for a in self.attributes}


def resource(address: Address, values: Mapping[str, Scalar], content: Content | None = None) -> Resource:
    """A resource from a mapping, attributes in the mapping's order."""
    return Resource(address, tuple(Attribute(n, v) for n, v in values.items()), content)


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be had; never the same as absent."""

    address: Address
    reason: str
