"""What is wrong in a haproxy.cfg by itself: this module's own checks, and those of its neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from lbctl.errors import Problem
from lbctl.haproxy.views import global_lines, stats_socket
from lbctl.lint import binds, exposed, keywords, limits, names, ports, servers, timeouts
from lbctl.lint.sections import File, FileCheck, Section, each, listed


def no_stats_socket(file: File) -> Iterator[Problem]:
    if not file.partial and all(stats_socket(one) is None for one in (file.document, *file.pieces)):
        yield file.problem("no-stats-socket", "no stats socket of level admin", 0)


def no_log(file: File) -> Iterator[Problem]:
    """Frontends whose requests are logged nowhere; `log global` is nothing without a log line in global."""
    accepting = [one for one in file.sections if one.used and one.accepts]
    everywhere = file.partial or any(global_lines(one, "log") for one in (file.document, *file.pieces))
    silent = [one for one in accepting if not _logs(one, everywhere)]
    if not silent:
        return
    if len(silent) == len(accepting) and not everywhere:
        yield file.problem("no-log", "nothing is logged: no log line says where to", 0)
        return
    said = f"{listed([one.name for one in silent])}: requests are not logged, "
    said += "for want of `log global`" if everywhere else "for want of a log line"
    yield file.problem("no-log", said, silent[0].own.line)


def _logs(section: Section, everywhere: bool) -> bool:
    targets = [line.name for line in section.lines("log")]
    return any(name != "global" or everywhere for name in targets)


OWN: tuple[FileCheck, ...] = (no_stats_socket, no_log)
CHECKS = (
    each(
        (
            *OWN,
            *servers.CHECKS,
            *timeouts.CHECKS,
            *names.CHECKS,
            *binds.CHECKS,
            *ports.CHECKS,
            *limits.CHECKS,
            *keywords.CHECKS,
            *exposed.CHECKS,
        )
    ),
)
