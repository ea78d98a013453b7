"""Spellings of IP addresses."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface


def canonical(text: str) -> str:
    """The one spelling that kernel and tools print: fd00:0:0::5 is fd00::5. What is no address stays.

    A prefix length goes.
    """
    try:
        return str(ip_interface(text).ip)
    except ValueError:
        return text


def is_address(text: str) -> bool:
    """An address without a prefix length."""
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def is_interface(text: str) -> bool:
    """An address, with a prefix length or without."""
    try:
        return bool(ip_interface(text))
    except ValueError:
        return False
