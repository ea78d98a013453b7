"""What is wrong with the commands that keepalived runs, and with the right to run them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lbctl.document import Document, Statement
from lbctl.keepalived.views import scripts
from lbctl.lint.part import Found, listed, texts, whole
from lbctl.lint.rules import problem
from lbctl.lint.scripts import followed, program, split
from lbctl.lint.subject import Machine, Subject, Text

_OPERATORS = frozenset({"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", ">/dev/null", "2>/dev/null"})
_SIGNALS = frozenset({"killall", "pkill", "kill"})
_OPEN_TO_ALL = re.compile(r"/(?:var/)?tmp/|/dev/shm/")
# Keywords whose value is run; a FIFO is not.
_RUNS = re.compile(r"script|\w*notify\w*(?<!fifo)")
_USER = "script_user"


def nothing_to_run(subject: Subject) -> Found:
    for machine, text in texts(subject):
        for block in text.document.find("vrrp_script") if whole(text.document) else ():
            if not block.find("script"):
                said = f"vrrp_script {block.name} has no script: keepalived drops it wherever it is followed"
                yield machine.name, problem("no-command", said, text.place(block.line))


def dropped_words(subject: Subject) -> Found:
    """`script killall -0 haproxy` without quotes runs killall alone."""
    for machine, text, line, name in _commands(subject):
        if len(line.words) > 2:
            said = f"{name} runs {line.name} alone: keepalived drops what follows the first word"
            yield machine.name, problem("script-words", said, text.place(line.line))


def shell_words(subject: Subject) -> Found:
    """keepalived runs a program, no shell: operators are its arguments."""
    for machine, text, line, name in _commands(subject):
        found = [word for word in split(line.name) if word in _OPERATORS or word.startswith(("2>", ">&"))]
        if found:
            said = (
                f"{name}: no shell runs this, {found[0]} and what follows are arguments of "
                f"{split(line.name)[0]}"
            )
            yield machine.name, problem("script-shell", said, text.place(line.line))


def dev_tcp(subject: Subject) -> Found:
    for machine, text, line, name in _commands(subject):
        if line.name.lstrip().startswith("</dev/tcp"):
            said = f"{name}: /dev/tcp is bash's, and Debian's sh knows nothing of it: the check fails always"
            yield machine.name, problem("dev-tcp", said, text.place(line.line))


def pidof(subject: Subject) -> Found:
    """keepalived runs what a link points to, and killall5 is pidof by its name alone."""
    for machine, text, line, name in _commands(subject):
        if program(line.name) == "pidof":
            said = (
                f"{name}: Debian's pidof is a link to killall5, and keepalived runs that: the check fails "
                "always"
            )
            yield machine.name, problem("pidof-link", said, text.place(line.line))


def open_to_all(subject: Subject) -> Found:
    for machine, text in texts(subject):
        for _, one in text.document.walk():
            if _RUNS.fullmatch(one.keyword) and _OPEN_TO_ALL.match(one.name):
                said = f"{one.name.split()[0]} lies where everybody may write, and keepalived runs it"
                yield machine.name, problem("script-writable", said, text.place(one.line))


def security(subject: Subject) -> Found:
    """Who runs the scripts."""
    for machine, text in texts(subject):
        used = [one for one in scripts(text.document, machine.name) if one.name in followed(text.document)]
        if not used or not whole(text.document):
            continue
        said = {one.keyword: one for block in text.document.find("global_defs") for one in block.children}
        if "enable_script_security" not in said:
            words = (
                "scripts without enable_script_security: keepalived runs whatever lies there, and "
                "`keepalived -t` ends with 6"
            )
            yield machine.name, problem("script-security", words, text.place(used[0].line))
        elif _USER not in said:
            names = [block.name for block in text.document.find("vrrp_script") if not block.find("user")]
            if names:
                words = (
                    "enable_script_security without script_user: where there is no account "
                    f"keepalived_script, {listed(names)} is dropped"
                )
                yield (
                    machine.name,
                    problem("no-script-user", words, text.place(said["enable_script_security"].line)),
                )


def unprivileged(subject: Subject) -> Found:
    """Another account than root may not signal HAProxy, not even with 0."""
    for machine, text, line, name in _commands(subject):
        user = _user(text.document, name)
        if user not in ("", "root", "0") and program(line.name) in _SIGNALS:
            said = f"{name} runs as {user}, which may not signal HAProxy: the check fails always"
            yield machine.name, problem("script-user", said, text.place(line.line))


def _user(document: Document, name: str) -> str:
    own = [line.name for block in document.find("vrrp_script", name) for line in block.find("user")]
    every = [line.name for block in document.find("global_defs") for line in block.find(_USER)]
    return (own or every or [""])[-1]


def _commands(subject: Subject) -> Iterator[tuple[Machine, Text, Statement, str]]:
    """Every `script` line with its check's name."""
    for machine, text in texts(subject):
        for block in text.document.find("vrrp_script"):
            for line in block.find("script"):
                yield machine, text, line, block.name


CHECKS: tuple[Callable[[Subject], Found], ...] = (
    nothing_to_run,
    dropped_words,
    shell_words,
    dev_tcp,
    pidof,
    open_to_all,
    security,
    unprivileged,
)
