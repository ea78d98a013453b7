"""keepalived's configuration language: documents, views over them, additions. Pure."""

from __future__ import annotations

from lbctl.document import holds_secret, mask
from lbctl.keepalived.build import Node, build, statement
from lbctl.keepalived.parse import LANGUAGE, parse
from lbctl.keepalived.words import quote

__all__ = ["LANGUAGE", "Node", "build", "holds_secret", "mask", "parse", "quote", "statement"]
