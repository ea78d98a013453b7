"""The kinds of value that a cluster file holds, each with its check, its message and its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_interface
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from lbctl.model.reference import NODE_NAMES
from lbctl.model.spelling import HOST, NAME, PATH, is_path

VERSION = re.compile(r"[A-Za-z0-9.*][A-Za-z0-9.*+:~-]*")
SYSCTL = re.compile(r"[a-z0-9_][a-z0-9._/-]*")
VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
MODE = re.compile(r"0?[0-7]{3,4}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def wrong(text: str, mend: str = "") -> PydanticCustomError:
    """A complaint about one value; `text` says what it is not."""
    return PydanticCustomError("lbctl", "{text}", {"text": text, "mend": mend})


def matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    """A check that a value matches as a whole."""

    def check(value: str) -> str:
        if CONTROL.search(value):
            raise wrong("holds a newline or a control character", "one word or one line means that")
        if not pattern.fullmatch(value):
            raise wrong(f"{value!r} is not {what}")
        return value

    return check


def one_line(value: str) -> str:
    if CONTROL.search(value.replace("\t", " ")):
        raise wrong("holds a newline or a control character", "one word or one line means that")
    return value


def address(value: str) -> str:
    """An IP address as it is written; no zone, no prefix."""
    try:
        found = ip_address(value)
    except ValueError:
        raise wrong(f"{value!r} is not an IP address", "write it like 10.15.85.32 or 2001:db8::1") from None
    if "%" in value:
        raise wrong(f"{value!r} has a zone", "write the address alone")
    return str(found) if found.version == 4 else value


def interface(value: str) -> str:
    """An IP address with or without a prefix length."""
    try:
        ip_interface(value)
    except ValueError:
        mend = "write it like 10.15.85.31, 10.15.85.31/24 or 2001:db8::10/64"
        raise wrong(f"{value!r} is not an IP address", mend) from None
    if "%" in value or (("/" in value) and not value.rpartition("/")[2].isdigit()):
        raise wrong(f"{value!r} is not an IP address with a prefix length", "write it like 10.15.85.31/24")
    return value


def port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(f"{shown(value)} is not a port", "a number from 1 to 65535")
    if not 1 <= value <= 65535:
        raise wrong(f"{value} is not a port: 1 to 65535")
    return value


def priority(value: object) -> int | dict[str, int]:
    """One for every instance, or a mapping from instances to theirs."""
    if isinstance(value, dict):
        return {str(name): _priority(one, f"{name}: ") for name, one in value.items()}
    return _priority(value, "")


def _priority(value: object, prefix: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 255:
        raise wrong(f"{prefix}{shown(value)} is not a priority: 1 to 255")
    return value


def state(value: object) -> str | dict[str, str]:
    """One for every instance, or a mapping from instances to theirs."""
    values = value if isinstance(value, dict) else {"": value}
    for one in values.values():
        if one not in ("MASTER", "BACKUP"):
            raise wrong(f"{shown(one)} is not a state: MASTER or BACKUP")
    return value  # type: ignore[return-value]  # the loop has seen that it holds states only


def mode(value: object) -> str:
    if not isinstance(value, str):
        raise wrong("a mode is a string: YAML reads it as a number", 'quote it: "0644"')
    if not MODE.fullmatch(value):
        raise wrong(f"{value!r} is not a mode", 'three or four octal digits: "0644"')
    return value.rjust(4, "0")


def path(value: str) -> str:
    """An absolute, normalised path on a node."""
    if not is_path(value):
        mend = "absolute, without . or .., of A-Z a-z 0-9 . _ @ + -"
        raise wrong(f"{value!r} is not a path that lbctl can manage", mend)
    return value


def package(value: object) -> str | None:
    """None = any version, "absent", or a pattern."""
    if value is None or value is True:
        return None
    if not isinstance(value, str):
        raise wrong("a version is a string: YAML reads it as a number", 'quote it: "2.6.*"')
    return matching(VERSION, "a version pattern such as 2.6.*")(value)


def variable(name: str) -> str:
    """The name of a node's own variable."""
    if name in NODE_NAMES:
        raise wrong(f"${{node.{name}}} is lbctl's own", "choose another name")
    if not VARIABLE.fullmatch(name):
        raise wrong(f"{name!r} is not the name of a variable: A-Z a-z 0-9 _ -, and a letter in front")
    return name


def variable_value(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong(f"{shown(value)} is not a value of a variable", "a number or a string")
    return one_line(str(value))


def sysctl(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise wrong(f"{shown(value)} is not a value of a sysctl", "a number or a string")
    return one_line(str(value))


def check_words(value: object) -> str | None:
    """`check: true` = bare, `check: false` = none, a string = the words after `check`."""
    if value is True:
        return ""
    if value in (None, False):
        return None
    if not isinstance(value, str):
        raise wrong(f"{shown(value)} is not a check", "true, false or words such as inter 10s")
    return one_line(value)


def shown(value: object) -> str:
    """A value as YAML has it, for a message."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    return repr(value) if isinstance(value, str) else str(value)


def _text(check: Callable[[str], str], schema: dict[str, Any]) -> Any:
    return Annotated[str, AfterValidator(check), WithJsonSchema({"type": "string"} | schema)]


def _any(check: Callable[[object], object], schema: dict[str, Any]) -> Any:
    return Annotated[Any, PlainValidator(check), WithJsonSchema(schema)]


_CHECK = {"anyOf": [{"type": "boolean"}, {"type": "string"}, {"type": "null"}]}
_PER_INSTANCE = {"type": "object", "additionalProperties": {}}

Name = _text(matching(NAME, "a name: A-Z a-z 0-9 . _ -, no - in front"), {"pattern": NAME.pattern})
Line = _text(one_line, {})
Address = _text(address, {"format": "ip-address"})
Interface = _text(interface, {"format": "ip-address"})
HostName = _text(matching(HOST, "a host name"), {"pattern": HOST.pattern})
NodePath = _text(path, {"pattern": PATH.pattern})
SysctlKey = _text(matching(SYSCTL, "a sysctl: a-z 0-9 . _ / -"), {"pattern": SYSCTL.pattern})
Port = _any(port, {"type": "integer", "minimum": 1, "maximum": 65535})
Priority = _any(priority, {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 255}, _PER_INSTANCE]})
State = _any(state, {"anyOf": [{"enum": ["MASTER", "BACKUP"]}, _PER_INSTANCE]})
Mode = _any(mode, {"type": "string", "pattern": MODE.pattern})
Version = _any(package, {"type": ["string", "null"]})
SysctlValue = _any(sysctl, {"type": ["string", "integer"]})
Variable = _text(variable, {"pattern": VARIABLE.pattern})
VariableValue = _any(variable_value, {"type": ["string", "integer"]})
Check = _any(check_words, _CHECK)
