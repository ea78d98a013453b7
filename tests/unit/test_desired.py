"""Reading cluster files: the guide's own, what cannot be read, secrets, the digest, the schema."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbctl.desired import load
from lbctl.desired.schema import schema
from lbctl.errors import InputError
from lbctl.model.cluster import Cluster
from lbctl.model.effect import Effect, Impact

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "cluster"
GUIDE = (CASES / "guide" / "cluster.yaml").read_text("utf-8")
SMALL = """\
cluster: small
nodes:
  lb1: {address: 10.0.0.1, priority: 101}
  lb2: {address: 10.0.0.2, priority: 100}
keepalived:
  vrrp_instance:
    v: {interface: eth0, virtual_router_id: 1, virtual_ipaddress: [10.0.0.10]}
controllers: {c1: 10.0.1.1}
haproxy: {services: {web: 80}}
"""


def of(directory: Path, text: str | bytes, *, secrets: bool = True) -> Cluster:
    path = directory / "cluster.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, secrets=secrets)


def refused(directory: Path, text: str | bytes) -> str:
    with pytest.raises(InputError) as raised:
        of(directory, text)
    return str(raised.value).replace(str(directory) + "/", "")


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def without_additions(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "# lbctl:" not in line)


@pytest.mark.parametrize("daemon", ["haproxy", "keepalived"])
@pytest.mark.parametrize("additions", ["[]", "[stats-socket, drain, server-state, idle-close]"])
def test_the_guide_token_for_token(tmp_path: Path, daemon: str, additions: str) -> None:
    """Indentation and blank lines are ours; the words of every line are the guide's."""
    text = re.sub(r"(?m)^additions:.*$", f"additions: {additions}", GUIDE)
    cluster = of(tmp_path, text)
    file = cluster.node("lb1").file_of(daemon)
    assert file is not None
    name = {"haproxy": "haproxy.cfg", "keepalived": "keepalived.conf"}[daemon]
    shown = file.content.shown.decode()
    assert words(without_additions(shown)) == words((CASES / "guide" / name).read_text())
    assert ("# lbctl:" in shown) == (additions != "[]")


def test_the_guide_whole() -> None:
    cluster = load(CASES / "guide" / "cluster.yaml")
    assert [node.name for node in cluster.nodes] == ["lb1", "lb2", "lb3"]
    assert (cluster.lab_only, cluster.handover, cluster.problems) == (True, "auto", ())
    assert [str(vip.interface) for vip in cluster.vips] == ["10.15.85.31/32"]
    for node, priority in zip(cluster.nodes, (102, 101, 100), strict=True):
        haproxy, keepalived = node.files
        assert f"priority {priority}\n".encode() in keepalived.content.data
        assert haproxy.effects == (Effect("haproxy", Impact.RELOAD),)
        assert (keepalived.path, keepalived.mode) == ("/etc/keepalived/keepalived.conf", "0644")


UNREADABLE = {
    "empty": (b"", "cluster.yaml:1: the file is empty"),
    "comment": (b"# nothing\n", "cluster.yaml:1: the file is empty"),
    "null": (b"---\n", "cluster.yaml:1: the file is empty"),
    "list": (b"- a\n", "cluster.yaml:1:1: a cluster file is a mapping"),
    "scalar": (b"hello\n", "cluster.yaml:1:1: a cluster file is a mapping"),
    "tab": (b"nodes:\n\tlb1: x\n", "cluster.yaml:2:1: not YAML: found character that cannot start"),
    "latin1": (b"cluster: caf\xe9\n", "cluster.yaml:1:13: byte 0xe9 is not UTF-8"),
    "binary": (b"cluster: a\n\x00\x01\x02", "cluster.yaml:2:1: control character 0x00"),
    "utf16": ("cluster: a\n".encode("utf-16"), "cluster.yaml:1:1: byte 0xff is not UTF-8"),
    "open bracket": (b"nodes: [a\n", "cluster.yaml:2:1: not YAML: did not find expected"),
    "open quote": (b'cluster: "a\n', "cluster.yaml:1:10: not YAML: found unexpected end of stream"),
    "two documents": (b"cluster: a\n---\ncluster: b\n", "cluster.yaml:2:1: a second YAML document"),
    "deep": (b"nodes: " + b"[" * 100_000, "nested deeper than 32 levels"),
    "deep map": (b"{a: " * 100_000, "nested deeper than 32 levels"),
    "recursive": (b"nodes: &a\n  b: *a\n", "cluster.yaml:2:6: *a stands within itself"),
    "unknown alias": (b"nodes: *a\n", "cluster.yaml:1:8: *a names nothing above it"),
    "tag": (
        b"cluster: !!python/object:os.system x\n",
        "cluster.yaml:1:10: the tag !!python/object:os.system",
    ),
    "list as key": (b"? [a]\n: b\n", "cluster.yaml:1:3: a key must be a word"),
    "merge key": (b"a: &a {b: c}\nnodes: {<<: *a}\n", "cluster.yaml:2:9: merge keys (<<) are not read"),
    "huge": (b"#" * (4 * 1024 * 1024 + 1), "cluster.yaml: larger than 4 MiB"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(tmp_path: Path, name: str) -> None:
    data, said = UNREADABLE[name]
    assert said in refused(tmp_path, data)


def test_alias_bomb(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    started = time.monotonic()
    assert "more than 200000 values" in refused(tmp_path, "\n".join(lines))
    assert time.monotonic() - started < 1


def test_missing_and_special_files(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path, Path("/dev/zero")):
        with pytest.raises(InputError, match="cannot be read"):
            load(path)


def test_anchors(tmp_path: Path) -> None:
    text = SMALL.replace("services: {web: 80}", "services: {web: &p {port: 80, balance: source}, more: *p}")
    assert "port 80 on 10.0.0.10 is taken by web" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("written", "rendered"),
    [("yes", "yes"), ("1:30", "1:30"), ("0x10", "0x10"), ("1.0", "1.0"), ("010", "010")],
)
def test_values_are_passed_on_as_written(tmp_path: Path, written: str, rendered: str) -> None:
    """Neither sexagesimal nor octal numbers, no yes and no: what stands in the file reaches the daemon."""
    text = SMALL.replace("interface: eth0,", f"interface: eth0, garp_master_delay: {written},")
    data = of(tmp_path, text).nodes[0].files[1].content.data
    assert f"    garp_master_delay {rendered}\n".encode() in data


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cluster: small", "cluster: ..", "cluster.yaml:1:10: cluster: '..' is not a name"),
        ("cluster: small", "", "cluster.yaml:2:1: the file has no cluster"),
        ("web: 80", 'web: {port: 80, balance: "a\\nb"}', "haproxy.services.web.balance: holds a newline"),
        ("web: 80", 'web: {port: 80, backend: "x \\e[2J"}', "text with a control character"),
        ("web: 80", "web: [80]", "haproxy.services.web: a list is not a mapping"),
        ("web: 80", "web: {port: 80, check: [a]}", "haproxy.services.web.check: a list is not a check"),
        ("{c1: 10.0.1.1}", "{c1: 10.0.1.1, -x: 10.0.1.2}", "'-x' is not a name"),
        ("{c1: 10.0.1.1}", "{}", "haproxy.services.web: there are no members"),
        ("[10.0.0.10]", "[10.0.0.10 # eth0]", "not YAML"),
        ("[10.0.0.10]", "[10.0.0.10, {a: b}]", "an item is not a line"),
        ("[10.0.0.10]", "['10.0.0.10 } evil {']", "a line with # ! { } or a quote"),
        ("[10.0.0.10]", '["10.0.0.10\\n}"]', "a line with # ! { } or a quote"),
        ("interface: eth0", 'interface: "eth0 }"', ""),
        ("interface: eth0", "notify: 'say \"x\"', interface: eth0", "cannot hold a double quote"),
        ("interface: eth0", "'a b': c, interface: eth0", "'a b' is not a keyword"),
        ("virtual_router_id: 1", "virtual_router_id: 300", "from 1 to 255"),
        ("virtual_router_id: 1", "debug: 0", "has no virtual_router_id"),
        ("interface: eth0, ", "", "keepalived.vrrp_instance.v has no interface"),
        ("priority: 101", "priority: [1]", "a list is not a priority"),
        ("cluster: small\nnodes:", "cluster: small\nnodes: {}\nx:", "unknown key x"),
        ("nodes:", "vips: {a: 10.0.0.10, b: 10.0.0.10}\nnodes:", "vips.b: 10.0.0.10 is a too"),
        (
            "nodes:",
            "vips: {a: 10.0.0.10/33}\nnodes:",
            "cluster.yaml:2:11: vips.a.0: '10.0.0.10/33' is not an IP",
        ),
        ("nodes:", "secrets: {a: {file: ~nobody-x/y}}\nnodes:", ""),
        ("nodes:", "ssh: {become_password: hunter2}\nnodes:", "ssh.become_password: not a mapping"),
        ("priority: 101}", "priority: 101, ssh: {port: x}}", "nodes.lb1.ssh.port: 'x' is not a port"),
        ("priority: 101}", "priority: 101, haproxy: {servces: 1}}", "unknown key nodes.lb1.haproxy.servces"),
    ],
)
def test_one_mistake(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    if said:
        problems = refused(tmp_path, text)
        assert said in problems
        assert "hunter2" not in problems
    else:
        of(tmp_path, text)


def test_templates_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LBCTL_TEST_SECRET", "a b#c")
    (tmp_path / "unit.conf").write_bytes(b"# ${node.name}\npass=${secret.s}\nhome=${HOME}\n")
    files = "files: {/etc/x: {from: unit.conf, template: true}, /etc/y: {from: unit.conf}}\n"
    cluster = of(tmp_path, SMALL + "secrets: {s: {env: LBCTL_TEST_SECRET}}\n" + files)
    made, kept = cluster.node("lb2").files[2:]
    assert made.content.data == b"# lb2\npass=a b#c\nhome=${HOME}\n"
    assert (made.content.shown, made.mode) == (b"# lb2\npass=***\nhome=${HOME}\n", "0600")
    assert (kept.content.data, kept.mode) == ((tmp_path / "unit.conf").read_bytes(), "0644")
    (tmp_path / "unit.conf").write_bytes(b"\nx=${node.nam}\n")
    said = refused(tmp_path, SMALL + files)
    assert "unit.conf:2: ${node.nam} stands for nothing" in said


def test_no_nodes(tmp_path: Path) -> None:
    assert "cluster.yaml:2:8: there are no nodes" in refused(tmp_path, "cluster: a\nnodes: {}\n")


def test_nothing_breaks_out_of_its_line(tmp_path: Path) -> None:
    """A value with blanks and braces is one word to the daemon."""
    data = (
        of(tmp_path, SMALL.replace("interface: eth0", 'interface: "eth0 }"')).nodes[0].files[1].content.data
    )
    assert b'    interface "eth0 }"\n' in data


def test_a_node_in_a_server_line(tmp_path: Path) -> None:
    text = SMALL.replace("web: 80", "web: {port: 80, server: 'cookie ${node.name}'}")
    data = of(tmp_path, text).node("lb2").files[0].content.data
    assert b"server c1 10.0.1.1:80 cookie lb2\n" in data


def test_names_may_be_a_list_or_one(tmp_path: Path) -> None:
    for written in ("haproxy", "[haproxy]", "[haproxy, haproxy]", "{haproxy: }"):
        packages = of(tmp_path, SMALL + f"packages: {written}\n").nodes[0].packages
        assert [package.name for package in packages] == ["haproxy"]


SECRET = SMALL.replace(
    "interface: eth0,",
    "interface: eth0, authentication: {auth_type: PASS, auth_pass: {env: LBCTL_TEST_SECRET}},",
)


def test_secrets_are_resolved_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LBCTL_TEST_SECRET", raising=False)
    bare = of(tmp_path, SECRET, secrets=False)
    assert "LBCTL_TEST_SECRET is not set" in refused(tmp_path, SECRET)
    monkeypatch.setenv("LBCTL_TEST_SECRET", "hunter22")
    full = of(tmp_path, SECRET)
    assert full.digest == bare.digest
    assert b"auth_pass hunter22\n" in full.nodes[0].files[1].content.data
    assert b"hunter22" not in full.nodes[0].files[1].content.shown
    assert bare.nodes[0].files[1].content.data == full.nodes[0].files[1].content.shown
    assert bare.nodes[0].files[1].mode == full.nodes[0].files[1].mode == "0600"
    assert "hunter22" not in repr(full)


def test_the_password_of_sudo_is_resolved_where_somebody_logs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other secrets are not: at night, for moving a VIP, none of them may be at hand."""
    ssh = "ssh: {become: sudo, become_password: {env: LBCTL_TEST_SUDO}}\n"
    path = tmp_path / "cluster.yaml"
    path.write_text(SECRET + ssh)
    monkeypatch.delenv("LBCTL_TEST_SECRET", raising=False)
    monkeypatch.delenv("LBCTL_TEST_SUDO", raising=False)
    assert load(path, secrets=False).nodes[0].ssh.become_password == ""
    with pytest.raises(InputError, match="problem"):
        load(path, secrets=False, login=True)
    monkeypatch.setenv("LBCTL_TEST_SUDO", "open it")
    assert load(path, secrets=False).nodes[0].ssh.become_password == ""
    assert load(path, secrets=False, login=True).nodes[0].ssh.become_password == "open it"


@pytest.mark.parametrize("value", ["ninechars", "a#b", "a!b", 'a"b', "a\nb", "a\x1bb", ""])
def test_unusable_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LBCTL_TEST_SECRET", value)
    said = refused(tmp_path, SECRET)
    assert "cluster.yaml:7:" in said
    assert not value or value not in said


def test_the_digest_knows_every_difference(tmp_path: Path) -> None:
    texts = [
        SMALL,
        SMALL.replace("101", "102"),
        SMALL.replace("web: 80", "web: 81"),
        SMALL + "sysctl: {a.b: 1}\n",
        SMALL + "handover: never\n",
        SMALL + "additions: [drain]\n",
        SMALL + "packages: [haproxy]\n",
        SMALL + "files: {/etc/x: {content: a}}\n",
        SMALL + "files: {/etc/x: {content: a, owner: haproxy}}\n",
        SMALL + "services: {haproxy: {enabled: false}}\n",
        SECRET,
        SECRET.replace("LBCTL_TEST_SECRET", "OTHER"),
    ]
    digests = [of(tmp_path, text, secrets=False).digest for text in texts]
    assert len(set(digests)) == len(texts)
    assert of(tmp_path, "# a comment\n" + SMALL).digest == digests[0]
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert of(other, SMALL).digest == digests[0]


def test_unsafe_and_warnings_do_not_refuse(tmp_path: Path) -> None:
    cluster = of(tmp_path, SMALL.replace("100}", "101}").replace("v: {", "v: {preemt_delay: 5, "))
    assert [(p.level, p.code) for p in cluster.problems] == [
        ("unsafe", "tie"),
        ("warning", "unknown-keyword"),
    ]
    assert "preempt_delay" in cluster.problems[1].mend


def test_sources_stay_within_the_directory(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    (tmp_path / "inside").write_text("x\n")
    for name in ("/etc/hostname", "../x", "link", "a/../../x"):
        text = SMALL + f"files: {{/etc/x: {{from: {name}}}}}\n"
        assert "is outside the cluster file's directory" in refused(tmp_path, text)
    assert of(tmp_path, SMALL + "files: {/etc/x: {from: inside}}\n").nodes[0].files[2].content.data == b"x\n"


def test_nodes_with_the_same_text_share_it(tmp_path: Path) -> None:
    nodes = "\n".join(
        f"  lb{n}: {{address: 10.0.{n // 250}.{n % 250 + 1}, priority: {n % 200 + 1}}}" for n in range(200)
    )
    text = SMALL.replace("  lb1: {address: 10.0.0.1, priority: 101}\n", nodes + "\n").replace(
        "  lb2: {address: 10.0.0.2, priority: 100}\n", ""
    )
    started = time.monotonic()
    cluster = of(tmp_path, text.replace("10.0.0.10]", "10.9.9.9]"))
    assert time.monotonic() - started < 5
    assert len({id(node.files[0].content) for node in cluster.nodes}) == 1


def test_schema_is_current() -> None:
    """Made new by: python -m lbctl.desired.schema > docs/cluster.schema.json"""
    assert json.loads((ROOT / "docs" / "cluster.schema.json").read_text("utf-8")) == schema()


LINES = GUIDE.splitlines()
JUNK = (
    "",
    "x",
    "null",
    "[]",
    "{}",
    "- a",
    "a: b",
    "'",
    "${node.x}",
    "!!int 5",
    "9" * 50,
    "\t",
    "&a",
    "*a",
    "|",
)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, 60), st.sampled_from(JUNK)), max_size=4)
)
def test_whatever_the_file_holds_is_told_plainly(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int, str]]
) -> None:
    """A damaged file gives a cluster or located problems; never a traceback."""
    lines = list(LINES)
    for number, column, junk in edits:
        lines[number] = lines[number][:column] + junk
    directory = tmp_path_factory.mktemp("damaged")
    try:
        of(directory, "\n".join(lines))
    except InputError as error:
        assert all(problem.place and problem.place.file for problem in error.problems)
    finally:
        shutil.rmtree(directory)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    directory = tmp_path_factory.mktemp("bytes")
    with pytest.raises(InputError):
        of(directory, data)
    shutil.rmtree(directory)
