"""`emofuse results`: a finished run shown again, or one sentence on why it cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import call
from small_run import make_run

from emofuse.runs.results import collect

pytestmark = pytest.mark.usefixtures("empty_pictures")


def test_a_finished_run_is_shown_again_and_printed_as_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    results = collect(run)
    (tmp_path / "run" / "results.json").write_text(json.dumps(results))
    code, shown, _ = call(capsys, "results", tmp_path / "run")
    assert code == 0
    assert results["signature"] in shown
    assert f"{results['systems']['text']['ua']['mean']:.3f}" in shown
    code, printed, _ = call(capsys, "results", tmp_path / "run", "--json")
    assert (code, json.loads(printed)) == (0, json.loads(json.dumps(results)))


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "results.json: is not there"), ("{", "cannot be read"), ("{}", "is of another version or damaged")],
)
def test_what_is_no_finished_run_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    code, out, err = call(capsys, "results", tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert words in err
