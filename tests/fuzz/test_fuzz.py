"""Every reader keeps its promise on its corpus, on what was found before, and for ten seconds of changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TARGETS = sorted(path.stem for path in (HERE / "targets").glob("*.py"))


def fuzz(target: str, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, HERE / "runner.py", target, "--seconds", str(seconds), "--engine", "changes"]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_every_target_has_a_corpus() -> None:
    corpora = {path.name for path in (HERE / "corpus").iterdir() if any(path.iterdir())}
    made = {name for name in TARGETS if "def seeds()" in (HERE / "targets" / f"{name}.py").read_text()}
    assert corpora | made == set(TARGETS)


def test_the_runner_finds_what_breaks_the_promise(tmp_path: Path) -> None:
    sys.path.insert(0, str(HERE))
    try:
        from runner import BrokenPromiseError, Watched
    finally:
        sys.path.remove(str(HERE))
    from emofuse.errors import CorpusError

    def refusing(data: bytes, folder: Path) -> None:
        raise CorpusError(data.decode())

    def wrong(data: bytes, folder: Path) -> None:
        raise KeyError(data)

    Watched([refusing], tmp_path)(b"a sentence")
    for reader, error in ((refusing, BrokenPromiseError), (wrong, KeyError)):
        with pytest.raises(error):
            Watched([reader], tmp_path)(b"")


@pytest.mark.slow  # ten seconds a target, in a process whose memory is measured
@pytest.mark.parametrize("target", TARGETS)
def test_ten_seconds_of_changes_break_no_reader(target: str) -> None:
    done = fuzz(target, 10)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "none broke it" in done.stdout
