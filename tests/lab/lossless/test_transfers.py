"""Uploads of 10 MB, downloads of 20 s, from a client behind a router, while the VIP moves there and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import pytest

from lbctl.lab.spec import join
from tests.lab.job.steps import Site, run_until, tell
from tests.lab.lossless.cases import Result
from tests.lab.lossless.clusters import ROUTED
from tests.lab.lossless.ground import Ground
from tests.lab.sampler import sampled

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

EACH = 3
SIZE = 10_000_000  # bytes, at a rate at which it takes about 20 s
RATE = 500_000  # bytes a second
URL = f"http://{join(ROUTED.vips[0], 5000)}"


@dataclass(frozen=True)
class Transfer:
    """Seconds since the epoch; `whole` = every byte arrived, and was answered with 200."""

    kind: str
    began: float
    ended: float
    whole: bool

    def __str__(self) -> str:
        return f"{self.kind} of {self.ended - self.began:.1f} s: {'whole' if self.whole else 'BROKEN'}"


def download(site: Site) -> Transfer:
    words = ["-o", "/dev/null", "-w", "%{http_code} %{size_download}"]
    return _curl(site, "download", f"{URL}/stream?seconds=20&size={SIZE}", words, f"200 {SIZE}")


def upload(site: Site) -> Transfer:
    words = ["-H", "Expect:", "--limit-rate", str(RATE), "--data-binary", f"@{site.root / 'upload'}"]
    return _curl(site, "upload", f"{URL}/upload", words, f"5000 received {SIZE}")


def _curl(site: Site, kind: str, url: str, words: list[str], end: str) -> Transfer:
    began = time.time()
    said = site.lab.exec("client", ["curl", "-sS", "-m", "60", *words, url], check=False)
    return Transfer(kind, began, time.time(), said.status == 0 and said.text.strip().endswith(end))


Batch = list[Future[Transfer]]


@contextmanager
def transfers(site: Site) -> Iterator[Callable[[], Batch]]:
    """What begins some of each, which are under way from then on."""
    (site.root / "upload").write_bytes(b"u" * SIZE)
    with ThreadPoolExecutor(4 * EACH) as pool:
        yield lambda: [pool.submit(one, site) for one in (download, upload) for _ in range(EACH)]


def test_all_are_whole(ground: Ground, record_property: Callable[[str, object], None]) -> None:
    site = ground.on(ROUTED)
    began = time.monotonic()
    with sampled(site.lab) as sampler, transfers(site) as begin:
        there = begin()
        process = site.start("restart", "haproxy", "lb1", "--yes", "--json")
        seen = run_until(process, "done", "swap", "lb1")
        back = begin()
        out, err = process.communicate(timeout=200)
        batches = [[one.result() for one in batch] for batch in (there, back)]
    assert process.returncode == 0, out + err
    timeline = sampler.timeline(ROUTED.vips[0])
    tell(
        *timeline.lines(),
        *(f"{way}: {one}" for way, batch in zip(("there", "back"), batches, strict=True) for one in batch),
    )
    every = [one for batch in batches for one in batch]
    broken = sum(not one.whole for one in every)
    result = Result(
        "router: transfers",
        len(every),
        len(every),
        broken,
        0,
        timeline.longest(0),
        time.monotonic() - began,
        not broken,
    )
    record_property("result", asdict(result))
    assert broken == 0
    moves = [span.at for span in timeline.spans if len(span.holders) == 1][1:]
    assert len(moves) == 2, timeline.lines()
    for at, batch in zip(moves, batches, strict=True):
        assert all(one.began < at < one.ended for one in batch)
    assert not any("not losslessly" in line.get("said", "") for line in seen) and "not losslessly" not in out
    assert site.left_behind() == {}
