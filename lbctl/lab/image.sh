#!/bin/sh
# Build a node's image into $1. The caller runs this as root in a mount and pid namespace of its own,
# so that a killed build leaves no mount and no process behind.
# shellcheck disable=SC2016  # the image's own shell expands
#   image.sh TARGET SUITE MIRROR SECURITY_MIRROR PACKAGES EXTRA OFFERED
# PACKAGES are installed (comma separated), and EXTRA ones by apt: some cannot be set up by debootstrap, which knows no
# order. OFFERED lie in /srv/apt, in every version that the mirrors have.
set -eu
target=$1 suite=$2 mirror=$3 security=$4 packages=$5 extra=$6 offered=$7
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

# What apt needs on this machine to reach the mirror (a proxy, its certificates), the build needs too.
eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy
[ -z "${https_proxy:-}" ] || export https_proxy

debootstrap --variant=minbase --include="$packages" "$suite" "$target" "$mirror"

in_image() { chroot "$target" "$@"; }
mount -t proc proc "$target/proc"
if [ -d /etc/ssl/certs ]; then
    mkdir -p "$target/etc/ssl/certs"
    mount --bind /etc/ssl/certs "$target/etc/ssl/certs"
fi

printf '#!/bin/sh\nexit 101\n' >"$target/usr/sbin/policy-rc.d"
chmod 755 "$target/usr/sbin/policy-rc.d"
{
    echo "deb $mirror $suite main"
    [ "$security" = none ] || echo "deb $security $suite-security main"
} >"$target/etc/apt/sources.list"
in_image apt-get -q update
in_image apt-get -q -y upgrade
# shellcheck disable=SC2046  # words on purpose
[ -z "$extra" ] || in_image apt-get -q -y --no-install-recommends install $(echo "$extra" | tr , ' ')
in_image apt-get clean

# The closure of what nodes may install, and every version there is of it: upgrades and pins are real.
# shellcheck disable=SC2046,SC2086  # words on purpose
in_image apt-get -q -y install --download-only $(echo "$offered" | tr , ' ')
mkdir -p "$target/srv/apt"
mv "$target"/var/cache/apt/archives/*.deb "$target/srv/apt/"
for package in haproxy keepalived; do
    in_image apt-cache madison "$package" | awk -F ' *[|] *' '{print $2}' | sort -u |
        while read -r version; do
            in_image sh -c 'cd /srv/apt && apt-get -q download "$1"' sh "$package=$version"
        done
done
in_image sh -c 'cd /srv/apt && for deb in *.deb; do
    dpkg-deb -f "$deb"
    printf "Filename: ./%s\nSize: %s\nSHA256: %s\n\n" "$deb" "$(stat -c %s "$deb")" "$(sha256sum <"$deb" | cut -d " " -f 1)"
done >Packages'
echo 'Acquire::Languages "none";' >"$target/etc/apt/apt.conf.d/90lab"
echo 'deb [trusted=yes] file:///srv/apt ./' >"$target/etc/apt/sources.list"
rm -rf "$target"/var/lib/apt/lists/*
in_image apt-get -q update
in_image apt-get clean

# Nothing that belongs to one node stays in the image.
rm -f "$target/usr/sbin/policy-rc.d" "$target"/etc/ssh/ssh_host_*_key* "$target/etc/resolv.conf" \
    "$target/etc/hostname" "$target/var/lib/dbus/machine-id"
: >"$target/etc/machine-id"
cat >"$target/etc/ssh/sshd_config.d/lab.conf" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin prohibit-password
END
ln -s /lib/systemd/system/multi-user.target "$target/etc/systemd/system/default.target"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-tmpfiles-clean.timer console-getty.service getty.target; do
    ln -sf /dev/null "$target/etc/systemd/system/$unit"
done
umount "$target/proc"
if [ -d /etc/ssl/certs ]; then
    umount "$target/etc/ssl/certs"
    rmdir --parents --ignore-fail-on-non-empty "$target/etc/ssl/certs"
fi
