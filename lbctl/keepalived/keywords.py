"""The words of keepalived's blocks, to name the nearest known one for a word that is not among them.

Source: keepalived.conf(5) of 2.2.7, and words of newer versions. A word that is missing here costs a warning,
no more: the daemon's own check decides.
"""

from __future__ import annotations

from lbctl.keepalived.tables import LISTS as COMPARED_LISTS
from lbctl.keepalived.tables import ROOTS

_GLOBAL_DEFS = """
bfd_cpu_affinity bfd_no_swap bfd_priority bfd_process_name bfd_rlimit_rttime bfd_rt_priority
checker_cpu_affinity checker_log_all_failures checker_no_swap checker_priority checker_process_name
checker_rlimit_rtime checker_rlimit_rttime checker_rt_priority config_save_dir data_use_instance
dbus_service_name default_interface disable_local_igmp disable_script_security dynamic_interfaces
enable_dbus enable_script_security enable_snmp enable_snmp_checker enable_snmp_keepalived
enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_vrrp enable_traps
fifo_write_vrrp_states_on_reload json_version log_unknown_vrids lvs_flush lvs_flush_on_stop
lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs
lvs_netlink_monitor_rcv_bufs_force lvs_notify_fifo lvs_notify_fifo_script lvs_sync_daemon
lvs_timeouts max_auto_priority max_startup_delay min_auto_priority_delay nftables nftables_counters
nftables_ifindex nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark nftables_priority
no_checker_emails no_email_faults notification_email notification_email_from notify_fifo
notify_fifo_script process_monitor_rcv_bufs process_monitor_rcv_bufs_force process_name
process_names process_priority random_seed reload_check_config reload_file reload_repeat
reload_time_file router_id rs_init_notifies script_user shutdown_script shutdown_script_timeout
smtp_alert smtp_alert_checker smtp_alert_vrrp smtp_connect_timeout smtp_helo_name smtp_server
snmp_socket startup_script startup_script_timeout state_dump_file stats_file tmp_config_directory
umask use_symlinks vmac_addr_prefix vmac_prefix vrrp_check_unicast_src vrrp_cpu_affinity
vrrp_down_timer_adverts vrrp_garp_extra_if vrrp_garp_interval vrrp_garp_lower_prio_delay
vrrp_garp_lower_prio_repeat vrrp_garp_master_delay vrrp_garp_master_refresh
vrrp_garp_master_refresh_repeat vrrp_garp_master_repeat vrrp_gna_interval
vrrp_higher_prio_send_advert vrrp_ipsets vrrp_iptables vrrp_lower_prio_no_advert vrrp_mcast_group4
vrrp_mcast_group6 vrrp_min_garp vrrp_min_ttl vrrp_netlink_cmd_rcv_bufs
vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force
vrrp_no_swap vrrp_notify_fifo vrrp_notify_fifo_script vrrp_notify_priority_changes vrrp_priority
vrrp_process_name vrrp_rlimit_rtime vrrp_rlimit_rttime vrrp_rt_priority vrrp_rx_bufs_multiplier
vrrp_rx_bufs_policy vrrp_skip_check_adv_addr vrrp_startup_delay vrrp_strict vrrp_version
"""
_VRRP_SCRIPT = """
fall init_fail init_file interval rise script timeout user weight
"""
_VRRP_INSTANCE = """
accept advert_int allow_no_vips authentication check_unicast_src debug dont_track_primary
down_timer_adverts garp_extra_if garp_lower_prio_delay garp_lower_prio_repeat garp_master_delay
garp_master_refresh garp_master_refresh_repeat garp_master_repeat higher_prio_send_advert interface
kernel_rx_buf_size linkbeat_use_polling lower_prio_no_advert lvs_sync_daemon_interface mcast_dst_ip
mcast_src_ip native_ipv6 no_accept nopreempt notify notify_backup notify_deleted notify_fault
notify_master notify_master_rx_lower_pri notify_priority_changes notify_stop old_unicast_checksum
preempt preempt_delay priority promote_secondaries skip_check_adv_addr smtp_alert state strict_mode
track_bfd track_file track_interface track_process track_script track_src_ip unicast_fault_no_peer
unicast_peer unicast_src_ip unicast_ttl use_ipvlan use_vmac use_vmac_addr version virtual_ipaddress
virtual_ipaddress_excluded virtual_router_id virtual_routes virtual_rules vmac_addr vmac_garp_intvl
vmac_xmit_base vrf
"""
_VRRP_SYNC_GROUP = """
global_tracking group notify notify_backup notify_deleted notify_fault notify_master
notify_priority_changes notify_stop smtp_alert sync_group_tracking_weight track_bfd track_file
track_interface track_process track_script
"""
_TRACK_FILE = """
file init_file weight
"""
_AUTHENTICATION = "auth_type auth_pass"
_TRACK_PROCESS = "process param_match weight quorum quorum_max delay fork_delay terminate_delay full_command"
_UP_DOWN = "startup shutdown"

KNOWN = {
    "": ROOTS,
    "authentication": frozenset(_AUTHENTICATION.split()),
    "global_defs": frozenset(_GLOBAL_DEFS.split()),
    "vrrp_script": frozenset(_VRRP_SCRIPT.split()),
    "vrrp_instance": frozenset(_VRRP_INSTANCE.split()),
    "vrrp_sync_group": frozenset(_VRRP_SYNC_GROUP.split()),
    "track_file": frozenset(_TRACK_FILE.split()),
    "track_process": frozenset(_TRACK_PROCESS.split()),
    "vrrp_track_file": frozenset(_TRACK_FILE.split()),
    "vrrp_track_process": frozenset(_TRACK_PROCESS.split()),
}
"""The words of the blocks that lbctl looks at; other blocks are taken as they are."""

SEVERAL_WORDS = frozenset(
    [
        "dynamic_interfaces",
        "lvs_sync_daemon",
        "lvs_timeouts",
        "nftables",
        "persistence_timeout",
        "preempt",
        "process",
        "script_user",
        "smtp_server",
        "track_bfd",
        "user",
        "use_ipvlan",
        "use_vmac",
        "version",
        "vrrp_garp_extra_if",
        "vrrp_iptables",
        "vrrp_ipsets",
        "vrrp_rx_bufs_policy",
        "vrrp_skip_check_adv_addr",
        "vrrp_cpu_affinity",
        "checker_cpu_affinity",
        "bfd_cpu_affinity",
        "garp_extra_if",
        "connect_ip",
        "bindto",
        "init_fail",
        "interval",
        "init_file",
        "unicast_fault_no_peer",
        "weight",
        "vmac_addr",
        "smtp_alert",
        "umask",
        "url",
    ]
)
"""Keywords whose value is several words, not one that needs quotes."""

LISTS = (COMPARED_LISTS - {"notify_deleted"}) | {"notification_email", "linkbeat_interfaces"}
"""Keywords that open a block of lines."""

NAMED = frozenset(
    [
        "bfd_instance",
        "local_address_group",
        "static_track_group",
        "track_file",
        "track_group",
        "track_process",
        "virtual_server",
        "virtual_server_group",
        "vrrp_instance",
        "vrrp_script",
        "vrrp_sync_group",
        "vrrp_track_file",
        "vrrp_track_process",
        "real_server",
    ]
)
"""Blocks with a name, of which there may be several."""

FLAGS = frozenset(
    [
        "accept",
        "dont_track_primary",
        "enable_script_security",
        "enable_traps",
        "native_ipv6",
        "no_accept",
        "nopreempt",
        "promote_secondaries",
        "track_src_ip",
        "global_tracking",
        "old_unicast_checksum",
    ]
)
"""Keywords that are often written bare: `yes` after them is a habit of YAML 1.1."""
