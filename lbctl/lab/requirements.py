"""What a lab needs of this machine."""

from __future__ import annotations

import os
import shutil
import sys

from lbctl.errors import LabError

# command -> Debian package that has it
COMMANDS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "chroot": "coreutils",
    "socat": "socat",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "apt-get": "apt",
}


def check() -> None:
    """Raise one LabError that names all that is missing and the command that installs it."""
    if not sys.platform.startswith("linux"):
        raise LabError("the lab needs Linux", detail=f"this machine is {sys.platform}")
    problems = []
    mend = ""
    if os.geteuid() != 0:
        problems.append("it needs root: namespaces, mounts and containers")
        mend = "run it with sudo"
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    if missing:
        problems.append(f"not installed: {', '.join(missing)}")
        packages = sorted({COMMANDS[command] for command in missing})
        mend = f"apt-get install {' '.join(packages)}" + (f"\n{mend}" if mend else "")
    if problems:
        raise LabError("the lab cannot be made on this machine", detail="\n".join(problems), mend=mend)


def check_root() -> None:
    """Raise LabError when not root: looking into a lab and taking it down need that too."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root", mend="run it with sudo")
