"""The command line: which commands there are, in the order in which a newcomer meets them."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import cleandoc
from keyword import iskeyword
from typing import Annotated

import typer

from lbctl import __version__
from lbctl.cli import lab, node

COMMANDS = (
    "init",
    "import",
    "validate",
    "render",
    "lint",
    "explain",
    "plan",
    "show",
    "apply",
    "drift",
    "status",
    "election",
    "report",
    "drain",
    "undrain",
    "handover",
    "restart",
    "upgrade",
)
"""Each is the function of its own name in its own module here (of `import` both end in `_`); `node` and `lab`
are groups of their own."""

HELP = """Plan and apply for clusters of HAProxy and keepalived.

One file describes a cluster. plan says what would change on the live nodes, where, in which
order, and what it costs the clients; apply does exactly that, backups before the master, and
undoes what does not verify; drift says when somebody changed a node by hand.

\b
Examples:
  lbctl init                         make a new workspace
  lbctl import lb1 lb2 lb3           or one of a cluster that runs already
  lbctl validate                     check the cluster file, connect to nothing
  lbctl lint                         say what is wrong with the configuration
  lbctl plan --out plans/next.json   show what would change, keep it for apply
  lbctl apply plans/next.json        do exactly that
  lbctl drift                        say what was changed by hand (cron)
  lbctl drain lb1 --for 2h           keep a node's VIPs away from it while you work on it
  lbctl restart haproxy              restart a daemon, node by node
  lbctl upgrade                      bring the packages up to date, node by node
  lbctl lab up                       boot the cluster on this machine, to try all that
"""

EXAMPLES = re.compile(r"(?:\A|(?<=\n\n))((?:Examples?:\n)?(?: *(?:LBCTL_\w+=\S+ )?lbctl .*(?:\n|$))+)")
"""Paragraphs that are nothing but command lines; the formatter would run them together."""

app = typer.Typer(
    name="lbctl",
    help=HELP,
    add_completion=False,
    rich_markup_mode=None,  # typer would import rich for the help alone
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"lbctl {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def lbctl(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Show the help when no command is named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def with_examples(text: str) -> str:
    """A help's text with its command lines marked (\\b), so that the formatter leaves them as written."""
    return text if "\b" in text else EXAMPLES.sub("\b\n\\1", text)


def first_sentence(text: str) -> str:
    """What a list of commands says of one: whole, where the formatter would cut it."""
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".") + "."


def _register() -> None:
    for name in COMMANDS:
        own = f"{name}_" if iskeyword(name) else name
        app.command(name)(getattr(import_module(f"lbctl.cli.{own}"), own))
    app.add_typer(node.app, name="node", short_help="Forget a node that is gone for good.")
    app.add_typer(lab.app, name="lab", short_help="Boot the cluster on this machine, to try it.")
    _set_helps(app)


def _set_helps(group: typer.Typer) -> None:
    """In every help a paragraph of command lines stays as written; in every list a sentence stays whole."""
    for command in group.registered_commands:
        if command.callback and command.callback.__doc__ and not command.help:
            command.help = with_examples(cleandoc(command.callback.__doc__))
            command.short_help = first_sentence(command.help)
    for inner in group.registered_groups:
        if inner.typer_instance:
            _set_helps(inner.typer_instance)


_register()
