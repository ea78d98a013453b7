"""The election table as JSON values; documented in docs/json.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lbctl.model.election import ElectionChange, ElectionTable, Holders, Outcome, RouterTable
from lbctl.views.escape import plain_unicode
from lbctl.views.json_forms import Json


def election_form(table: ElectionTable) -> Mapping[str, Json]:
    return {
        "nodes": list(table.nodes),
        "failures": table.failures,
        "routers": [_router(table, router) for router in table.routers],
        "notes": [plain_unicode(note) for note in table.notes],
    }


def moved_form(change: ElectionChange | None) -> Mapping[str, Json] | None:
    """What an apply changes in it; nothing = null."""
    if change is None:
        return None
    return {"before": election_form(change.before), "after": election_form(change.after)}


def _router(table: ElectionTable, router: RouterTable) -> Mapping[str, Json]:
    return {
        "vips": list(map(plain_unicode, router.vips)),
        "instances": list(map(plain_unicode, router.instances)),
        "sync_groups": list(map(plain_unicode, router.sync_groups)),
        "advert_int": router.advert_int,
        "normal": _ends(router.normal),
        "rows": [
            {
                "states": {node: str(one) for node, one in zip(table.nodes, row.states, strict=True)},
                **_outcome(row.outcome),
            }
            for row in router.rows
        ],
    }


def _outcome(outcome: Outcome) -> Mapping[str, Json]:
    return {
        "ends": _ends(outcome.ends),
        "seconds": round(outcome.seconds, 3),
        "soonest": round(outcome.soonest, 3),
        "why": [str(why) for why in outcome.why],
        "idle": list(outcome.idle),
        "back": _ends(outcome.back),
    }


def _ends(ends: Iterable[Holders]) -> list[Json]:
    return [list(holders) for holders in ends]
