"""Threads: what the process may use, what others leave free, and that waiting threads sleep."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emofuse import threads

RUN_VERSION = (
    "from emofuse.__main__ import main; sys.argv[1:] = ['--version']; atexit.register(import_torch); main()"
)
WATCH_TORCH = """
import atexit, builtins, os, sys

real = builtins.__import__

def spy(name, *rest):
    if name == "torch":
        print(os.environ.get("OMP_WAIT_POLICY"), flush=True)
        os._exit(0)
    return real(name, *rest)

def import_torch():
    import torch

builtins.__import__ = spy
{start}
"""


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may run on four processors, whatever the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def group(tmp_path: Path, line: str, files: dict[str, str]) -> tuple[Path, Path]:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(line)
    for name, content in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "proc", tmp_path / "cgroup"


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("0::/\n", {}, 4),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "cpu.max": "max 100000\n"}, 4),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 2),
        ("0::/a\n", {"a/cpu.max": "50000 100000\n"}, 1),
        ("0::/a\n", {"a/cpu.max": "900000 100000\n"}, 4),
        ("3:cpuset:/\n2:cpu,cpuacct:/a\n", {"cpu,cpuacct/a/cpu.cfs_quota_us": "-1\n"}, 4),
        (
            "2:cpu:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "300000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            3,
        ),
    ],
)
def test_a_quota_of_either_version_counts_at_every_level(
    tmp_path: Path, line: str, files: dict[str, str], expected: int
) -> None:
    assert threads.usable_processors(*group(tmp_path, line, files)) == expected


@pytest.mark.usefixtures("four")
def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert threads.usable_processors(tmp_path, tmp_path) == 4


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(("others", "expected"), [(0.0, 4), (1.0, 3), (2.6, 1), (4.0, 1)])
def test_what_other_programs_use_is_not_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: float, expected: int
) -> None:
    seconds, tick = 1.0, os.sysconf("SC_CLK_TCK")
    monkeypatch.setattr(time, "process_time", iter([0.0, 0.5]).__next__)
    monkeypatch.setattr(time, "monotonic", iter([0.0, seconds]).__next__)
    proc, _ = group(tmp_path, "0::/\n", {})

    def stat(busy: float) -> None:
        rows = [f"cpu{n} {int(busy * tick) if n == 0 else 0} 0 0 999 999 0 0 0 0 0" for n in range(8)]
        (proc / "stat").write_text("\n".join(["cpu 1 2 3", *rows, "intr 5"]))

    stat(0.0)
    monkeypatch.setattr(time, "sleep", lambda _: stat(others + 0.5))
    assert threads.free_processors(proc, seconds) == expected


@pytest.mark.usefixtures("four")
def test_without_proc_all_usable_processors_count_as_free(tmp_path: Path) -> None:
    assert threads.free_processors(tmp_path, 0.0) == 4


def test_the_real_machine_has_at_least_one_free_processor() -> None:
    assert 1 <= threads.free_processors(seconds=0.05) <= threads.usable_processors()


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("2,1", 2), ("0", 4), ("many", 4)])
def test_the_standard_variable_overrides(monkeypatch: pytest.MonkeyPatch, setting: str, expected: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    monkeypatch.setattr(threads, "free_processors", lambda: 4)
    assert threads.compute_threads() == expected


def test_how_threads_wait_is_the_users_choice_where_the_environment_says() -> None:
    empty: dict[str, str] = {}
    threads.wait_passively(empty)
    assert empty == dict(threads.PASSIVE_WAITING)
    own = {"OMP_WAIT_POLICY": "ACTIVE"}
    threads.wait_passively(own)
    assert own == {"OMP_WAIT_POLICY": "ACTIVE"}


@pytest.mark.parametrize("start", ["import emofuse.model", "import emofuse.training", RUN_VERSION])
def test_threads_wait_passively_before_torch_is_there(start: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in threads.PASSIVE_WAITING}
    command = [sys.executable, "-c", WATCH_TORCH.format(start=start)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "PASSIVE", done.stderr
