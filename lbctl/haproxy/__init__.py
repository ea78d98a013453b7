"""HAProxy's configuration language: documents, views over them, additions. Pure."""

from __future__ import annotations

from lbctl.document import holds_secret, mask
from lbctl.haproxy.build import Section, build, statement
from lbctl.haproxy.parse import LANGUAGE, parse
from lbctl.haproxy.words import quote

__all__ = ["LANGUAGE", "Section", "build", "holds_secret", "mask", "parse", "quote", "statement"]
