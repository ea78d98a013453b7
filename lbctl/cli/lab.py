"""`lbctl lab`: a cluster's nodes, controllers and clients on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lbctl.lab import Lab

app = typer.Typer(
    name="lab",
    rich_markup_mode=None,  # rich would be imported for the help alone
    no_args_is_help=True,
    help="Boot the cluster of a cluster file on this machine: nodes, controllers and a client, on a network "
    "that reaches nothing outside.",
)
controller_app = typer.Typer(
    name="controller",
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Stop and start the lab's controllers.",
)
power_app = typer.Typer(
    name="power", rich_markup_mode=None, no_args_is_help=True, help="Switch the lab's nodes on and off."
)
app.add_typer(controller_app)
app.add_typer(power_app)

Prefix = Annotated[
    str,
    typer.Option(
        "--prefix", help="Which lab, when several are up. Up: its name, at most 8 letters and digits."
    ),
]
Verbatim = {"allow_interspersed_args": False, "ignore_unknown_options": True}


@app.command()
def up(
    file: Annotated[Path, typer.Option("-f", "--file", envvar="LBCTL_FILE", help="The cluster file.")] = Path(
        "cluster.yaml"
    ),
    prefix: Prefix = "",
    bastion: Annotated[bool, typer.Option("--bastion", help="SSH only through a bastion.")] = False,
    user: Annotated[str, typer.Option("--user", help="Log in as this user, not as the file says.")] = "",
    sudo: Annotated[bool, typer.Option("--sudo", help="The user becomes root with sudo.")] = False,
    sudo_password: Annotated[
        str, typer.Option("--sudo-password", envvar="LBCTL_LAB_PASSWORD", help="sudo asks for this password.")
    ] = "",
    suite: Annotated[str, typer.Option("--suite", help="The nodes' Debian.")] = "bookworm",
    bare_tools: Annotated[
        bool, typer.Option("--tools/--no-tools", help="socat and nft are on the nodes.")
    ] = True,
    packages: Annotated[
        list[str] | None, typer.Option("--package", help="Also on the nodes; repeatable.")
    ] = None,
) -> None:
    """Bring the lab up. A lab that is up is left as it is, but what is off in it is switched on.

    \b
    Examples:
      lbctl lab up
      lbctl lab up -f cluster.yaml --prefix two --bastion
      lbctl lab up --user ops --sudo
    """
    from lbctl.desired.load import load
    from lbctl.lab import Lab
    from lbctl.lab.from_cluster import Options, from_cluster

    become = "sudo-password" if sudo_password else "sudo" if sudo else ""
    options = Options(prefix, bastion, user, become, sudo_password, suite, bare_tools, tuple(packages or ()))
    spec = from_cluster(load(file, secrets=False), options)
    lab = Lab.up(spec, lambda line: typer.echo(line, err=True))
    typer.echo(f"lab {lab.spec.prefix} is up: ssh -F {lab.ssh_config} {lab.spec.nodes[0].name}")


@app.command()
def down(
    prefix: Prefix = "",
    every: Annotated[bool, typer.Option("--all", help="Every lab of this machine.")] = False,
) -> None:
    """Take the lab away: processes, mounts, namespaces. Harmless when there is none.

    \b
    Examples:
      lbctl lab down
      lbctl lab down --prefix two
    """
    from lbctl.lab.demolish import traces
    from lbctl.lab.lab import down as take_down
    from lbctl.lab.requirements import check_root

    check_root()
    prefixes = [prefix] if prefix else traces()
    if len(prefixes) > 1 and not every:
        raise _several(prefixes)
    for each in prefixes:
        take_down(each)
        typer.echo(f"lab {each} is down")
    if not prefixes:
        typer.echo("no lab is up")


@app.command()
def status(
    prefix: Prefix = "", json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
) -> None:
    """Show the nodes and controllers, and who holds each VIP."""
    from lbctl.lab.status import status as status_of

    found = status_of(_lab(prefix))
    typer.echo(found.to_json() if json else "\n".join(found.lines()))


@app.command()
def replace(
    name: Annotated[str, typer.Argument(help="A node.")],
    prefix: Prefix = "",
) -> None:
    """Put a bare machine in a node's place, as after a death: same addresses, nothing on it, a new host key.

    \b
    Examples:
      lbctl lab replace lb2
      lbctl plan
    """
    _lab(prefix).replace(name, lambda line: typer.echo(line, err=True))
    typer.echo(f"{name} is a bare machine with a new host key: lbctl plan says how to take it")


@app.command("exec", context_settings=Verbatim)
def execute(
    name: Annotated[str, typer.Argument(help="A node, a controller, client, router, bastion or net.")],
    command: Annotated[list[str], typer.Argument(help="The command, after --.")],
    prefix: Prefix = "",
) -> None:
    """Run a command somewhere in the lab.

    In a node and the bastion as its root; in a controller, client, router or net in its network alone.

    \b
    Examples:
      lbctl lab exec lb1 -- systemctl status haproxy
      lbctl lab exec client -- curl -s http://10.15.85.31:5000/
    """
    from lbctl.local.spawn import become

    words = command[1:] if command[:1] == ["--"] else command
    target = _lab(prefix).command(name, words)
    become(target.argv, target.env)


@app.command("ssh-config")
def ssh_config(
    prefix: Prefix = "", path: Annotated[bool, typer.Option("--path", help="Only where it is.")] = False
) -> None:
    """Print the ssh_config that reaches the lab's nodes.

    \b
    Examples:
      ssh -F $(lbctl lab ssh-config --path) lb1
    """
    config = _lab(prefix).ssh_config
    typer.echo(str(config) if path else config.read_text(), nl=path)


@app.command("load")
def load_(
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target", "--url", help="ADDRESS:PORT, repeatable. Default: the first VIP, every port."
        ),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="new, keep-alive, slow, idle, upload or download; repeatable. Default: the first three.",
        ),
    ] = None,
    clients: Annotated[int, typer.Option("--clients", min=1, max=1000)] = 20,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=3600)] = 10.0,
    pause: Annotated[
        float, typer.Option("--pause", help="Seconds between an answer and the next request.")
    ] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    prefix: Prefix = "",
) -> None:
    """Load the cluster and count what failed.

    Clients run in the lab's client, each with one request at a time.

    Ends early with Ctrl-C. Exit status 1 when a request failed.

    \b
    Examples:
      lbctl lab load --seconds 30 --clients 60
      lbctl lab load --kind keep-alive --target 10.15.85.31:5000 --json
    """
    from lbctl.lab.load import Plan
    from lbctl.local.spawn import become

    lab = _lab(prefix)
    plan = lab.load_plan(Plan(_bare_targets(targets), tuple(kinds or ()), clients, seconds, pause=pause))
    target = lab.load_command(plan, as_json=json)
    become(target.argv, target.env)


@controller_app.command("stop")
def controller_stop(name: str, prefix: Prefix = "") -> None:
    """Stop a controller: its ports refuse connections."""
    _lab(prefix).controller_stop(name)


@controller_app.command("start")
def controller_start(name: str, prefix: Prefix = "") -> None:
    """Start a stopped controller."""
    _lab(prefix).controller_start(name)


@power_app.command("on")
def power_on(name: str, prefix: Prefix = "") -> None:
    """Switch a node on and wait for its SSH."""
    _lab(prefix).start(name)


@power_app.command("cut")
def power_cut(name: str, prefix: Prefix = "") -> None:
    """Pull a node's plug: silent at once, and off. What it wrote stays."""
    _lab(prefix).power_cut(name)


@power_app.command("reboot")
def power_reboot(name: str, prefix: Prefix = "") -> None:
    """Have a node reboot itself, and wait until it is back."""
    _lab(prefix).reboot(name)


def _lab(prefix: str) -> Lab:
    """The lab that was meant: of that prefix (or cluster), or the only one that is up."""
    from lbctl.errors import LabError
    from lbctl.lab import Lab
    from lbctl.lab.registry import found
    from lbctl.lab.requirements import check_root

    check_root()
    prefixes = [prefix] if prefix else [lab.prefix for lab in found()]
    if len(prefixes) > 1:
        raise _several(prefixes)
    lab = Lab.find(prefixes[0]) if prefixes else None
    if lab is None:
        raise LabError("no lab is up" + (f" with the prefix {prefix}" if prefix else ""), mend="lbctl lab up")
    return lab


def _several(prefixes: list[str]) -> Exception:
    from lbctl.errors import LabError

    return LabError(f"several labs are up: {', '.join(prefixes)}", mend="choose one with --prefix")


def _bare_targets(targets: list[str] | None) -> tuple[str, ...]:
    """Targets as ADDRESS:PORT; `http://…/` around one is taken off."""
    return tuple(target.removeprefix("http://").rstrip("/") for target in targets or ())
