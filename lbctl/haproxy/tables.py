"""What HAProxy's configuration language knows that matters here: small tables, everything else is words.

Source: configuration manual 2.2 to 3.2; the sets of characters are measured with 2.6.12.
"""

from __future__ import annotations

import re

# A line that begins with one of these starts a section, whatever its column.
SECTIONS = frozenset(
    {
        "acme",
        "backend",
        "cache",
        "crt-store",
        "defaults",
        "fcgi-app",
        "frontend",
        "global",
        "http-errors",
        "listen",
        "log-forward",
        "log-profile",
        "mailers",
        "peers",
        "program",
        "resolvers",
        "ring",
        "traces",
        "userlist",
    }
)
PROXIES = frozenset({"frontend", "backend", "listen"})

# Lines that start a condition of the preprocessor, and those that end one; the other dot lines are within.
CONDITION_STARTS = ".if"
CONDITION_ENDS = ".endif"

# The first word of things that have a name of their own within their section: compared with their
# namesake, wherever they stand.
NAMED = frozenset(
    {
        "bind",
        "errorfile",
        "group",
        "mailer",
        "nameserver",
        "option",
        "peer",
        "server",
        "server-template",
        "stats",
        "timeout",
        "user",
    }
)
# The first word of rules that are tried from top to bottom: compared as one sequence.
ORDERED = frozenset(
    {
        "acl",
        "capture",
        "filter",
        "force-persist",
        "http-after-response",
        "http-check",
        "http-request",
        "http-response",
        "ignore-persist",
        "log",
        "redirect",
        "stick",
        "tcp-check",
        "tcp-request",
        "tcp-response",
        "use-server",
        "use_backend",
    }
)

MAX_WORDS = 64
NAME = re.compile(r"[A-Za-z0-9_.:-]+")

# Words of a server that its health does not depend on, and how many more belong to each.
ASIDE = {
    "backup": 0,
    "cookie": 1,
    "downinter": 1,
    "error-limit": 1,
    "fall": 1,
    "fastinter": 1,
    "inter": 1,
    "max-reuse": 1,
    "maxconn": 1,
    "maxqueue": 1,
    "minconn": 1,
    "non-stick": 0,
    "observe": 1,
    "on-error": 1,
    "on-marked-down": 1,
    "on-marked-up": 1,
    "pool-low-conn": 1,
    "pool-max-conn": 1,
    "pool-purge-delay": 1,
    "rise": 1,
    "slowstart": 1,
    "weight": 1,
}
# The lines of a proxy that say how its servers are checked, those of global on TLS with servers.
CHECK_LINES = frozenset({("external-check",), ("http-check",), ("source",), ("tcp-check",)})
CHECK_OPTIONS = frozenset(
    ("option", name)
    for name in (
        "external-check",
        "httpchk",
        "ldap-check",
        "mysql-check",
        "pgsql-check",
        "redis-check",
        "smtpchk",
        "spop-check",
        "ssl-hello-chk",
        "tcp-check",
    )
)
TLS_LINES = frozenset(
    {
        "ca-base",
        "crt-base",
        "ssl-default-server-ciphers",
        "ssl-default-server-ciphersuites",
        "ssl-default-server-options",
        "ssl-server-verify",
    }
)
