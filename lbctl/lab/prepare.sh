#!/bin/sh
# Make an image's copy one node's own; runs chrooted in it. The node's password comes on standard input.
#   prepare.sh USER BECOME SSH_PORT
set -eu
user=$1 become=$2 port=$3
if [ "$user" != root ]; then
    id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
fi
home=$(getent passwd "$user" | cut -d : -f 6)
# shellcheck disable=SC2174  # the home itself is there
mkdir -p -m 700 "$home/.ssh"
cp /root/.operator.pub "$home/.ssh/authorized_keys"
chown -R "$user:" "$home/.ssh"
rm /root/.operator.pub
case $become in
sudo) printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$user" >/etc/sudoers.d/lab ;;
sudo-password)
    printf '%s ALL=(ALL:ALL) ALL\n' "$user" >/etc/sudoers.d/lab
    { printf '%s:' "$user" && cat; } | chpasswd
    ;;
esac
[ "$port" = 22 ] || printf 'Port %s\n' "$port" >>/etc/ssh/sshd_config.d/lab.conf
