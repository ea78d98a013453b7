"""New versions of packages in the nodes' own repositories."""

from __future__ import annotations

from tests.lab.job.steps import Site

_REPACK = """
set -e
[ -e /srv/Packages.kept ] || cp /srv/apt/Packages /srv/Packages.kept
work=$(mktemp -d); cd "$work"
version=$(apt-cache policy {package} | awk '/Candidate:/ {{ print $2 }}')
for deb in /srv/apt/{package}_*.deb; do [ "$(dpkg-deb -f "$deb" Version)" != "$version" ] || break; done
dpkg-deb -R "$deb" "$work/package"; cd "$work/package"
{change}
sed -i 's/^Version: .*/&{suffix}/' DEBIAN/control
rm -f DEBIAN/md5sums
made={package}_made{suffix}.deb
dpkg-deb -Zgzip -z1 -b "$work/package" "/srv/apt/$made"; cd /srv/apt
{{ dpkg-deb -f "$made"
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$made" "$(stat -c %s "$made")" \\
    "$(sha256sum <"$made" | cut -d ' ' -f 1)"; }} >>Packages
rm -rf "$work"
"""
_WITHDRAW = (
    "[ ! -e /srv/Packages.kept ] || mv /srv/Packages.kept /srv/apt/Packages; rm -f /srv/apt/*_made*.deb"
)


def offer(site: Site, node: str, package: str, suffix: str, change: str = ":") -> None:
    """apt's candidate, changed by a script, as a version higher by the suffix, which no other has."""
    site.sh(node, _REPACK.format(package=package, suffix=suffix, change=change))


def withdraw(site: Site, node: str) -> None:
    """The repository is as it was."""
    site.sh(node, f"{_WITHDRAW}; apt-get -q update >/dev/null")
