"""Services: enabled at boot, active now."""

from __future__ import annotations

from collections.abc import Sequence

from lbctl.host.facts import units, units_probe
from lbctl.model.change import Change
from lbctl.model.cluster import Node
from lbctl.model.command import Answers, Command, Probe, command
from lbctl.model.kind import Work
from lbctl.model.resource import Address, Resource, Unknown, resource


class ServiceKind:
    """A unit that is not there yet is neither enabled nor active: its package comes first."""

    name = "service"

    def desired(self, node: Node, key: str) -> Sequence[Resource]:
        return [
            resource(Address(node.name, self.name, s.name), {"enabled": s.enabled, "active": s.active})
            for s in node.services
        ]

    def probes(self, wanted: Sequence[Resource]) -> Sequence[Probe]:
        return [units_probe(r.address.name for r in wanted)]

    def live(self, wanted: Sequence[Resource], answers: Answers, key: str) -> Sequence[Resource | Unknown]:
        found = units(answers)
        if found is None:
            return [Unknown(r.address, "systemctl did not answer") for r in wanted]
        return [_live(r, found.get(r.address.name, {})) for r in wanted]

    def work(self, change: Change) -> Work:
        unit = change.address.name
        swap: list[Command] = []
        for difference in change.differences:
            if difference.attribute == "enabled":
                swap.append(command("set_enabled", unit, "enable" if difference.after else "disable"))
            else:
                swap.append(command("start_service" if difference.after else "stop_service", unit))
        return Work(save=(command("save_service", unit),), swap=tuple(swap))


def _live(wanted: Resource, unit: dict[str, str]) -> Resource:
    enabled = unit.get("UnitFileState", "") in ("enabled", "enabled-runtime", "alias", "static")
    # a unit on its way (start, reload) counts as active; a failed one does not
    active = unit.get("ActiveState", "") in ("active", "reloading", "activating")
    return resource(wanted.address, {"enabled": enabled, "active": active})
