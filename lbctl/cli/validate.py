"""`lbctl validate`: is the cluster file good? Resolves no secret, runs nothing, connects to nothing."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import typer

from lbctl.cli.options import CLUSTER_FILE, File, Json, NoColor, view

if TYPE_CHECKING:
    from lbctl.model.cluster import Cluster


def validate(file: File = CLUSTER_FILE, json: Json = False, no_color: NoColor = False) -> None:
    """Check the cluster file: every problem at once, with its place and the mend.

    Resolves no secret, runs nothing, connects to nothing. Exit code: 0 good, 1 not.
    """
    from lbctl.desired import load
    from lbctl.errors import InputError

    with closing(view(json, no_color)) as shown:
        try:
            cluster = load(file, secrets=False)
        except InputError as error:
            shown.problems(error.problems)
            raise typer.Exit(1) from None
        if cluster.problems or json:
            shown.problems(cluster.problems)
        if not json:
            typer.echo(f"{file}: {summary(cluster)}: good")


def summary(cluster: Cluster) -> str:
    """How much of everything there is: `3 nodes, 9 services, 1 VIP`."""
    counts = (
        (len(cluster.nodes), "node"),
        (_services(cluster), "service"),
        (len({vip.name for vip in cluster.vips}), "VIP"),
    )
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)


def _services(cluster: Cluster) -> int:
    """What clients can reach on the first node: its frontends and listens."""
    from lbctl.haproxy import parse
    from lbctl.haproxy.views import proxies

    file = cluster.nodes[0].file_of("haproxy")
    found = proxies(parse(file.content.shown)) if file else ()
    return sum(proxy.kind != "backend" for proxy in found)
