"""What a lab looks like now, read from its namespaces without asking the nodes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from lbctl.lab.lab import Lab
from lbctl.lab.spec import bare
from lbctl.local import netns
from lbctl.local.process import run


@dataclass(frozen=True)
class MachineStatus:
    """A node, bastion or controller. `vips`: those it has on an interface (never `lo`)."""

    name: str
    kind: str
    on: bool
    addresses: tuple[str, ...]
    vips: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabStatus:
    prefix: str
    cluster: str
    ssh_config: str
    machines: tuple[MachineStatus, ...]
    vips: tuple[str, ...]

    def holders(self, vip: str) -> tuple[str, ...]:
        return tuple(machine.name for machine in self.machines if vip in machine.vips)

    def to_json(self) -> str:
        held = {vip: self.holders(vip) for vip in self.vips}
        return json.dumps({**asdict(self), "holders": held}, indent=2)

    def lines(self) -> list[str]:
        """The status for people, one thing a line."""
        width = max(len(machine.name) for machine in self.machines)
        rows = [
            f"{machine.name:{width}}  {machine.kind:10}  {'up ' if machine.on else 'off'}  "
            + " ".join(machine.addresses)
            for machine in self.machines
        ]
        vips = [f"VIP {vip}: {', '.join(self.holders(vip)) or 'held by nobody'}" for vip in self.vips]
        return [
            f"lab {self.prefix}, cluster {self.cluster or '-'}",
            *rows,
            *vips,
            f"ssh -F {self.ssh_config} NODE",
        ]


def status(lab: Lab) -> LabStatus:
    """Everything that is booted or serves in a lab, and who holds each VIP."""
    vips = tuple(bare(vip) for vip in lab.spec.vips)
    machines = [
        MachineStatus(
            machine.name,
            "bastion" if machine.name == "bastion" else "node",
            lab.is_on(machine.name),
            tuple(address for link in machine.links for address in link.addresses),
            tuple(vip for vip in vips if vip in _addresses(lab.namespace(machine.name))),
        )
        for machine in lab.spec.machines
    ]
    controllers = [
        MachineStatus(item.name, "controller", lab.is_on(item.name), item.addresses)
        for item in lab.spec.controllers
    ]
    paths = lab.paths
    return LabStatus(paths.prefix, lab.spec.cluster, str(paths.ssh_config), (*machines, *controllers), vips)


def _addresses(namespace: str) -> set[str]:
    """The bare addresses on a namespace's interfaces without `lo`; none when there is no such namespace."""
    if not netns.names(namespace):
        return set()
    rows = json.loads(run(["ip", "-n", namespace, "-json", "address"], check=False).stdout or b"[]")
    infos = [info for row in rows if row.get("ifname") != "lo" for info in row.get("addr_info", [])]
    return {info["local"] for info in infos if "local" in info}
