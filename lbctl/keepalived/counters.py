"""keepalived's own counters of adverts that it refused, from what the node's vrrp_counters says."""

from __future__ import annotations

from collections.abc import Mapping

REFUSED: Mapping[str, str] = {
    "packet_len_err": "the length of an advert is not what its VIPs and authentication make",
    "advert_interval_err": "advert_int differs",
    "ip_ttl_err": "the TTL is not 255: not every advert comes from this network",
    "invalid_type_rcvd": "an advert is of a type that VRRP has not",
    "addr_list_err": "the VIPs differ",
    "invalid_authtype": "the authentication is of an unknown type",
    "authtype_mismatch": "the type of authentication differs",
    "auth_failure": "the password differs",
}
"""By the name in the JSON of 2.2.7: what it means when it grows. Adverts that are refused are not heard."""

OFF = "off "

Counters = Mapping[tuple[str, str], int]
"""By instance and counter."""


def counters(said: str) -> Counters:
    """From lines `COUNTER NUMBER`, each instance's headed by `instance NAME`."""
    found: dict[tuple[str, str], int] = {}
    instance = ""
    for line in said.splitlines():
        name, _, value = line.partition(" ")
        if name == "instance":
            instance = value
        elif name in REFUSED and value.isdigit():
            found[instance, name] = int(value)
    return found


def grown(before: Counters, after: Counters) -> Counters:
    """By how much, of those that have; one that has begun anew meanwhile has not."""
    return {key: value - before[key] for key, value in after.items() if value > before.get(key, value)}
