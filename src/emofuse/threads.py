"""How many threads compute, and how they wait for each other: decided here and nowhere else.

The standard variable OMP_NUM_THREADS overrides what is found out here, as it does for torch itself.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path

# A thread that waits for others sleeps. By default OpenMP's threads spin, and beside a program that keeps one core
# busy they take from each other the time in which the last of them would have finished.
PASSIVE_WAITING: Mapping[str, str] = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
# For how long the processors are watched to see which of them are free.
SAMPLE_SECONDS = 0.2
# So many workers read files at most: more than that only wait for the disk.
MOST_READERS = 8

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let idle threads sleep instead of spinning, unless the environment says how they wait.

    It has an effect only before torch or scikit-learn is imported.
    """
    if not environment.keys() & PASSIVE_WAITING.keys():
        environment.update(PASSIVE_WAITING)


def usable_processors(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Return on how many processors this process may run: by its affinity, and by the quota of its container."""
    count = len(_affinity())
    quota = _quota(proc, cgroups)
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def free_processors(proc: Path = _PROC, seconds: float = SAMPLE_SECONDS) -> int:
    """Return how many of the usable processors other programs leave free right now, at least one.

    Takes `seconds` to find out, unless there is only one anyway.
    """
    usable = usable_processors(proc)
    if usable == 1:
        return 1
    busy, own, began = _busy_seconds(proc), time.process_time(), time.monotonic()
    time.sleep(seconds)
    after, passed = _busy_seconds(proc), time.monotonic() - began
    if busy is None or after is None:
        return usable
    others = (after - busy - (time.process_time() - own)) / passed
    return max(1, min(usable, len(_affinity()) - round(others)))


def compute_threads() -> int:
    """Return how many threads are to compute now: OMP_NUM_THREADS if it is set, else the free processors."""
    return _wanted() or free_processors()


def reading_workers() -> int:
    """Return how many threads are to read and decode files at the same time."""
    return min(MOST_READERS, _wanted() or usable_processors())


def _wanted() -> int | None:
    """Return what OMP_NUM_THREADS asks for; None where it holds no positive number."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def _affinity() -> set[int]:
    """Return the numbers of the processors that this process may run on."""
    try:
        return os.sched_getaffinity(0)
    except AttributeError:  # macOS and Windows have no affinity
        return set(range(os.cpu_count() or 1))


def _busy_seconds(proc: Path) -> float | None:
    """Return how long the processors of this process have worked since the machine started; None if unknown."""
    names = {f"cpu{number}" for number in _affinity()}
    try:
        rows = [line.split() for line in (proc / "stat").read_text().splitlines()]
        # user, nice, system, (idle, iowait,) irq, softirq, steal: in ticks
        ticks = [sum(map(int, (*row[1:4], *row[6:9]))) for row in rows if row[0] in names]
        return sum(ticks) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _quota(proc: Path, cgroups: Path) -> float | None:
    """Return how many processors' time the process's control groups grant, the least of all above it."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        inner = root / path.lstrip("/")
        for folder in (inner, *inner.parents):
            quotas.append(_quota_of(folder))
            if folder == root:
                break
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(group: Path) -> float | None:
    """Return the quota of one control group, of version 2 or 1; None without one."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no such file, or "max"
        return None
