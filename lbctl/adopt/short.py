"""Services in the cluster file's short forms: what all say is said once, a port alone is a number."""

from __future__ import annotations

from collections.abc import Mapping

from lbctl.adopt.clusterfile import Value


def common(services: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """What every one of several services says alike, but for the port: `service_defaults`."""
    every = list(services.values())
    if len(every) < 2:
        return {}
    said = {key: value for key, value in every[0].items() if key != "port"}
    return {key: value for key, value in said.items() if all(one.get(key) == value for one in every)}


def short(service: Mapping[str, Value], defaults: Mapping[str, Value]) -> Value:
    """One of them beside these defaults, in as few words as say it."""
    said = {key: _alone(value) for key, value in service.items() if key not in defaults}
    return said["port"] if said.keys() == {"port"} else said


def _alone(value: Value) -> Value:
    """A list of one is that one, and text of one line needs no block."""
    if isinstance(value, str) and value.count("\n") == 1:
        return value.removesuffix("\n")
    return value[0] if isinstance(value, list) and len(value) == 1 else value
