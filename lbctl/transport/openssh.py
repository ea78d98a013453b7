"""How to reach a host, in OpenSSH's own reading of its configuration (`ssh -G HOST`).

fabric's own reading ignores Include, UserKnownHostsFile and HostKeyAlias; OpenSSH is asked instead.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join

from lbctl.errors import UnreachableError
from lbctl.model.cluster import Ssh


@dataclass(frozen=True)
class Login:
    """What `ssh -G` says. `proxy` is a command for a shell, "" = a direct connection.

    `asking` is what a person types to look at a host key that is not known, and take it.
    """

    host: str
    port: int
    user: str
    keys: tuple[str, ...]
    known_hosts: tuple[str, ...]
    alias: str
    proxy: str
    agent: bool
    timeout: float
    asking: str = ""

    @property
    def known_as(self) -> str:
        """The name under which the host key is looked up. OpenSSH looks an alias up without a port."""
        return self.alias or self.host

    @property
    def entry(self) -> str:
        """The same as it stands in a known_hosts file."""
        return self.known_as if self.alias or self.port == 22 else f"[{self.known_as}]:{self.port}"


def arguments(ssh: Ssh, config: Path | None) -> list[str]:
    """The options and the host, for ssh itself."""
    words = ["-F", str(config)] if config else []
    words += ["-l", ssh.user] if ssh.user else []
    words += ["-p", str(ssh.port)] if ssh.port else []
    return [*words, "--", ssh.host]


def login(node: str, ssh: Ssh, config: Path | None) -> Login:
    """Ask OpenSSH how it would log in. Raises UnreachableError when it cannot say."""
    try:
        done = subprocess.run(
            ["ssh", "-G", *arguments(ssh, config)], capture_output=True, text=True, check=False, timeout=10
        )
    except FileNotFoundError as error:
        raise UnreachableError(
            node, "ssh is not installed here", mend="apt-get install openssh-client"
        ) from error
    if done.returncode != 0:
        raise UnreachableError(node, "ssh cannot read its configuration", detail=done.stderr.strip())
    return read(done.stdout, ssh, config)


def read(text: str, ssh: Ssh, config: Path | None) -> Login:
    """What `ssh -G` printed: one `keyword value` a line, keywords in lower case, some of them repeated."""
    pairs = [line.partition(" ")[::2] for line in text.splitlines()]
    last = dict(reversed(pairs))
    return Login(
        host=last["hostname"],
        port=int(last.get("port", "22")),
        user=last["user"],
        keys=tuple(_existing(value for keyword, value in pairs if keyword == "identityfile")),
        known_hosts=tuple(_existing(_files(last))),
        alias=_unless_none(last.get("hostkeyalias", "")),
        proxy=_proxy(last, ssh, config),
        agent=last.get("identityagent", "") != "none" and last.get("identitiesonly", "no") != "yes",
        timeout=float(last.get("connecttimeout", "10").replace("none", "10")),
        asking=join(["ssh", "-o", "StrictHostKeyChecking=ask", *arguments(ssh, config), "true"]),
    )


def _unless_none(value: str) -> str:
    return "" if value == "none" else value


def _files(last: dict[str, str]) -> Sequence[str]:
    return f"{last.get('userknownhostsfile', '')} {last.get('globalknownhostsfile', '')}".split()


def _existing(paths: object) -> list[str]:
    assert hasattr(paths, "__iter__")
    expanded = [Path(str(path)).expanduser() for path in paths]
    return [str(path) for path in expanded if path.is_file()]


def _proxy(last: dict[str, str], ssh: Ssh, config: Path | None) -> str:
    """A jump becomes a command of OpenSSH's own, so that it checks the bastion's key too."""
    command = _unless_none(last.get("proxycommand", ""))
    if command:
        return command.replace("%h", last["hostname"]).replace("%p", last.get("port", "22"))
    jump = _unless_none(last.get("proxyjump", ""))
    if not jump:
        return ""
    hops = jump.split(",")
    words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    words += ["-F", str(config)] if config else []
    words += ["-J", ",".join(hops[:-1])] if hops[:-1] else []
    target = f"[{last['hostname']}]:{last.get('port', '22')}"
    user, _, host_port = hops[-1].rpartition("@")
    host, _, port = host_port.partition(":")
    words += ["-l", user] if user else []
    words += ["-p", port] if port else []
    return join([*words, "-W", target, "--", host])
