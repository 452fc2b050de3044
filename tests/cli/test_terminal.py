"""Names, ids and texts of others are shown on the terminal and do not drive it, wherever a command prints them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import call
from rich.progress import TextColumn

from emofuse.cli.output import print_table, progress_bar, warn_of_skips
from emofuse.cli.predict.timeline_writing import timeline_table
from emofuse.cli.terminal import echo
from emofuse.types import ExcludedSpan, Segment, Skip, Timeline
from emofuse.untrusted.json_text import parse_json, to_json

CLEAR, SHOWN = "\x1b[2J\x9b", "\\x1b[2J\\x9b"


def test_lines_are_printed_without_controls(capsys: pytest.CaptureFixture[str]) -> None:
    echo(f"one {CLEAR}\ntwo", err=True)
    print_table((f"a{CLEAR}", "b"), [(f"c{CLEAR}", "d")])
    warn_of_skips([Skip(f"x{CLEAR}\ny", f"{CLEAR}: broken")])
    captured = capsys.readouterr()
    assert captured.err.splitlines()[:2] == [f"one {SHOWN}", "two"]
    assert f"skipped x{SHOWN}\\x0ay: {SHOWN}: broken" in captured.err
    assert f"c{SHOWN}" in captured.out
    assert CLEAR not in captured.out


def test_brackets_in_names_are_shown_and_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("[red]speaker", "n"), [("[unknown]", "[/x]")], title="of [/b]")
    captured = capsys.readouterr().out
    assert all(text in captured for text in ("[red]speaker", "[unknown]", "[/x]", "of [/b]"))
    with progress_bar(False) as bar:
        bar.add_task("[/x]", total=1.0, figures="[/y]")
        shown = [column.render(bar.tasks[0]) for column in bar.columns if isinstance(column, TextColumn)]
    assert {"[/x]", "[/y]"} <= set(map(str, shown))


def test_a_timeline_for_people_has_no_controls() -> None:
    segment = Segment(0.0, 1.0, "sad", {"sad": 1.0}, 1.0, speaker=CLEAR, text=CLEAR)
    excluded = (ExcludedSpan(1.0, 2.0, f"a tone {CLEAR}"),)
    table = timeline_table(Timeline(f"a{CLEAR}", "a.wav", 2.0, ("sad",), (segment,), excluded, notes=(CLEAR,)))
    assert not {"\x1b", "\x9b"} & set(table)
    assert table.startswith(f"a{SHOWN}: ")


def test_json_escapes_what_a_terminal_would_obey_and_means_the_same() -> None:
    assert not {"\x1b", "\x9b", "\x7f"} & set(to_json({"id": f"{CLEAR}\x7f"}))
    assert parse_json(to_json({"id": f"{CLEAR}\x7f"})) == {"id": f"{CLEAR}\x7f"}


def test_predict_shows_names_escaped_and_keeps_them_in_json(
    capsys: pytest.CaptureFixture[str], wavs: Path, tmp_path: Path
) -> None:
    good, bad = tmp_path / f"good{CLEAR}.wav", tmp_path / f"bad{CLEAR}.wav"
    good.write_bytes((wavs / "low.wav").read_bytes())
    bad.write_text("no sound")
    code, out, err = call(capsys, "predict", "box-open", good, bad)
    assert code == 1
    assert f"good{SHOWN}" in out
    assert f"failed bad{SHOWN}: " in err
    assert not {"\x1b", "\x9b"} & set(out + err)
    _, out, _ = call(capsys, "predict", "box-open", good, "--format", "json")
    assert json.loads(out)[0]["id"] == f"good{CLEAR}"
    code, _, err = call(capsys, "predict", tmp_path / f"gone{CLEAR}")
    assert code == 2
    assert f"gone{SHOWN}: no such model" in err
