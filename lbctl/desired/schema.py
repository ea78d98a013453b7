"""The JSON Schema of a cluster file, for editors: `python -m lbctl.desired.schema > cluster.schema.json`.

Made from the models; what it adds are the short forms, which the models never see. It is kinder than lbctl:
what only lbctl can check (names that must exist, ties, secrets) is not in it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from lbctl.desired.load import ADDITIONS
from lbctl.desired.models import ClusterFile

Schema = dict[str, Any]

SHORT: dict[str, Schema] = {
    "ApiService": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "Its port."},
    "Node": {"type": "string", "description": "Its address."},
    "Server": {"type": "string", "description": "Its address."},
    "Login": {"type": "string", "description": "Where to log in."},
    "Unit": {"type": "null"},
    "HaproxyPart": {"type": "string", "description": "haproxy.cfg in the daemon's own words."},
}
"""What may stand in the place of each model."""


OVERRIDES = ("packages", "sysctl", "services", "files", "keepalived", "haproxy")


def schema() -> Schema:
    """The schema as JSON's own types."""
    found: Schema = ClusterFile.model_json_schema(by_alias=True)
    definitions = found["$defs"]
    top = found["properties"]
    _lists(definitions, top)
    _overrides(definitions["Node"]["properties"])
    for name, short in SHORT.items():
        definitions[name + "Long"] = definitions[name]
        definitions[name] = {"anyOf": [short, {"$ref": f"#/$defs/{name}Long"}]}
    _only_names(found)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "lbctl cluster file"
    return found


def _lists(definitions: Schema, top: Schema) -> None:
    """Where one value stands for a list of one, or a list of names for a mapping."""
    names = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    for owner, key in (
        (definitions["NodeFile"]["properties"], "after"),
        (definitions["ApiService"]["properties"], "bind"),
        (definitions["ServiceDefaults"]["properties"], "bind"),
    ):
        owner[key] = {"anyOf": [{"type": "string"}, owner[key]]}
    for pattern, addresses in top["vips"]["patternProperties"].items():
        top["vips"]["patternProperties"][pattern] = {"anyOf": [addresses["items"], addresses]}
    top["additions"]["items"] = {"enum": list(ADDITIONS)}
    top["packages"] = {"anyOf": [names, top["packages"]]}
    top["services"] = {"anyOf": [names, top["services"]]}
    text = {"type": "string", "description": "keepalived.conf in the daemon's own words."}
    top["keepalived"] = {"anyOf": [text, {"type": "object"}]}


def _only_names(schema: object) -> None:
    """A mapping from names takes nothing that is not one."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            _only_names(value)
    elif isinstance(schema, list):
        for value in schema:
            _only_names(value)


def _overrides(node: Schema) -> None:
    """The parts of the top level that a node may override; only lbctl can check them when they are merged."""
    for key in OVERRIDES:
        node[key] = {"description": f"Laid over the top level's {key}: mappings merge, null removes."}


def main() -> None:
    json.dump(schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
