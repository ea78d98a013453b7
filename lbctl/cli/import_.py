"""lbctl import"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view

if TYPE_CHECKING:
    from lbctl.adopt.clusterfile import Value
    from lbctl.model.cluster import Ssh
    from lbctl.transport.cluster import SshTransport
    from lbctl.views.view import View

Hosts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="HOST…",
        help="What ssh logs in to; NAME=HOST names the node otherwise.",
        show_default=False,
    ),
]
Merge = Annotated[
    bool, typer.Option("--merge", help="Take what was changed by hand into the files of this workspace.")
]
Services = Annotated[
    bool, typer.Option("--services", help="Propose services: in place of this workspace's haproxy.cfg.")
]
Directory = Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the workspace will be.")]
ClusterName = Annotated[
    str, typer.Option("--cluster", metavar="NAME", help="The cluster's name; the directory's if left out.")
]
User = Annotated[str, typer.Option("--user", metavar="NAME", help="Whom to log in as, if ssh does not say.")]
Become = Annotated[str, typer.Option("--become", metavar="sudo", help="How to become root: sudo.")]
BecomePassword = Annotated[
    str,
    typer.Option(
        "--become-password-env",
        metavar="VARIABLE",
        help="The environment variable with the password that sudo asks for; the cluster file will name it.",
    ),
]
NoFiles = Annotated[bool, typer.Option("--no-files", help="Take only the daemons' main files.")]
InLab = Annotated[bool, typer.Option("--lab", help="The hosts are nodes of the lab that is up.")]


def import_(
    hosts: Hosts = None,
    directory: Directory = Path(),
    cluster: ClusterName = "",
    user: User = "",
    become: Become = "",
    become_password: BecomePassword = "",
    no_files: NoFiles = False,
    in_lab: InLab = False,
    merge: Merge = False,
    services: Services = False,
    file: File = CLUSTER_FILE,
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Make a workspace of a cluster that runs already. Reads the nodes, writes to none of them.

    The daemons' own files are taken as they are, to the byte, with ${node.…} exactly where the nodes
    differ, and secrets in secrets/. The plan right after is empty. Files that are here already are never
    written over. It says what it left, and why, and which other tools it found on the nodes.

    With --merge the workspace is one already: what somebody changed by hand in haproxy.cfg and
    keepalived.conf since the last apply goes into the files that they are rendered from, beside what is
    pending there; references stay. What a person has to decide is refused, and nothing is written.

    With --services it proposes, for a workspace, what the cluster file could say in place of haproxy.cfg,
    and shows the bytes that this would change. It connects to nothing and writes nothing.

    \b
    Examples:
      lbctl import lb1 lb2 lb3
      lbctl import --to prod --cluster prod --become sudo lb1=lb1.example.org lb2=lb2.example.org
      lbctl import --become sudo --become-password-env SUDO_PASSWORD lb1 lb2
      lbctl import --no-files lb1 lb2        only haproxy.cfg and keepalived.conf
      lbctl import --services                show haproxy.cfg as services
      lbctl import --merge                   keep the night's hot-fix
    """
    if merge or services:
        _here(file, hosts or (), view(json, no_color), merge=merge, services=services)
        return
    from lbctl.workflows.adopt import Wishes, read, take, write

    named = _hosts(hosts or ())
    login = _login(user, become, become_password)
    head = _head(cluster or directory.resolve().name, login, become_password, in_lab)
    with closing(view(json, no_color)) as shown, _reached(tuple(named), login, head) as reader:
        found = read(tuple(named), reader, shown.event)
        adoption, nodes = take(found, Wishes(head, named, not no_files, bool(cluster)))
        shown.imported(write(directory, adoption, nodes))


def _here(file: Path, hosts: Sequence[str], shown: View, *, merge: bool, services: bool) -> None:
    """For a workspace that is one already: merge, or propose services."""
    from lbctl.cli.target import reached
    from lbctl.errors import UsageError
    from lbctl.store.workspace import workspace_of

    with closing(shown):
        if merge and services:
            raise UsageError("--merge and --services are two things", mend="one after the other")
        if hosts:
            option = "--merge" if merge else "--services"
            raise UsageError(
                f"{option} is for the cluster file's own nodes", mend=f"leave out {' '.join(hosts)}"
            )
        if services:
            from lbctl.workflows.services import services as proposal

            shown.proposed(proposal(file))
            return
        from lbctl.workflows.merge import merge as merged

        with reached(file) as (cluster, reader):
            state = workspace_of(file).cluster(cluster.name)
            shown.merged(merged(cluster, state, reader, shown.event))


def _hosts(words: Sequence[str]) -> dict[str, str]:
    """Names by host, "" = the one that the host has. Raises UsageError for what is neither."""
    from lbctl.errors import UsageError
    from lbctl.model.spelling import HOST, NAME

    if not words:
        raise UsageError(
            "no host is named", mend="lbctl import HOST…; or --merge, for a workspace that is one"
        )
    found: dict[str, str] = {}
    for word in words:
        name, equals, host = word.rpartition("=")
        if "@" in host:
            raise UsageError(f"{host} names a user", mend="say so with --user, or in ssh's own configuration")
        if not HOST.fullmatch(host) or (equals and not NAME.fullmatch(name)):
            raise UsageError(f"{word!r} is neither HOST nor NAME=HOST", mend="names are of A-Z a-z 0-9 . _ -")
        if host in found:
            raise UsageError(f"{host} is named twice", mend="each host is one node")
        found[host] = name
    return found


def _login(user: str, become: str, variable: str) -> Ssh:
    """How to log in to a host. `variable` has the password, "" = sudo asks for none."""
    from lbctl.errors import UsageError
    from lbctl.model.cluster import Ssh
    from lbctl.model.spelling import NAME

    if become not in ("", "sudo"):
        raise UsageError(f"--become knows no {become!r}", mend="it takes sudo")
    if variable and not become:
        raise UsageError("--become-password-env is for sudo", mend="add --become sudo")
    if variable and not NAME.fullmatch(variable):  # not shown: it may be the password
        raise UsageError("--become-password-env takes the name of a variable", mend="A-Z a-z 0-9 _")
    if variable and not os.environ.get(variable):
        raise UsageError(f"the environment variable {variable} is not set", mend=f"export {variable}")
    return Ssh("", user, 0, become, os.environ.get(variable, ""))


def _head(cluster: str, login: Ssh, variable: str, in_lab: bool) -> dict[str, Value]:
    """How the cluster file begins. Of a password it has the place alone."""
    from lbctl.errors import UsageError
    from lbctl.model.spelling import NAME

    if not NAME.fullmatch(cluster):
        raise UsageError(
            f"{cluster!r} cannot be a cluster's name", mend="--cluster NAME, of A-Z a-z 0-9 . _ -"
        )
    said: dict[str, Value] = {"user": login.user, "become": login.become}
    said |= {"become_password": {"env": variable}} if variable else {}
    ssh = {key: value for key, value in said.items() if value}
    return {"cluster": cluster, **({"lab": "only"} if in_lab else {}), **({"ssh": ssh} if ssh else {})}


@contextmanager
def _reached(hosts: Sequence[str], login: Ssh, head: dict[str, Value]) -> Iterator[SshTransport]:
    """A transport to these hosts, whose connections are being opened."""
    from dataclasses import replace

    from lbctl.cli.target import lab_config
    from lbctl.model.cluster import Node
    from lbctl.transport.cluster import SshTransport

    nodes = [Node(host, "", replace(login, host=host)) for host in hosts]
    config = lab_config(str(head["cluster"])) if "lab" in head else None
    transport = SshTransport(nodes, config)
    patient = True
    try:
        transport.begin()
        yield transport
    except KeyboardInterrupt:
        patient = False
        raise
    finally:
        transport.close(wait=patient)
