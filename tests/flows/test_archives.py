"""Archives with bad files of twenty kinds: each fails alone, and a stop at any moment changes nothing."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bad_archive import KINDS, make_bad_archive
from command_line import call
from exports import exported_folder

from emofuse.cli import output
from emofuse.cli.predict.journal import JOURNAL


def names(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [row["file"] for row in csv.DictReader(file)]


def check(out: Path, code: int, err: str, good: int, bad: int) -> None:
    """Check that a run has predicted the good files, and named the bad ones with reason and remedy."""
    assert code == 1
    assert "Traceback" not in err
    assert "mpg123" not in err
    assert f"{good} of {good + bad} inputs predicted" in err
    assert f"; {bad} failed, see failures.csv; " in err.splitlines()[-1]
    assert len((out / "predictions.jsonl").read_text().splitlines()) == good
    with (out / "failures.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == bad
    assert all(row["reason"] and row["remedy"] for row in rows), rows
    assert not [row for row in rows if "emofuse itself" in row["reason"]]
    assert json.loads((out / "predictions.run.json").read_text())["summary"]["predicted"] == good


def test_each_kind_of_bad_file_fails_alone(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "LOG_LINE_SECONDS", 3600.0)
    make_bad_archive(tmp_path / "archive", 8, 1)
    arguments = ("predict", exported_folder(), tmp_path / "archive", "--format", "jsonl")
    code, _, err = call(capfd, *arguments, "--out", tmp_path / "out")
    check(tmp_path / "out", code, err, 8, len(KINDS))
    shown = " ".join(names(tmp_path / "out" / "failures.csv"))
    assert all(kind in shown for kind in KINDS)
    assert "caf\\xe9-bad-0-latin-name.wav" in shown
    code, _, err = call(capfd, *arguments, "--out", tmp_path / "each", "--each")
    assert (code, f"8 of {8 + len(KINDS)} inputs predicted" in err) == (1, True)
    written = [path for path in (tmp_path / "each").rglob("*.jsonl") if path.parent != tmp_path / "each"]
    assert len(written) == 8
    ids = {json.loads(path.read_text())["id"] for path in written}
    assert {os.fsencode(name).rpartition(b"/")[2] for name in ids} >= {
        b"caf\xe9",
        b"a" * 240,
        b"=cmd",
        b"line\nbreak",
    }


def started(out: Path, archive: Path) -> subprocess.Popen[str]:
    command = ["predict", exported_folder(), archive, "--any-sound", "--format", "jsonl", "--out", out, "--resume"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "emofuse", *map(str, command)], env=environment, stderr=subprocess.PIPE, text=True
    )


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until a file has so many lines, or the process has ended."""
    while lines_of(path) < count and process.poll() is None:
        time.sleep(0.01)


@pytest.mark.slow
def test_an_archive_of_500_files_with_40_bad_ones_and_the_same_stopped_at_random_moments(tmp_path: Path) -> None:
    """Slow: nine processes or so predict 500 files."""
    archive, out = tmp_path / "archive", tmp_path / "out"
    make_bad_archive(archive, 460, 2)
    whole = started(out, archive)
    _, err = whole.communicate()
    check(out, whole.returncode, err, 460, 40)
    chance, stopped, again = random.Random(0), 0, tmp_path / "again"
    for _ in range(30):
        process = started(again, archive)
        wait_for_lines(again / JOURNAL, lines_of(again / JOURNAL) + chance.randint(1, 160), process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
        if process.returncode == 1:
            break
        stopped += 1
        assert process.returncode in (143, -signal.SIGTERM), err  # the latter before the program has begun
        assert process.returncode < 0 or "stopped by SIGTERM; " in err.splitlines()[-1]
        assert "Traceback" not in err
        assert not [path.name for path in again.glob(".*")]
    assert stopped >= 2
    check(again, process.returncode, err, 460, 40)
    for name in ("predictions.jsonl", "failures.csv"):
        assert (again / name).read_bytes() == (out / name).read_bytes()
