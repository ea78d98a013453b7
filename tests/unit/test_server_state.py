"""Which servers' health goes on over a reload, and that every way to take a file carries it over."""

from __future__ import annotations

import pytest

from lbctl import haproxy
from lbctl.haproxy.additions import NAMES, STATE_PATH, add
from lbctl.haproxy.health import differently_judged
from lbctl.model.command import Command
from lbctl.rollout import server_state
from tests.unit.fake_node import HAPROXY
from tests.unit.test_rollout_walk import PROXY, Scene, applied, cluster

FILE = """\
global
    stats socket /run/haproxy/admin.sock mode 660 level admin
defaults
    mode http
    timeout check 2s
backend b
    server one 10.0.0.1:80 check inter 10s weight 5
    server two 10.0.0.2:80 check
backend c
    option httpchk GET /healthy
    default-server inter 2s
    server one 10.0.0.1:81 check
"""
EVERY = ("b/one", "b/two", "c/one")


class TestJudged:
    @pytest.mark.parametrize(
        ("old", "new", "changed"),
        [
            ("mode http", "mode http", ()),
            ("one 10.0.0.1:80", "one 10.0.0.9:80", ("b/one",)),
            ("one 10.0.0.1:80", "one 10.0.0.1:8080", ("b/one",)),
            ("    server two 10.0.0.2:80 check\n", "", ("b/two",)),
            ("backend c\n", "    server three 10.0.0.3:80 check\nbackend c\n", ("b/three",)),
            ("inter 10s weight 5", "inter 1s weight 9 maxconn 7 rise 2 fall 3 backup cookie x", ()),
            ("inter 10s weight 5", "ssl verify none", ("b/one",)),
            ("inter 10s weight 5", "port 9000", ("b/one",)),
            ("inter 10s weight 5", "whatever-comes-next", ("b/one",)),
            ("two 10.0.0.2:80 check", "two 10.0.0.2:80", ("b/two",)),
            ("two 10.0.0.2:80 check", "two 10.0.0.2:80 check # said", ()),
            ("default-server inter 2s", "default-server inter 9s", ()),
            ("default-server inter 2s", "default-server check-ssl", ("c/one",)),
            ("GET /healthy", "GET /", ("c/one",)),
            ("    option httpchk GET /healthy\n", "", ("c/one",)),
            ("    mode http\n", "    mode http\n    option tcp-check\n", EVERY),
            ("    mode http\n", "    mode http\n    default-server port 9\n", EVERY),
            ("    mode http\n", "    mode http\n    option forwardfor\n    timeout client 1s\n", ()),
            ("global\n", "global\n    maxconn 5\n", ()),
            ("global\n", "global\n    ca-base /etc/ssl\n", EVERY),
            ("backend c\n", "backend d\n", ("c/one", "d/one")),
        ],
    )
    def test_what_changes_it(self, old: str, new: str, changed: tuple[str, ...]) -> None:
        assert old in FILE
        before, after = (haproxy.parse(text.encode()) for text in (FILE, FILE.replace(old, new)))
        assert sorted(differently_judged(before, after)) == sorted(changed)
        assert sorted(differently_judged(after, before)) == sorted(changed)

    def test_its_own_defaults_alone(self) -> None:
        text = "defaults x\n  option %s\ndefaults y\nbackend b from x\n  server s 10.0.0.1:80\n"
        text += "backend c from y\n  server s 10.0.0.1:80\n"
        before, after = (haproxy.parse((text % option).encode()) for option in ("httpchk", "tcp-check"))
        assert differently_judged(before, after) == ("b/s",)


class TestTaken:
    def test_only_our_own_dump_is_kept(self) -> None:
        ours = add(haproxy.parse(FILE.encode()), NAMES)
        theirs = haproxy.parse(FILE.replace("global\n", "global\n  server-state-file /x\n").encode())
        words = ("take_with_servers", "reload", "/run/haproxy/admin.sock", STATE_PATH)
        assert server_state.taken("reload", theirs, ours).words == words
        assert server_state.taken("reload", ours, theirs).words == ("take_reload", "haproxy")
        assert server_state.taken("restart", None, ours).words == ("take_restart", "haproxy")

    def test_the_walk_and_its_undo_know_the_same_servers(self) -> None:
        scene = Scene()
        text = add(haproxy.parse(PROXY.encode()), NAMES).render()
        scene.transport = applied(cluster(text.decode()))
        scene.new = text + b"  server b 10.0.0.22:80\n"
        scene.wanted = cluster(scene.new.decode())
        said: list[Command] = []

        def note(number: int, node: str, command: Command) -> bool:
            if node == "lb3":
                said.append(command)
            return False

        scene.transport.failing = note
        assert scene.walk().error is None
        found = {one.words[0]: one.words[1:] for one in said}
        known = ("/run/haproxy/admin.sock", STATE_PATH, "b/b")
        assert found["save_server_state"] == known and found["take_with_servers"] == ("reload", *known)
        assert "take_reload" not in found
        assert {node.state.loaded[HAPROXY] for node in scene.transport.nodes.values()} == {scene.new}
