"""haproxy.cfg as services: what the cluster file would say, and the bytes that would change."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from lbctl.errors import RefusedError
from lbctl.model.adoption import Proposed
from lbctl.views.human import HumanView
from lbctl.workflows.services import services
from tests.unit.adopt.nodes import imported, node, text

GUIDE = Path(__file__).parents[2] / "cases" / "cluster" / "guide"
VRRP = (GUIDE / "keepalived.conf").read_bytes()
PAIR = """\
defaults
    mode http
frontend {front}
    bind {bind}
    # ours
    option httplog
    default_backend {back}
backend {back}
    balance leastconn
    server a 10.0.0.21:{port} check inter 2s
    server b 10.0.0.22:{port} check inter 2s backup
"""


def proposed(root: Path, proxy: str | bytes) -> Proposed:
    data = proxy.encode() if isinstance(proxy, str) else proxy
    imported(root, node(1, data, VRRP, address="10.15.85.32/24"))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    found = services(root / "cluster.yaml")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    return found


def pair(front: str = "api-front", bind: str = "10.0.0.5:5000", back: str = "api", port: int = 5000) -> str:
    return PAIR.format(front=front, bind=bind, back=back, port=port)


def test_the_guides_cluster_is_services_to_the_byte(tmp_path: Path) -> None:
    found = proposed(tmp_path, (GUIDE / "haproxy.cfg").read_bytes())
    assert len(found.services) == 9 and found.reasons == ()
    assert found.diff == ()
    said = re.sub(r"\s+", " ", found.text)
    assert "controllers: {mesa-virt-01: 10.15.85.141, mesa-virt-02: 10.15.85.142," in said
    assert "service_defaults: {balance: roundrobin, check: inter 10s}" in said
    assert "services: keystone-admin: 35357 keystone-public: 5000 quantum: 9696" in said


def test_what_would_change_is_shown(tmp_path: Path) -> None:
    found = proposed(tmp_path, pair())
    assert found.services == ("api",)
    assert "-frontend api-front" in found.diff and "+frontend api-vip" in found.diff
    assert "b: {address: 10.0.0.22, backup: true}" in found.text
    assert "      frontend: |\n        # ours\n        option httplog\n" in found.text


def test_what_is_put_in_its_place_is_a_cluster_file(tmp_path: Path) -> None:
    found = proposed(tmp_path, pair() + "listen stats\n    bind :1984\n    stats enable\n")
    file = tmp_path / "cluster.yaml"
    file.write_text(text(tmp_path).replace("haproxy: {file: haproxy.cfg}\n", found.text))
    from lbctl.desired import load

    rendered = load(file).nodes[0].file_of("haproxy")
    assert rendered and b"listen stats\n    bind :1984\n    stats enable\n" in rendered.content.data


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        (pair(port=80), "clients use port 5000, and the servers port 80"),
        (pair(bind="10.0.0.5:5000-5001"), "a bind is more than an address and a port"),
        (pair() + "frontend other\n    default_backend api\n", "others use backend api too"),
        (pair().replace("inter 2s backup", "inter 3s"), "its servers differ in more than name and address"),
        (pair().replace("10.0.0.21", "one.example.org"), "a server's address is a name"),
        (pair().replace("    default_backend", "    use_backend"), "it has no backend, or several"),
        (pair() + "defaults\n    mode tcp\n", "there are several defaults or global sections"),
    ],
)
def test_each_that_stays_has_its_reason(tmp_path: Path, proxy: str, said: str) -> None:
    with pytest.raises(RefusedError) as raised:
        proposed(tmp_path, proxy)
    assert said in str(raised.value)


def test_a_file_for_each_node_is_none_of_all(tmp_path: Path) -> None:
    found = [
        node(1, pair().encode(), VRRP, address="10.15.85.32/24"),
        node(2, pair().encode() + b"# x\n", VRRP, address="10.15.85.33/24"),
    ]
    imported(tmp_path, *found)
    with pytest.raises(RefusedError) as raised:
        services(tmp_path / "cluster.yaml")
    assert "has no haproxy.cfg of all nodes" in str(raised.value)


def test_what_one_service_has_of_its_own_is_all_that_it_says(tmp_path: Path) -> None:
    other = pair("other", "10.0.0.5:81", "others", 81).replace("defaults\n    mode http\n", "")
    found = proposed(tmp_path, pair() + "\n\n" + other.replace("    option httplog\n", "    # more\n"))
    assert "  service_defaults: {bind: 10.0.0.5, balance: leastconn, check: inter 2s}\n" in found.text
    assert "    other:\n      port: 81\n      frontend: |\n        # ours\n        # more\n" in found.text


def test_nothing_that_would_change_is_said(tmp_path: Path) -> None:
    out = io.StringIO()
    HumanView(out, out).proposed(proposed(tmp_path, (GUIDE / "haproxy.cfg").read_bytes()))
    assert "on lb1\n  nothing: it would be the same, to the byte\n" in out.getvalue()


def workspace(root: Path, part: str, proxy: bytes) -> Path:
    """One whose haproxy.cfg was written by hand."""
    (root / "haproxy.cfg").write_bytes(proxy)
    file = root / "cluster.yaml"
    file.write_text(f"cluster: c\nnodes: {{lb1: {{address: 10.0.0.1}}}}\n{part}")
    return file


@pytest.mark.parametrize(
    "part",
    [
        "haproxy: {file: haproxy.cfg}",
        "haproxy: {file: 'haproxy.cfg'}\n",
        'haproxy: {file: "haproxy.cfg", mode: "0640"}  # ours\n',
    ],
)
def test_the_part_may_be_written_otherwise(tmp_path: Path, part: str) -> None:
    assert services(workspace(tmp_path, part, pair().encode())).services == ("api",)


def test_a_secret_in_clear_is_not_shown(tmp_path: Path) -> None:
    proxy = f"{pair()}listen own\n    stats auth admin:hidden\n".encode()
    with pytest.raises(RefusedError, match="a secret stands in clear") as raised:
        services(workspace(tmp_path, "haproxy: {file: haproxy.cfg}\n", proxy))
    assert "hidden" not in f"{raised.value}{raised.value.detail}{raised.value.mend}"


def test_bytes_that_are_no_text_are_a_persons(tmp_path: Path) -> None:
    proxy = b"# caf\xe9\n" + pair().encode() + b"# caf\xe9\n"
    with pytest.raises(RefusedError, match="cannot be said as services"):
        services(workspace(tmp_path, "haproxy: {file: haproxy.cfg}\n", proxy))
