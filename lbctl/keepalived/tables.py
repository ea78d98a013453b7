"""What keepalived's configuration language knows that matters here: small tables, everything else is words.

Source: keepalived.conf(5) of 2.2.7 and 2.3.4.
"""

from __future__ import annotations

# What may stand outside any block.
ROOTS = frozenset(
    {
        "SSL",
        "bfd_instance",
        "child_wait_time",
        "config_save_dir",
        "garp_group",
        "global_defs",
        "group",
        "include",
        "include_check",
        "includea",
        "includeb",
        "includem",
        "includer",
        "includew",
        "instance",
        "interface_up_down_delays",
        "linkbeat_interfaces",
        "linkbeat_use_polling",
        "local_address_group",
        "namespace_with_ipsets",
        "net_namespace",
        "net_namespace_ipvs",
        "process_names",
        "random_seed",
        "static_addresses",
        "static_ipaddress",
        "static_routes",
        "static_rules",
        "track_file",
        "track_group",
        "track_process",
        "use_pid_dir",
        "virtual_server",
        "virtual_server_group",
        "vrrp_instance",
        "vrrp_script",
        "vrrp_sync_group",
        "vrrp_track_file",
        "vrrp_track_process",
    }
)

# Blocks whose second word is a name (virtual_server: address and port as well).
NAMED_BLOCKS = frozenset(
    {
        "bfd_instance",
        "local_address_group",
        "real_server",
        "static_track_group",
        "track_group",
        "virtual_server",
        "virtual_server_group",
        "vrrp_instance",
        "vrrp_script",
        "vrrp_sync_group",
        "vrrp_track_process",
        "track_process",
    }
)
# A track_file is a file's definition outside a block, and a list of names within one.
FILE_DEFINITIONS = frozenset({"track_file", "vrrp_track_file"})

# Blocks that hold a list, one item a line: compared item by item, by the item's first word.
LISTS = frozenset(
    {
        "group",
        "notify_deleted",
        "static_addresses",
        "static_ipaddress",
        "static_routes",
        "static_rules",
        "track_bfd",
        "track_file",
        "track_interface",
        "track_process",
        "track_script",
        "unicast_peer",
        "virtual_ipaddress",
        "virtual_ipaddress_excluded",
        "virtual_routes",
        "virtual_rules",
    }
)

# Statements with exactly one value; keepalived 2.2.7 drops the rest of the line without a word.
ONE_VALUE = frozenset(
    {
        "advert_int",
        "auth_pass",
        "auth_type",
        "interface",
        "priority",
        "state",
        "virtual_router_id",
        "weight",
    }
)

# What a peer compares in an advert, or what decides whether the advert reaches it: after a change of one
# of these node by node, two nodes hold the address. Measured with 2.2.7 for addresses, authentication and
# version; an advert of another interval is dropped. Not among them, measured too: excluded addresses,
# mcast_src_ip.
PEER_WORDS = frozenset(
    {
        "advert_int",
        "authentication",
        "interface",
        "mcast_dst_ip",
        "native_ipv6",
        "strict_mode",
        "unicast_peer",
        "unicast_src_ip",
        "version",
        "virtual_ipaddress",
        "virtual_router_id",
    }
)
# The same in global_defs, for every instance.
PEER_DEFAULTS = frozenset(
    {"vrrp_mcast_group4", "vrrp_mcast_group6", "vrrp_strict", "vrrp_version", "vrrp_min_ttl"}
)

STATES = frozenset({"MASTER", "BACKUP"})
AUTH_PASS_LENGTH = 8

# Lists of addresses, and the words in them that an address may follow.
ADDRESSES = frozenset({"virtual_ipaddress", "virtual_ipaddress_excluded"})
ADDRESS_OPTIONS = frozenset({"brd", "broadcast", "peer", "label", "dev", "scope", "home"})
