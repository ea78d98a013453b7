"""The command line's outside: help, versions, usage errors, and how every error ends."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from lbctl import __main__, __version__
from lbctl.cli import options
from lbctl.cli.app import COMMANDS, app, with_examples
from lbctl.errors import InputError, LbctlError, Place, Problem, UsageError

ROOT = Path(__file__).parent.parent.parent

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_shows_examples(arguments: list[str], capsys: Captured) -> None:
    assert __main__.run(arguments) == 0
    shown = capsys.readouterr().out
    assert "lbctl plan --out plans/next.json" in shown
    assert "Traceback" not in shown


def test_the_version(capsys: Captured) -> None:
    assert __main__.run(["--version"]) == 0
    assert capsys.readouterr().out == f"lbctl {__version__}\n"


def test_every_command_has_help_and_comes_in_order(capsys: Captured) -> None:
    registered = [command.name for command in app.registered_commands]
    assert registered == list(COMMANDS)
    for name in registered:
        assert __main__.run([str(name), "-h"]) == 0
        assert f"Usage: lbctl {name} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["--versoin"], "--version"),
        (["--no-such"], "No such option: --no-such"),
    ],
)
def test_usage_errors_exit_1_in_one_line(arguments: list[str], said: str, capsys: Captured) -> None:
    assert __main__.run(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert "lbctl -h shows what there is" in shown.err


def _failing(error: BaseException) -> typer.Typer:
    failing = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)

    @failing.command()
    def fail(json: options.Json = False) -> None:
        raise error

    return failing


def _run_failing(monkeypatch: pytest.MonkeyPatch, error: BaseException, *arguments: str) -> int:
    monkeypatch.setattr(__main__, "app", _failing(error))
    return __main__.run(arguments)


def test_an_error_is_a_message_and_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    error = LbctlError("lb1: no connection [/x]", detail="refused", mend="start it")
    assert _run_failing(monkeypatch, error) == 1
    assert capsys.readouterr() == ("", "Error: lb1: no connection [/x]\n  refused\n  start it\n")


def test_an_error_is_json_when_json_was_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    error = InputError([Problem("unknown key", Place("cluster.yaml", 3, 1), "remove it")])
    assert _run_failing(monkeypatch, error, "--json") == 1
    form = json.loads(capsys.readouterr().err)
    assert form["error"] == "InputError"
    assert form["problems"][0]["line"] == 3


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "\nInterrupted.\n"),
        (typer.Abort(), 1, "Error: no answer was given\n  --yes answers beforehand\n"),
        (typer.Exit(3), 3, ""),
    ],
)
def test_other_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, error: BaseException, code: int, said: str
) -> None:
    assert _run_failing(monkeypatch, error) == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, set()),
        ([], set()),
        (["shrink"], {"shrink"}),
        (["shrink,drift", "tie"], {"shrink", "drift", "tie"}),
        ([" shrink , ", ""], {"shrink"}),
    ],
)
def test_codes_come_with_commas_or_one_by_one(given: list[str] | None, meant: set[str]) -> None:
    assert options.allowed(given) == meant


@pytest.mark.parametrize(("given", "near"), [("drfit", "did you mean drift?"), ("xyzzy", "it takes drift")])
def test_a_code_that_there_is_not(given: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"knows no code '{given}'") as caught:
        options.allowed([f"shrink,{given}"])
    assert caught.value.mend.startswith(near)


def test_the_view_that_was_asked_for() -> None:
    assert type(options.view(json=True)).__name__ == "JsonView"
    assert type(options.view(json=False, no_color=True)).__name__ == "HumanView"


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    shell = f"{sys.executable} -m lbctl --help | :"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


HEAVY = ("rich", "fabric", "paramiko", "pydantic", "yaml", "deepdiff", "asyncio")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['lbctl']; from lbctl import __main__; __main__.run(['--help']);"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr == ""


def test_help_costs_little() -> None:
    """At most 0.15 s more than an empty Python, in processor time: others use the machine too."""

    def best(*argv: str) -> float:
        taken = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *argv], capture_output=True, cwd=ROOT, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(taken)

    assert best("-m", "lbctl", "--help") - best("-c", "pass") < 0.15


def test_command_lines_in_a_help_stay_as_written() -> None:
    text = "Do it.\n\nlbctl do\nlbctl do --well\n\nExamples:\n  LBCTL_FILE=x lbctl do\n\nThe lbctl is last.\n"
    kept = with_examples(text)
    assert kept.count("\b") == 2
    assert "\n\n\b\nlbctl do\nlbctl do --well\n" in kept
    assert "\b\nThe" not in kept
