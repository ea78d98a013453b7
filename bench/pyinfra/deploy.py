"""The job that lbctl does for the same cluster, with pyinfra's own operations."""

import json
import os
from pathlib import Path

from pyinfra import host
from pyinfra.operations import apt, files, server, systemd

folder = Path(os.environ["BENCH_FILES"])
wanted = json.loads((folder / "wanted.json").read_text())
own = folder / host.name

apt.packages(name="packages", packages=wanted["packages"], present=True)

boot = wanted["sysctl_file"]
files.put(
    name="kernel settings at boot",
    src=str(own / Path(boot).name),
    dest=boot,
    user="root",
    group="root",
    mode="644",
)
for key, value in wanted["sysctls"].items():
    server.sysctl(name=f"kernel setting {key}", key=key, value=int(value))

for name, path in wanted["managed"].items():
    changed = files.put(name=name, src=str(own / name), dest=path, user="root", group="root", mode="644")
    unit = "haproxy" if name == "haproxy.cfg" else "keepalived"
    systemd.service(
        name=f"{unit} takes {name}",
        service=unit,
        reloaded=unit == "haproxy",
        restarted=unit == "keepalived",
        _if=changed.did_change,
    )

for unit in ("haproxy", "keepalived"):
    systemd.service(name=f"{unit} runs", service=unit, running=True, enabled=True)
