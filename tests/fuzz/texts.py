"""Pieces that configurations are made of, and of what goes wrong in them."""

from __future__ import annotations

import random

COMMON = [
    b"\n", b"\n    ", b"\n\t", b" ", b"  ", b"\r\n", b"\r", b"\x00", b"\x0b", b"\xc2\xa0",
    b"\xef\xbb\xbf", b"\xe9",
    b"# comment\n", b"#", b"!", b'"', b"'", b"\\", b"\\ ", b"\\#", b'\\"', b"\\x41", b"\\x",
    b"$A", b"${A}", b"$",
    b"{", b"}", b"a", b"b", b"10.0.0.1", b"10.0.0.1:80", b"[::1]:80", b"1", b"255", b"x" * 600, b"\x1b[31m",
]  # fmt: skip
HAPROXY = [
    b"\nglobal\n", b"\ndefaults\n", b"\ndefaults x\n", b"\nfrontend f\n", b"\nbackend b\n",
    b"\nlisten l\n", b" from x",
    b"\nuserlist u\n", b"    mode http\n", b"    mode tcp\n", b"    bind :80,:81 ssl\n",
    b"    bind unix@/run/x\n",
    b"    server s1 10.0.0.1:80 check\n", b"    server s2 10.0.0.2:80 backup\n",
    b"    default-server disabled\n",
    b"    option idle-close-on-response\n", b"    no option idle-close-on-response\n",
    b"    .if x\n", b"    .endif\n",
    b"    user a insecure-password secret\n", b"    stats auth a:secret\n",
    b"    stats socket /run/haproxy/admin.sock\n",
    b" level admin", b"    http-request deny if a\n", b"    acl a path /x\n", b"    default_backend b\n",
    b"    use_backend b if a\n", b"    server-state-file /x\n", b"    load-server-state-from-file global\n",
    b'    http-request set-header Authorization "Basic x"\n', b"    setenv A_TOKEN x\n",
]  # fmt: skip
KEEPALIVED = [
    b"\nglobal_defs {\n", b"\nvrrp_instance V {\n", b"\nvrrp_instance W {\n",
    b"\nvrrp_script c {\n", b"\n}\n", b" }\n",
    b"    state BACKUP\n", b"    state MASTER\n", b"    priority 100\n",
    b"    virtual_router_id 5\n", b"    advert_int 1\n",
    b"    virtual_ipaddress {\n", b"        10.0.0.9/24 dev eth0\n",
    b"    virtual_ipaddress { 10.0.0.8 }\n",
    b"    authentication {\n", b"        auth_type PASS\n", b"        auth_pass secret\n",
    b"    track_script {\n",
    b"        c weight 5\n", b"    track_file {\n", b"        lbctl-drain\n",
    b"\ntrack_file f {\n", b"    file /x\n",
    b"    script \"/bin/true a\"\n", b"    script '/bin/true a'\n", b"    weight 10\n",
    b"\n$A=1\n", b"\n$B= \\\n", b" \\\n",
    b"@id ", b"@^id ", b"~SEQ(x, 1, 3) ", b"\ninclude x{a,b}\n", b"\nvrrp_sync_group G {\n",
    b"    group {\n", b"        V\n",
    b"    unicast_peer {\n", b"    interface eth0\n", b"    notify \"/x --password=y\"\n",
]  # fmt: skip
PIECES = {"haproxy": HAPROXY + COMMON, "keepalived": KEEPALIVED + COMMON}


def text(chance: random.Random, language: str) -> bytes:
    """A text of up to 40 pieces; three of four begin with those of the language alone."""
    pieces = PIECES[language]
    if chance.random() < 0.5:
        pieces = pieces[: -len(COMMON)] + COMMON[:3]
    return b"".join(chance.choices(pieces, k=chance.randint(0, 40)))


def changed(chance: random.Random, data: bytes, language: str) -> bytes:
    """The text with a few pieces put in, taken out, doubled or moved."""
    for _ in range(chance.randint(1, 4)):
        at, to = sorted(chance.randint(0, len(data)) for _ in range(2))
        to = min(to, at + 60)
        piece = chance.choice([b"", data[at:to] * 2, chance.choice(PIECES[language])])
        data = data[:at] + piece + data[to:]
    return data
