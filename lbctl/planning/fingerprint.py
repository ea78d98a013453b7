"""A digest of what a plan was made from, node by node: when it differs, the plan is stale."""

from __future__ import annotations

import hashlib
import json

from lbctl.model.facts import Facts
from lbctl.model.resource import Resource, Scalar


def fingerprint(facts: Facts, vips: frozenset[str]) -> str:
    """Managed resources, holders, serial and drain value; not health, counters or times."""
    resources = sorted(
        [str(r.address), _stable(r, facts)] if isinstance(r, Resource) else [str(r.address), r.reason]
        for r in facts.resources
    )
    value = {
        "serial": facts.owner.serial if facts.owner else 0,
        "cluster": facts.owner.cluster_id if facts.owner else "",
        "holds": sorted(facts.held & vips),
        "drain": facts.drain,
        "resources": resources,
    }
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _stable(resource: Resource, facts: Facts) -> str:
    """A node without a key of its own has one of this run alone: its digests say nothing to the next."""
    values: dict[str, Scalar] = dict(resource.values)
    if facts.owner is None and resource.content is not None:
        values["content"] = resource.content.digest("")
    return json.dumps(values, sort_keys=True)
