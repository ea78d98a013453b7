"""A live cluster taken over: from what the nodes have to a cluster file and the daemons' own files.

Pure: what to read, what of it differs between nodes, which words are secrets, which other files are named.
"""

from __future__ import annotations
