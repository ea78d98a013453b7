"""The tools that lbctl is measured with: installed apart, told to do the same job in their own good way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import BenchError, Job
from bench.place import REPOSITORY, Place
from lbctl.desired import load
from lbctl.haproxy.additions import SOCKET_PATH, STATE_PATH
from lbctl.host.sysctl import OUR_FILE

HERE = Path(__file__).parent
VENV = REPOSITORY / ".bench-venv"
PINS = HERE / "peers.txt"
JOBS = ("ansible", "pyinfra")  # folders here, copied into the workspace
USUAL, ADDED = "usual", "added"  # which cluster file's rendered files a peer puts on the nodes


def install(say: Callable[[str], None]) -> None:
    """Make the peers' environment as pinned, once. Raises BenchError with the installer's last words."""
    noted = VENV / ".peers"
    if noted.exists() and noted.read_bytes() == PINS.read_bytes():
        return
    say(f"installing {', '.join(JOBS)} into {VENV} (once)")
    pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for argv in ([sys.executable, "-m", "venv", str(VENV)], [*pip, "--requirement", str(PINS)]):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"the peers cannot be installed:\n{done.stderr[-2000:]}")
    shutil.copyfile(PINS, noted)


@dataclass(frozen=True)
class Peers:
    """Jobs for the peers. They run inside the lab's namespace: lbctl alone goes through a proxy command."""

    place: Place

    def ansible(
        self, name: str, *words: str, book: str = "site.yml", files: str = USUAL, expect: str = ""
    ) -> Job:
        folder = self.place.folder / "ansible"
        argv = [*self.place.inside, str(VENV / "bin/ansible-playbook"), book, *words]
        env = (
            ("ANSIBLE_CONFIG", str(folder / "ansible.cfg")),
            # ansible-playbook finds its workers' Python beside itself; a short path for its sockets
            ("PATH", f"{VENV / 'bin'}:{os.environ.get('PATH', '')}"),
            ("ANSIBLE_HOME", str(folder / "home")),
            ("LC_ALL", "C.UTF-8"),
        )
        return Job(name, ((*argv, "-e", f"files={self._files(files)}"),), folder, env, expect)

    def pyinfra(self, name: str, *words: str, expect: str = "") -> Job:
        folder = self.place.folder / "pyinfra"
        argv = [*self.place.inside, str(VENV / "bin/pyinfra"), *words, "inventory.py", "deploy.py"]
        return Job(name, (tuple(argv),), folder, (("BENCH_FILES", str(self._files(USUAL))),), expect)

    def _files(self, which: str) -> Path:
        return self.place.folder / "files" / which


def prepare(place: Place) -> Peers:
    """Lay out the peers' inventories, and the very files that lbctl renders, for each node."""
    for job in JOBS:
        shutil.copytree(HERE / job, place.folder / job)
    for which, file in ((USUAL, place.usual), (ADDED, place.added)):
        _render(file, place.folder / "files" / which)
    config = str(place.straight_config)
    hosts = "".join(f"{node}\n" for node in place.nodes)
    (place.folder / "ansible/hosts").write_text(f"[lb]\n{hosts}")
    options = {
        "ssh_config_file": config,
        "ssh_user": "root",
        "ssh_known_hosts_file": str(place.lab.paths.known_hosts),
    }
    inventory = f"lb = {[(node, options) for node in place.nodes]!r}\n"
    (place.folder / "pyinfra/inventory.py").write_text(inventory)
    _ansible_config(place)
    return Peers(place)


def _ansible_config(place: Place) -> None:
    path = place.folder / "ansible/ansible.cfg"
    path.write_text(path.read_text().replace("SSH_CONFIG", str(place.straight_config)))


def _render(file: Path, folder: Path) -> None:
    cluster = load(file)
    for node in cluster.nodes:
        home = folder / node.name
        home.mkdir(parents=True)
        for managed in node.files:
            (home / Path(managed.path).name).write_bytes(managed.content.data)
        settings = "".join(f"{one.key} = {one.value}\n" for one in node.sysctls)
        (home / Path(OUR_FILE).name).write_text(settings)
    first = cluster.nodes[0]
    wanted = {
        "packages": [package.name for package in first.packages],
        "sysctls": {one.key: one.value for one in first.sysctls},
        "managed": {Path(managed.path).name: managed.path for managed in first.files},
        "sysctl_file": OUR_FILE,
        "stats_socket": SOCKET_PATH,
        "state_file": STATE_PATH,
    }
    (folder / "wanted.json").write_text(json.dumps(wanted))
