"""The kinds, in the order in which their changes are carried out on a node.

Packages bring the daemons and their users; files need the users; a daemon binds to foreign addresses only
after the sysctl; and it is started last, with everything in its place.
"""

from __future__ import annotations

from lbctl import haproxy, keepalived
from lbctl.host.file import FileKind
from lbctl.host.package import PackageKind
from lbctl.host.service import ServiceKind
from lbctl.host.sysctl import SysctlKind
from lbctl.model.cluster import HAPROXY_CFG, KEEPALIVED_CONF
from lbctl.model.kind import Kind

PACKAGE = PackageKind()
FILE = FileKind(
    masks=(
        (HAPROXY_CFG, lambda data: haproxy.mask(haproxy.parse(data))),
        (KEEPALIVED_CONF, lambda data: keepalived.mask(keepalived.parse(data))),
    )
)
KINDS: tuple[Kind, ...] = (PACKAGE, FILE, SysctlKind(), ServiceKind())


def kind(name: str) -> Kind:
    """Raises StopIteration for a name that no kind has."""
    return next(k for k in KINDS if k.name == name)
