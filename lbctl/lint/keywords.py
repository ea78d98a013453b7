"""Words that HAProxy had once, and words that count only once."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from lbctl.document import Statement
from lbctl.errors import Problem
from lbctl.haproxy.tables import PROXIES
from lbctl.lint.sections import File, FileCheck

_PLACES = PROXIES | {"defaults", "global"}
_RULE = "http-request and http-response rules"
# the first words of a line -> the version from which it is refused, and what to write instead
REMOVED: Mapping[str, tuple[str, str]] = {
    "appsession": ("1.6", "a stick-table with `stick on`"),
    "block": ("2.1", "http-request deny"),
    "clitimeout": ("2.1", "timeout client"),
    "contimeout": ("2.1", "timeout connect"),
    "srvtimeout": ("2.1", "timeout server"),
    "redisp": ("2.1", "option redispatch"),
    "redispatch": ("2.1", "option redispatch"),
    **{f"req{word}": ("2.1", _RULE) for word in ("add", "allow", "del", "deny", "pass", "rep", "tarpit")},
    **{f"reqi{word}": ("2.1", _RULE) for word in ("allow", "del", "deny", "pass", "rep", "tarpit")},
    **{f"rsp{word}": ("2.1", _RULE) for word in ("add", "del", "deny", "rep", "idel", "ideny", "irep")},
    "mode health": ("2.3", "http-request return status 200"),
    "monitor-net": ("2.3", "http-request return status 200 if { src … }"),
    "grace": ("2.5", "nothing: take it out"),
    "option forceclose": ("2.5", "nothing, or option httpclose"),
    "option http-tunnel": ("2.5", "nothing: take it out"),
    "option http_proxy": ("2.5", "http-request set-dst and set-uri"),
    "nbproc": ("2.5", "nothing: it has threads; nbthread, if they have to be fewer"),
    "tune.chksize": ("2.5", "tune.bufsize"),
}
# accepted with a warning by 2.6, gone in 2.7
DEPARTING: Mapping[str, str] = {
    "bind-process": "nothing: take it out",
    "stats bind-process": "nothing: take it out",
    "tune.ssl.capture-cipherlist-size": "tune.ssl.capture-buffer-size",
}
_ONCE = ("maxconn", "ulimit-n", "user", "group", "uid", "gid", "chroot", "pidfile", "spread-checks")


def removed(file: File) -> Iterator[Problem]:
    """Lines that any HAProxy of today refuses."""
    for _, line in _lines(file):
        words = line.words[1:] if line.keyword == "no" else line.words
        key = _key(words, REMOVED)
        if key:
            version, instead = REMOVED[key]
            said = f"HAProxy {version} and newer refuse `{key}`"
            yield file.problem("removed-keyword", said, line.line, f"instead: {instead}")


def departing(file: File) -> Iterator[Problem]:
    """Lines that HAProxy 2.6 still takes, with a warning."""
    for _, line in _lines(file):
        key = _key(line.words, DEPARTING)
        if key:
            said = f"`{key}`: HAProxy 2.6 takes it with a warning, and 2.7 has it no more"
            yield file.problem("departing-keyword", said, line.line, f"instead: {DEPARTING[key]}")
        elif line.keyword == "bind" and "process" in line.words[2:]:
            said = "`process` on a bind line: HAProxy 2.6 takes it with a warning, and 2.7 has it no more"
            yield file.problem("departing-keyword", said, line.line, "instead: thread, or nothing")


def repeated(file: File) -> Iterator[Problem]:
    """Settings of global of which HAProxy takes the first, with an alert."""
    first: dict[str, Statement] = {}
    for section, line in _lines(file):
        if section.keyword == "global" and line.keyword in _ONCE and not file.conditional:
            before = first.setdefault(line.keyword, line)
            if before is not line and before.words != line.words:
                said = f"{line.keyword} {line.name} is ignored: {before.name} stands before it"
                yield file.problem("repeated-setting", said, line.line)


def _key(words: Sequence[str], table: Container[str]) -> str:
    """What of the line's first words is in the table, "" for none."""
    return next((one for one in (" ".join(words[:2]), words[0] if words else "") if one in table), "")


def _lines(file: File) -> Iterator[tuple[Statement, Statement]]:
    """Each line of the proxies, defaults and global, with its section."""
    for section in file.document.statements:
        if section.keyword in _PLACES:
            yield from ((section, line) for line in section.children)


CHECKS: tuple[FileCheck, ...] = (removed, departing, repeated)
