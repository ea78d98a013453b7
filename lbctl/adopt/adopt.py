"""Several nodes as they were read, as one workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lbctl.adopt import clusterfile, things
from lbctl.adopt.clusterfile import Value
from lbctl.adopt.daemons import daemons
from lbctl.adopt.files import others
from lbctl.adopt.live import DAEMONS, Live
from lbctl.adopt.nodes import Subject
from lbctl.adopt.values import COMMENTS, values
from lbctl.document import encode
from lbctl.model.adoption import AdoptedNode, Adoption, Written
from lbctl.model.cluster import HAPROXY_CFG, MAIN_FILES

CLUSTER_FILE = "cluster.yaml"


def obstacle(live: Live) -> str:
    """Why a node cannot be taken over, "" = it can."""
    if not live.files:
        kolla = any(hand.tool == "kolla" for hand in live.hands)
        where = "kolla runs it in a container, whose files and restarts are kolla's" if kolla else ""
        said = "; ".join(f"{path}: {why}" for path, why in live.unreadable.items())
        return where or said or f"there is neither {' nor '.join(MAIN_FILES.values())}"
    for path, why in live.unreadable.items():
        return f"{path}: {why}"
    for unit in DAEMONS:
        main, reads = MAIN_FILES[unit], live.reads[unit]
        if main not in reads and live.services.get(unit, (False, False))[1]:
            return f"{unit} reads {', '.join(reads)}, and lbctl writes {main}"
    if HAPROXY_CFG not in live.files:
        return f"there is no {HAPROXY_CFG}"
    return ""


def adopt(nodes: Sequence[Subject], head: Mapping[str, Value], *, files: bool = True) -> Adoption:
    """The workspace that says what these nodes have, to the byte. None of them may have an obstacle.

    `head` begins the cluster file: its name, and how to log in. Without `files` only the main ones are taken.
    """
    made = daemons(nodes)
    rest = others(nodes, take=files)
    secrets = [Written(f"secrets/{name}", encode(f"{s.text}\n"), True) for s, name in made.safe.names.items()]
    text = clusterfile.text(values(head, made, rest), COMMENTS)
    return Adoption(
        str(head["cluster"]),
        tuple(AdoptedNode(one.name, one.live.host, one.address, one.live.os) for one in nodes),
        (*made.files, *rest.files, *secrets, Written(CLUSTER_FILE, text.encode())),
        (*made.taken, *things.taken(nodes, made.safe), *rest.taken),
        tuple(things.differences(made)),
        (*rest.left, *things.left(nodes)),
        tuple(things.hands(nodes)),
    )
