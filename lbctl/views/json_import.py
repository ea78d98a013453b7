"""What an import found, as JSON values; documented in docs/json.md."""

from __future__ import annotations

from collections.abc import Mapping

from lbctl.model.adoption import Adoption, Thing
from lbctl.views.escape import plain_unicode
from lbctl.views.json_forms import Json, problem_form


def import_form(adoption: Adoption) -> Mapping[str, Json]:
    """Everything but the bytes of files."""
    return {
        "cluster": adoption.cluster,
        "nodes": [
            {"node": one.name, "host": one.host, "address": one.address, "os": plain_unicode(one.os)}
            for one in adoption.nodes
        ],
        **{
            key: [_thing(one) for one in found]
            for key, found in (
                ("taken", adoption.taken),
                ("differs", adoption.differs),
                ("left", adoption.left),
                ("hands", adoption.hands),
            )
        },
        "problems": [problem_form(one) for one in adoption.problems],
        "files": [{"file": one.path, "private": one.private} for one in adoption.files],
    }


def _thing(one: Thing) -> Mapping[str, Json]:
    return {"name": plain_unicode(one.name), "nodes": list(one.nodes), "text": plain_unicode(one.text)}
