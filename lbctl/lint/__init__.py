"""What is wrong with a cluster's configuration: offline or live, the same findings. Pure.

A subject (what is looked at) goes through the explicit list of checks; each finding has a code, and each code
an explanation in `codes/`.
"""

from lbctl.lint.find import find
from lbctl.lint.rules import rule, rules
from lbctl.lint.subject import Machine, Subject, Text

__all__ = ["Machine", "Subject", "Text", "find", "rule", "rules"]
