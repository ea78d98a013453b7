"""The one place where errors end: a message on standard error and an exit code, never a traceback."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

import typer

from lbctl.cli.app import app
from lbctl.cli.options import view
from lbctl.errors import LbctlError, LocalError, UsageError

INTERRUPTED = 130


def main() -> None:
    """The `lbctl` command."""
    # Imports make nothing but garbage collections that find nothing: a tenth of a plan's time
    gc.set_threshold(50_000)
    # Whatever is installed beside lbctl has no part in reading a cluster file; nor is it looked for
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "true"
    # A login's thread needs the interpreter for a moment at a time; 5 ms for each turn would hold it up
    sys.setswitchinterval(0.0005)
    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        # a thread may still wait for a node that does not answer, and nobody waits for that one
        sys.stderr.flush()
        os._exit(code)
    # The interpreter's last collections would walk all that was imported, to free it just before its end
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and give its exit code. 1 = an error, told on standard error; 130 = Ctrl-C."""
    try:
        code = app(args=list(arguments), prog_name="lbctl", standalone_mode=False)
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
    except typer.TyperException as error:
        return _misused(arguments, error)
    except LbctlError as error:
        return _failed(arguments, error)
    except typer.Abort:
        return _failed(arguments, UsageError("no answer was given", mend="--yes answers beforehand"))
    except BrokenPipeError:
        # Whoever read our output has left; without this Python would say so once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # every other one is told where it is met: what is left is writing to standard output
        return _failed(arguments, LocalError("the output could not be written", detail=str(error)))
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        sys.stderr.write("\nInterrupted.\n")
    return code if isinstance(code, int) else 0


def _failed(arguments: Sequence[str], error: LbctlError) -> int:
    view("--json" in arguments, "--no-color" in arguments).error(error)
    return 1


def _misused(arguments: Sequence[str], error: typer.TyperException) -> int:
    """A mistake on the command line, in one line, with where to read on."""
    words = error.format_message()
    if words.startswith("Usage:"):  # a group without a command: the message is its whole help
        sys.stderr.write(f"{words}\n")
        return 1
    context = getattr(error, "ctx", None)  # typer's own errors have it, but export no type that says so
    command = context.command_path if context else "lbctl"
    return _failed(arguments, UsageError(words.rstrip("."), mend=f"{command} -h shows what there is"))


if __name__ == "__main__":
    main()
