"""Secrets are on the nodes and in their own files: no plan, state, output or process has one."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lbctl.desired import load
from tests.lab.job.steps import ALLOW_ALL, HEAT, NODES, PORTS, VIP, Done, Site, cluster_text, with_files
from tests.lab.job.test_failures import port_taken

pytestmark = pytest.mark.lab

TOKEN = "gAAAAABpZ0-of-a-client"
VRRP, OTHER, STATS = "Zq7wVx9k", "Kp3mTn5r", "St4ts-Pa55w0rd-9f"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGhkV0yq7Hq1\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "/etc/haproxy/certs/api.pem"
CONFIG = """\
  config: |
    listen stats
        bind ${node.address}:1984
        stats enable
        stats auth admin:${secret.stats}
"""


def text(site: Site, *changes: tuple[str, str]) -> str:
    """The cluster with a password between its peers, one for its statistics, and a key in a file."""
    found = cluster_text(
        site.name,
        (
            "      advert_int: 1\n",
            "      advert_int: 1\n      authentication: {auth_type: PASS, auth_pass: {file: vrrp}}\n",
        ),
        ("    cinder: 8776\n", "    cinder: 8776\n" + CONFIG),
        ("files:\n", "secrets:\n  stats: {file: stats}\nfiles:\n"),
    )
    found = with_files(found, f"{CERTIFICATE}: {{secret: {{file: api.pem}}, after: reload haproxy}}")
    for old, new in changes:
        assert old in found
        found = found.replace(old, new)
    return found


def needles(site: Site) -> list[str]:
    """The secrets, and every digest of one, or of a file with one, that is made without a key."""
    values = [value.encode() for value in (VRRP, OTHER, STATS)]
    whole = [
        site.sh("lb1", f"cat {path}").encode() + b"\n"
        for path in ("/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf", CERTIFICATE)
    ]
    found = [
        VRRP,
        OTHER,
        STATS,
        PEM.splitlines()[1],
        *(base64.b64encode(one).decode() for one in (*values, *whole)),
    ]
    for data in (*values, *(value + b"\n" for value in values), b"admin:" + values[2], *whole):
        found += digests(data)
    return found


def digests(data: bytes) -> list[str]:
    return [hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256")]


def wanted(site: Site) -> list[str]:
    """The files with a secret as the cluster file wants them on any node, in base64, and their digests."""
    files = [file.content for node in load(site.file).nodes for file in node.files if file.content.secret]
    assert len(files) == 9
    return [word for one in files for word in (base64.b64encode(one.data).decode(), *digests(one.data))]


def write(site: Site, words: str, vrrp: str = VRRP, stats: str = STATS) -> None:
    site.write(words)
    for name, value in (("vrrp", vrrp + "\n"), ("stats", stats + "\n"), ("api.pem", PEM)):
        (site.root / name).write_text(value)


@contextmanager
def processes(words: list[str]) -> Iterator[set[str]]:
    """Which of these words stood in a process's arguments or environment meanwhile, the nodes' included."""
    found: set[str] = set()
    passes, end = 0, threading.Event()
    patterns = [word.encode() for word in words]

    def look() -> None:
        nonlocal passes
        while not end.is_set():
            passes += 1
            for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - a Path each costs too much
                for what in ("cmdline", "environ"):
                    data = _read(Path("/proc", pid, what))
                    found.update(f"{word!r} in {what}: {data[:200]!r}" for word in patterns if word in data)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        end.set()
        thread.join()
        assert passes > 10


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def told(*outputs: Done) -> str:
    return "\n".join(done.out + done.err for done in outputs)


def found_in(site: Site, said: str, words: list[str]) -> list[str]:
    """Where a secret is: in what was said, or in a file that lbctl keeps."""
    places = [f"{word} said" for word in words if word in said]
    for path in site.files():
        data = path.read_text(errors="replace")
        places += [f"{word} in {path}" for word in words if word in data]
    return places


def test_they_are_nowhere_to_be_found(site: Site) -> None:
    write(site, text(site))
    with processes([VRRP, STATS, PEM.splitlines()[1]]) as in_processes:
        outputs = [
            site.lbctl("plan"),
            site.lbctl("plan", "--json", "--text", "--out", "plans/first.json"),
            site.apply("--allow", ALLOW_ALL),
        ]
    assert in_processes == set()
    assert site.answers() == list(PORTS) and site.holders() == ("lb1",)
    assert site.sh("lb2", f"stat -c %a {CERTIFICATE}; cat {CERTIFICATE}") == "600\n" + PEM.strip()
    assert VRRP in site.sh("lb2", "cat /etc/keepalived/keepalived.conf")
    words = needles(site)
    site.sh("lb2", f"echo more >>{CERTIFICATE}; sed -i 's/{STATS}/{OTHER}/' /etc/haproxy/haproxy.cfg")
    write(site, text(site), OTHER)
    outputs += [
        site.lbctl("validate"),
        site.lbctl("render", "lb1"),
        site.lbctl("plan", "--text"),
        site.lbctl("plan", "--json", "--text", "--out", "plans/second.json"),
        site.lbctl("show", "plans/second.json"),
        site.lbctl("drift", "--text", code=2),
        site.lbctl("drift", "--json", "--text", code=2),
        site.lbctl("status", "--json"),
        site.lbctl("apply", "--yes", code=1),
    ]
    assert found_in(site, told(*outputs), words) == []
    dropped = text(site, (f"  {CERTIFICATE}: {{secret: {{file: api.pem}}, after: reload haproxy}}\n", ""))
    write(site, dropped)
    outputs = [site.lbctl("plan", "--text"), site.lbctl("plan", "--json", "--text")]
    outputs += [site.apply("--allow", ALLOW_ALL)]
    assert found_in(site, told(*outputs), words) == []


def ask(site: Site, path: str) -> None:
    """A client asks the VIP for this, and haproxy logs it."""
    code = f"import urllib.request as u; u.urlopen('http://{VIP}:5000{path}', timeout=3)"
    site.lab.exec("client", [sys.executable, "-c", code])


def test_nor_in_the_evidence_of_a_run_that_fails(site: Site, tmp_path: Path) -> None:
    """Those that are on the nodes, those that were refused, and what the traffic's log says of clients."""
    logged = (
        ("    daemon\n", "    daemon\n    log /dev/log local0\n"),
        ("    mode http\n", "    mode http\n    log global\n    option httplog\n"),
    )
    write(site, text(site, *logged))
    site.apply("--allow", ALLOW_ALL)
    words = [*needles(site), *wanted(site), TOKEN]
    write(site, text(site, *logged, HEAT), stats=OTHER)
    words += wanted(site)
    ask(site, f"/?token={TOKEN}")
    with port_taken(site, "lb3", 8004):
        done = site.lbctl("apply", "--yes", "--allow", ALLOW_ALL, code=3)
    log = "journalctl -q --since=-60s -u haproxy"
    assert any(TOKEN in site.sh(node, log) for node in NODES)
    said = site.lbctl("report", "latest", "--out", str(tmp_path / "pack.tar.gz"))
    with tarfile.open(tmp_path / "pack.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    files = [path for path in tmp_path.glob("lbctl-report-*/**/*") if path.is_file()]
    packed = {str(path): path.read_text() for path in files}
    for side in ("candidate", "before"):
        (masked,) = [
            data for name, data in packed.items() if name.endswith(f"/{side}/%etc%haproxy%haproxy.cfg")
        ]
        assert "stats auth ***" in masked
    assert any("Loading failure" in data for data in packed.values())
    assert found_in(site, told(done, said, site.lbctl("report", "--json")), words) == []
    assert [f"{word} in {name}" for word in words for name, data in packed.items() if word in data] == []
    write(site, site.text)


def test_a_daemon_that_quotes_what_it_rejects(site: Site) -> None:
    write(site, site.text)
    words = [VRRP, STATS]
    outputs = []
    for old, new in (
        ("        stats enable\n", "        ${secret.stats} on\n"),
        ("      advert_int: 1\n", "      advert_int: 1\n      garp_master_delay: {file: vrrp}\n"),
        ("      advert_int: 1\n", "      advert_int: 1\n      garp_master_delay: {file: stats}\n"),
    ):
        write(site, text(site, (old, new)))
        for form in ((), ("--json",)):
            outputs.append(site.lbctl("apply", "--yes", *form, "--allow", ALLOW_ALL, code=1))
            assert "refuses its new configuration" in told(outputs[-1])
    assert found_in(site, told(*outputs), words) == []
    assert "***" in told(*outputs)
