"""What an import found, as JSON values; documented in docs/json.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lbctl.model.adoption import Adoption, Merged, Proposed, Thing
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


def merge_form(files: Sequence[Merged]) -> Mapping[str, Json]:
    """The files that took something in, with their lines before and after."""
    return {
        "files": [
            {"file": one.path, "nodes": list(one.nodes), "diff": [plain_unicode(line) for line in one.diff]}
            for one in files
        ]
    }


def proposal_form(proposal: Proposed) -> Mapping[str, Json]:
    """Lines of the cluster file and of the diff."""
    return {
        "services": list(proposal.services),
        "lines": [plain_unicode(line) for line in proposal.text.splitlines()],
        "nodes": list(proposal.nodes),
        "diff": [plain_unicode(line) for line in proposal.diff],
        "reasons": [
            {"frontend": plain_unicode(n), "text": plain_unicode(why)} for n, why in proposal.reasons
        ],
    }


def _thing(one: Thing) -> Mapping[str, Json]:
    return {"name": plain_unicode(one.name), "nodes": list(one.nodes), "text": plain_unicode(one.text)}
