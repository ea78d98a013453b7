#!/bin/sh
# Boot one node over and over, as a machine does: a reboot boots again, a power-off stays off.
#   boot.sh DIR MACHINE HOSTNAME SWITCH CGROUP...
# DIR has the node's `root` and, as `ip` batches, how to `unplug` and `plug` it (in the namespace SWITCH, which has
# the bridges) and what it has `inside`. Everything of the node lives in the CGROUPs, which exist.
# DIR/lock is held for as long as the node is on.
set -u
dir=$1 machine=$2 hostname=$3 switch=$4
shift 4
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network # sysctl net.* can be written in the node
export SYSTEMD_NSPAWN_LOCK=0                   # no lock file beside the root directory

exec 9>"$dir/lock"
flock --nonblock 9 || exit 0

off() {
    ip -n "$switch" -force -batch "$dir/unplug" 2>/dev/null
    ip netns del "$machine" 2>/dev/null
}

while :; do
    # The named namespace outlives the container: addresses, rules and sysctls of the last boot go with it.
    off
    ip netns add "$machine" && ip -n "$switch" -batch "$dir/plug" && ip -n "$machine" -batch "$dir/inside" || exit 2
    (
        exec 9>&-
        for cgroup in "$@"; do
            sh -c 'echo $PPID' >"$cgroup/cgroup.procs" || exit 2
        done
        exec systemd-nspawn --quiet --directory="$dir/root" --machine="$machine" --hostname="$hostname" \
            --register=no --keep-unit --network-namespace-path="/run/netns/$machine" \
            --capability=CAP_NET_ADMIN,CAP_NET_RAW --resolv-conf=off --timezone=off --link-journal=no \
            --console=read-only --boot </dev/null
    )
    [ $? = 133 ] || break # 133: the node asked for a reboot
done
off
