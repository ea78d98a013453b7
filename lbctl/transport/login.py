"""Logging in over a link that stands, and what is said where that fails."""

from __future__ import annotations

import logging
from shlex import quote
from typing import TYPE_CHECKING

from lbctl.errors import UnreachableError
from lbctl.model.cluster import Ssh
from lbctl.transport.openssh import Login
from lbctl.transport.proxy import Link

if TYPE_CHECKING:
    from fabric import Connection
    from paramiko import BadHostKeyException

_KEEPALIVE = 5  # seconds


def log_in(node: str, ssh: Ssh, login: Login, link: Link) -> Connection:
    """An open connection, on a host key that is known. Raises UnreachableError, with nothing left open."""
    from paramiko import (
        AuthenticationException,
        BadHostKeyException,
        PasswordRequiredException,
        SSHException,
    )

    # paramiko logs whole tracebacks of what it raises as well; without a handler they reach the terminal
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
    connection = _connection(login, link)
    try:
        connection.open()
    except BadHostKeyException as error:
        raise _changed_key(node, login, error) from error
    except PasswordRequiredException as error:
        mend = "ssh-add it to an agent first"
        raise UnreachableError(node, "the key needs a passphrase", mend=mend) from error
    except AuthenticationException as error:
        raise _refused(node, ssh, login) from error
    except (SSHException, OSError, EOFError) as error:
        raise _not_connected(node, ssh, login, link, error) from error
    finally:
        if not connection.is_connected:
            connection.client.close()  # its thread must not outlive the link that it reads
    connection.transport.set_keepalive(_KEEPALIVE)
    return connection


def _connection(login: Login, link: Link) -> Connection:
    from fabric import Config, Connection
    from paramiko import RejectPolicy

    connection = Connection(
        login.known_as,
        user=login.user,
        port=22 if login.alias else login.port,
        config=Config(overrides={"load_ssh_configs": False}, lazy=True),
        connect_timeout=login.timeout,
        connect_kwargs={
            "sock": link.stream,
            "key_filename": list(login.keys),  # none: an agent has them
            "look_for_keys": False,
            "allow_agent": login.agent,
            "banner_timeout": login.timeout,
            "auth_timeout": login.timeout,
        },
    )
    connection.client.set_missing_host_key_policy(RejectPolicy())
    for path in login.known_hosts:
        connection.client.load_system_host_keys(path)
    return connection


def _known(login: Login) -> str:
    return f"looked up as {login.known_as} in {' '.join(login.known_hosts) or 'no file'}"


def _changed_key(node: str, login: Login, error: BadHostKeyException) -> UnreachableError:
    """With what to type where the machine was replaced: out with the old key, in with the new one."""
    from paramiko import HostKeys

    holding = [path for path in login.known_hosts if HostKeys(path).lookup(login.entry)]
    lines = [
        f"it shows the key {error.key.get_name()} {error.key.fingerprint}. Was the machine replaced? Then:",
        *(f"  ssh-keygen -f {quote(path)} -R {quote(login.entry)}" for path in holding),
        *_take(login),
    ]
    return UnreachableError(node, "its host key has changed", detail=_known(login), mend="\n".join(lines))


def _take(login: Login) -> tuple[str, ...]:
    return (
        f"  {login.asking}",
        "and say yes if the node's console shows the same: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
    )


def _refused(node: str, ssh: Ssh, login: Login) -> UnreachableError:
    keys = "keys tried: " + (", ".join(login.keys) or "none") + (" and the agent's" if login.agent else "")
    mend = f"try: ssh {login.user}@{ssh.host}"
    return UnreachableError(node, f"login as {login.user} was refused", detail=keys, mend=mend)


def _not_connected(node: str, ssh: Ssh, login: Login, link: Link, error: Exception) -> UnreachableError:
    if "not found in known_hosts" in str(error):
        mend = "\n".join(("is it a new machine? Look at its key, and take it:", *_take(login)))
        return UnreachableError(node, "its host key is not known", detail=_known(login), mend=mend)
    if "No authentication methods" in str(error):
        return _refused(node, ssh, login)
    place = f"{login.host} port {login.port}"
    if link.proxy is None:
        return unreachable(node, ssh, f"{place}: {error or 'the connection was closed'}")
    said = link.said()
    if any("host key verification failed" in line.lower() for line in said):
        changed = any("IDENTIFICATION HAS CHANGED" in line for line in said)
        return UnreachableError(
            node,
            f"the host key of a host on the way {'has changed' if changed else 'is not known'}",
            evidence=[line for line in said if line.endswith("you have requested strict checking.")],
            mend=f"check that key: ssh {ssh.host}",
        )
    why = "its proxy ended" if link.ended else f"no answer within {login.timeout:g} s"
    return unreachable(node, ssh, f"{place}, through its proxy: {why}", said[-3:])


def unreachable(node: str, ssh: Ssh, detail: str, evidence: list[str] | None = None) -> UnreachableError:
    """There is nobody, or nobody who speaks SSH."""
    mend = f"is it up? try: ssh {ssh.host}"
    return UnreachableError(node, "cannot be reached", detail=detail, evidence=evidence or (), mend=mend)
