"""Progress: a bar in a terminal, plain lines in a log, nothing where it is not wanted."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from emofuse.cli import output
from emofuse.cli.output import InputProgress, counted, progress_bar, progress_line
from emofuse.errors import EmofuseError
from emofuse.types import Skip

WORK = """
import sys, time
from emofuse.cli import output
output.LOG_LINE_SECONDS = 0.05
with output.progress_bar() as bar:
    task = bar.add_task("1/4 audio", total=4.0, figures="epoch 1/3")
    for number in range(5):
        bar.update(task, completed=number, description=f"{min(number + 1, 4)}/4 audio")
        time.sleep(0.2)
print("the result")
"""


def test_a_log_gets_plain_lines_with_share_and_time_left() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True)
    assert done.stdout == "the result\n"
    lines = done.stderr.splitlines()
    assert "\x1b" not in done.stderr
    assert lines[0].startswith("1/4 audio, 0 %")
    assert any(re.fullmatch(r"3/4 audio, 50 %, 0:0\d left, epoch 1/3", line) for line in lines), lines
    assert lines[-1] == "4/4 audio, 100 %, epoch 1/3"


def test_a_terminal_gets_a_bar() -> None:
    reader, writer = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", WORK], stdout=subprocess.PIPE, stderr=writer, env=environment, text=True, check=True
    )
    os.close(writer)
    shown = ""
    while True:
        try:
            read = os.read(reader, 65536)
        except OSError:  # how Linux says that a terminal is closed
            break
        if not read:
            break
        shown += read.decode()
    os.close(reader)
    assert done.stdout == "the result\n"
    assert "━" in shown
    assert re.search(r"3/4 audio.*50%.*0:00:0\d.*epoch 1/3", shown)
    assert "left" not in shown


def test_nothing_is_shown_where_it_is_not_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "LOG_LINE_SECONDS", 0.01)
    with progress_bar(wanted=False) as bar:
        bar.add_task("predicting", total=2, figures="")
        time.sleep(0.05)
    assert capsys.readouterr() == ("", "")


def test_what_takes_no_time_writes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as bar:
        bar.add_task("predicting", total=2, figures="")
    assert capsys.readouterr().err == ""


def test_the_writer_ends_with_the_work_also_where_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "LOG_LINE_SECONDS", 0.01)
    with pytest.raises(ValueError, match="broken"), progress_bar():
        raise ValueError("broken")


@pytest.mark.parametrize(
    ("total", "completed", "expected"),
    [(None, 0, "starting"), (1.0, 0.25, "starting, 25 %"), (4, 4, "starting, 100 %")],
)
def test_a_line_says_what_is_known(tmp_path: Path, total: float | None, completed: float, expected: str) -> None:
    with (tmp_path / "log").open("w") as file:
        bar = Progress(console=Console(file=file), disable=True)
        task = bar.add_task("starting", total=total, completed=completed, figures="")
        assert progress_line(bar.tasks[task]) == expected


def test_a_count_agrees_with_its_noun() -> None:
    assert [counted(number, "recording") for number in range(3)] == ["0 recordings", "1 recording", "2 recordings"]


def test_failures_are_named_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as bar:
        progress = InputProgress(bar, total=3)
        progress.fail(Skip("b", "is empty"))
    assert progress.failed == 1
    assert capsys.readouterr() == ("", "failed b: is empty\n")


def test_the_only_input_ends_the_command_with_its_failure() -> None:
    with progress_bar() as bar, pytest.raises(EmofuseError, match="is empty"):
        InputProgress(bar, total=1).fail(Skip("b", "is empty"))


def test_inputs_of_an_earlier_run_and_of_earlier_parts_count_as_done() -> None:
    with progress_bar() as bar:
        progress = InputProgress(bar, total=10)
        progress.skip(4)
        progress.begin_part()
        progress.step(2, 3.0)
        progress.begin_part()
        progress.step(1, 1.0)
        (task,) = bar.tasks
        assert task.completed == 7
        assert task.fields["figures"].startswith("7/10")
