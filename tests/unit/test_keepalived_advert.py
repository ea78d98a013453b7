"""Adverts by their bytes: those of keepalived 2.2.7 as they came in, and those that it would drop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lbctl import keepalived
from lbctl.keepalived.advert import Advert, Awaited, awaited, heard, objections

PLAIN = "advert eth0 10.15.85.32 224.0.0.18 255 21 2f 70 01 00 01 0f a0 0a 0f 55 1f 00 00 00 00 00 00 00 00"
UNICAST = (
    "advert eth0 10.15.85.32 10.15.85.34 255 "
    "21 3d 64 02 01 01 4c 51 0a 0f 55 3d 0a 0f 55 3e 68 75 6e 74 65 72 32 78"
)
THREE = "advert eth0 10.15.85.32 224.0.0.18 255 31 3e 64 01 00 32 cb 81 0a 0f 55 3f"
SIX = (
    "advert eth0 [fe80:0000:0000:0000:00e2:53ff:fe0b:b132] [ff02:0000:0000:0000:0000:0000:0000:0012] 255 "
    "31 3c 64 02 00 64 6d ec fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 10 "
    "fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 11"
)
AH = (
    "advert eth0 10.15.85.32 224.0.0.18 255 "
    "70 04 00 00 0a 0f 55 20 00 00 00 08 17 2f d3 95 a1 26 16 83 30 e0 72 e6 "
    "21 3f 64 01 02 01 19 6f 0a 0f 55 40 00 00 00 00 00 00 00 00"
)
DOCUMENT = """\
vrrp_instance plain {
  interface eth0
  virtual_router_id 47
  virtual_ipaddress {
    10.15.85.31
  }
}
vrrp_instance uni {
  interface eth0
  virtual_router_id 61
  authentication {
    auth_type PASS
    auth_pass hunter2xyz
  }
  unicast_src_ip 10.15.85.34
  unicast_peer {
    10.15.85.32
  }
  virtual_ipaddress {
    10.15.85.62/24 dev eth0
    10.15.85.61/24
  }
}
vrrp_instance three {
  version 3
  interface eth0
  virtual_router_id 62
  advert_int 0.5
  virtual_ipaddress {
    10.15.85.63
  }
  virtual_ipaddress_excluded {
    fd00::77
  }
}
vrrp_instance six {
  interface eth0
  virtual_router_id 60
  virtual_ipaddress {
    fd00:0::11/64
    fd00:0::10/64
  }
}
vrrp_instance ah {
  interface eth0
  virtual_router_id 63
  authentication {
    auth_type AH
    auth_pass abc
  }
  virtual_ipaddress {
    10.15.85.64
  }
}
"""
LINES = {"plain": PLAIN, "uni": UNICAST, "three": THREE, "six": SIX, "ah": AH}


def one(name: str, text: str = DOCUMENT) -> Awaited:
    return next(found for found in awaited(keepalived.parse(text.encode())) if found.instance == name)


def advert(line: str) -> Advert:
    (found,) = heard(line)
    return found


class TestAwaited:
    def test_where_to_listen(self) -> None:
        assert {name: one(name).place for name in LINES} == {
            "plain": "4/112/224.0.0.18/eth0",
            "uni": "4/112/224.0.0.18/eth0",
            "three": "4/112/224.0.0.18/eth0",
            "six": "6/112/ff02::12/eth0",
            "ah": "4/51/224.0.0.18/eth0",
        }

    def test_a_group_of_its_own_and_one_for_all(self) -> None:
        own = DOCUMENT.replace("virtual_router_id 47\n", "virtual_router_id 47\n  mcast_dst_ip 224.0.0.99\n")
        everybody = "global_defs {\n  vrrp_mcast_group4 224.0.0.77\n  vrrp_version 3\n}\n"
        assert one("plain", everybody + own).group == "224.0.0.99"
        assert one("three", everybody + own).group == "224.0.0.77"
        assert one("plain", everybody + own).version == 3
        assert one("six", everybody + own).group == "ff02::12"

    def test_strict_mode_ignores_authentication(self) -> None:
        strict = "global_defs {\n  vrrp_strict\n}\n" + DOCUMENT
        assert (one("uni").auth_type, one("uni", strict).auth_type) == (1, 0)
        off = strict.replace("router_id 61\n", "router_id 61\n  strict_mode off\n")
        assert one("uni", off).auth_type == 1
        assert one("ah", DOCUMENT.replace("router_id 63\n", "router_id 63\n  strict_mode\n")).auth_type == 0

    def test_addresses_of_the_other_family_are_ignored(self) -> None:
        mixed = one("plain", DOCUMENT.replace("    10.15.85.31\n", "    10.15.85.31\n    fd00::31\n"))
        assert mixed.family == 4 and mixed.addresses == {"10.15.85.31"}

    def test_an_instance_without_an_interface_cannot_be_listened_for(self) -> None:
        document = keepalived.parse(DOCUMENT.replace("  interface eth0\n", "", 1).encode())
        assert [found.instance for found in awaited(document)] == ["uni", "three", "six", "ah"]

    def test_excluded_addresses_are_vips_and_in_no_advert(self) -> None:
        assert one("three").addresses == {"10.15.85.63"}
        assert one("three").vips == {"10.15.85.63", "fd00::77"}

    @pytest.mark.parametrize(
        ("version", "advert_int", "seconds"),
        [(2, "1", 4.0), (2, "5", 16.0), (3, "0.25", 1.0), (3, "5", 20.0)],
    )
    def test_how_long_it_waits_for_one(self, version: int, advert_int: str, seconds: float) -> None:
        """The skew is up to a second in version 2, and up to an advert_int in 3."""
        own = f"vrrp_instance v {{\n interface eth0\n advert_int {advert_int}\n version {version}\n"
        text = own + " virtual_router_id 7\n virtual_ipaddress {\n  10.0.0.9\n }\n}\n"
        assert one("v", text).patience == seconds

    @pytest.mark.parametrize(
        ("own", "everywhere", "seconds"),
        [
            ("", "", 4.0),
            ("down_timer_adverts 10", "", 11.0),
            ("down_timer_adverts 10\n down_timer_adverts 101", "", 11.0),
            ("down_timer_adverts 0", "", 4.0),
            ("", "vrrp_down_timer_adverts 5", 6.0),
            ("down_timer_adverts 2", "vrrp_down_timer_adverts 5", 3.0),
            ("", "vrrp_down_timer_adverts 5\n vrrp_strict", 4.0),
            ("strict_mode\n down_timer_adverts 2", "", 4.0),
        ],
    )
    def test_for_how_many_it_waits(self, own: str, everywhere: str, seconds: float) -> None:
        text = f"vrrp_instance v {{\n interface eth0\n virtual_router_id 7\n {own}\n"
        text += f" virtual_ipaddress {{\n  10.0.0.9\n }}\n}}\nglobal_defs {{\n {everywhere}\n}}\n"
        assert one("v", text).patience == seconds

    def test_the_password_is_in_no_repr(self) -> None:
        assert "hunter2" not in repr(one("uni")) + repr(advert(UNICAST))


class TestHeard:
    def test_version_2(self) -> None:
        found = advert(UNICAST)
        assert (found.interface, found.source, found.destination) == ("eth0", "10.15.85.32", "10.15.85.34")
        assert (found.version, found.virtual_router_id, found.advert_int, found.hops) == (2, 61, 1.0, 255)
        assert (found.auth_type, found.password) == (1, b"hunter2x")
        assert found.addresses == {"10.15.85.61", "10.15.85.62"}

    def test_version_3_with_ipv6(self) -> None:
        found = advert(SIX)
        assert (found.source, found.destination) == ("fe80::e2:53ff:fe0b:b132", "ff02::12")
        assert (found.version, found.virtual_router_id, found.advert_int) == (3, 60, 1.0)
        assert found.addresses == {"fd00::10", "fd00::11"}

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "there is no interface eth9",
            "advert eth0 10.15.85.32 224.0.0.18 255",
            "advert eth0 10.15.85.32 224.0.0.18 255 21 2f",
            "advert eth0 10.15.85.32 224.0.0.18 255 21 2f 70 09 00 01 0f a0 0a 0f 55 1f",  # nine, and one
            "advert eth0 10.15.85.32 224.0.0.18 255 22 2f 70 01 00 01 0f a0 0a 0f 55 1f",  # its type
            "advert eth0 10.15.85.32 224.0.0.18 255 11 2f 70 01 00 01 0f a0 0a 0f 55 1f",  # version 1
            "advert eth0 nowhere 224.0.0.18 255 21 2f 70 01 00 01 0f a0 0a 0f 55 1f",
            "advert eth0 10.15.85.32 224.0.0.18 255 21 xx 70 01 00 01 0f a0 0a 0f 55 1f",
            "advert eth0 10.15.85.32 224.0.0.18 255 70 04",
        ],
    )
    def test_what_is_none_is_left_out(self, line: str) -> None:
        assert list(heard(f"{line}\n{PLAIN}")) == [advert(PLAIN)]


class TestObjections:
    @pytest.mark.parametrize("name", LINES)
    def test_none_to_what_keepalived_itself_sent(self, name: str) -> None:
        found = advert(LINES[name])
        assert found.virtual_router_id == one(name).virtual_router_id
        assert list(objections(one(name), found)) == []

    @pytest.mark.parametrize(
        ("name", "old", "new", "said"),
        [
            ("uni", "auth_pass hunter2xyz", "auth_pass hunter3xyz", "another auth_pass"),
            ("uni", "auth_type PASS", "auth_type AH", "another auth_type"),
            ("plain", "id 47\n", "id 47\n  advert_int 3\n", "advert_int 1, and 3 here"),
            ("plain", "id 47\n", "id 47\n  version 3\n", "VRRP version 2, and 3 here"),
            ("plain", "10.15.85.31", "10.15.85.31\n 10.15.85.99", "for 10.15.85.31, and 10.15.85.31, 10.15"),
            (
                "plain",
                "id 47\n",
                "id 47\n  unicast_peer {\n 10.15.85.32\n }\n",
                "sent to 224.0.0.18, and unicast_peer is set here",
            ),
        ],
    )
    def test_another_setting_here(self, name: str, old: str, new: str, said: str) -> None:
        assert old in DOCUMENT
        (found,) = objections(one(name, DOCUMENT.replace(old, new, 1)), advert(LINES[name]))
        assert found.startswith(said) and "hunter" not in found

    def test_unicast_there_alone(self) -> None:
        (found,) = objections(replace(one("uni"), unicast=False), advert(UNICAST))
        assert found == "sent to 10.15.85.34, and unicast_peer is not set here"

    def test_one_that_came_through_a_router(self) -> None:
        (found,) = objections(one("plain"), replace(advert(PLAIN), hops=254))
        assert "router" in found

    def test_another_interval_of_version_3_is_taken(self) -> None:
        assert list(objections(replace(one("three"), advert_int=2.0), advert(THREE))) == []
