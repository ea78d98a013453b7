"""The nodes' file system: built once, kept in the user's cache, used by every lab as the lower layer."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lbctl.local.process import run
from lbctl.local.spawn import run_tied

Progress = Callable[[str], None]

SCRIPT = Path(__file__).with_name("image.sh")
MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
BASE = ("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "procps")
TOOLS = ("socat", "nftables")
OFFERED = ("haproxy", "keepalived", "psmisc", *TOOLS)


@dataclass(frozen=True)
class Recipe:
    """What is in an image. `extra` packages are installed beside the usual ones, by apt."""

    suite: str = "bookworm"
    bare_tools: bool = True
    extra: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """Those that every node of the suite has."""
        return (*BASE, *(TOOLS if self.bare_tools else ()))

    @property
    def key(self) -> str:
        words = [self.suite, *self.packages, "--", *self.extra, "--", *OFFERED]
        digest = hashlib.sha256(SCRIPT.read_bytes() + " ".join(words).encode()).hexdigest()
        return f"{self.suite}-{digest[:12]}"


def cache() -> Path:
    """Where images are kept: $XDG_CACHE_HOME/lbctl, or ~/.cache/lbctl."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "lbctl" / "images"


def ensure(recipe: Recipe, progress: Progress) -> Path:
    """The directory of the recipe's image, built now if it is not there (about a minute, with network).

    A build that is killed leaves nothing that is taken for an image. Raises LocalError with debootstrap's or
    apt's last words.
    """
    target = cache() / recipe.key
    if target.is_dir():
        return target
    cache().mkdir(parents=True, exist_ok=True)
    with _locked(cache() / f"{recipe.key}.lock"):
        if not target.is_dir():
            progress(f"building the nodes' image {recipe.key} (once, about a minute)")
            _build(recipe, target)
    return target


def mirrors(suite: str) -> tuple[str, str]:
    """Where this machine's apt gets Debian from: the mirror and its security mirror."""
    asked = [
        "apt-get",
        "indextargets",
        "--format",
        "$(ORIGIN) $(CODENAME) $(REPO_URI)",
        "Created-By: Packages",
    ]
    rows = [line.split(" ") for line in run(asked, check=False).text.splitlines()]
    debian = [(row[1], row[2].rstrip("/")) for row in rows if len(row) == 3 and row[0] == "Debian"]
    usable = [(codename, uri) for codename, uri in debian if uri.startswith(("http://", "https://", "file:"))]
    main = [uri for codename, uri in usable if "-" not in codename]
    security = [uri for codename, uri in usable if codename.endswith("-security")]
    return (main or [MIRROR])[0], "none" if suite == "sid" else (security or [SECURITY])[0]


def _build(recipe: Recipe, target: Path) -> None:
    work = target.with_name(f".{recipe.key}.part")
    if work.exists():  # a killed build's; its mounts ended with it
        shutil.rmtree(work)
    packages = (",".join(names) for names in (recipe.packages, recipe.extra, OFFERED))
    words = [str(work), recipe.suite, *mirrors(recipe.suite), *packages]
    isolated = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]
    run_tied([*isolated, "sh", str(SCRIPT), *words])
    work.rename(target)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
