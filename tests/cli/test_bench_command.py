"""`emofuse bench` says what it measured, as a table or as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emofuse.cli.main import run
from emofuse.inference.bench import measure as benchmark
from emofuse.inference.bench.measure import Plan
from emofuse.inference.bench.speed_figures import Lengths, Report, Row, Scope

SCOPE = Scope(
    cpu="Some Processor",
    cores=8,
    threads=3,
    versions={"torch": "2.13.0", "emofuse": "0.1.0"},
    model="random weights: wav2vec2 + bert",
    parameters=205_000_000,
    utterances=16,
    seconds=Lengths(72.0, 4.5, 0.6, 19.0),
    seed=0,
    rounds=2,
    chunk=8,
    timed="the network; no decoding",
    gflop=900.0,
    peak_gflops=150.0,
    labels_told=2,
)
ROWS = (
    Row("transformers single", 12.34, 2.5, 1700.4, 1.0, 0.61),
    Row("onnx int8", 31.0, 6.9, 700.0, 0.9375, 1.25),
)
REPORT = Report(SCOPE, ROWS, {"onnx int8 / transformers single": 2.512})


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Put a made-up report in the place of measuring; what is asked for is noted."""
    noted: list[Plan] = []

    def measured(plan: Plan, progress: Callable[[str, int, int], None]) -> Report:
        progress("measuring", 1, 2)
        noted.append(plan)
        return REPORT

    monkeypatch.setattr(benchmark, "measure", measured)
    return noted


def test_json_is_one_document_and_nothing_else(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(json.dumps(REPORT.as_dict()))
    assert list(document) == ["schema", "scope", "rows", "ratios"]
    assert plans[0].model is None
    assert plans[0].threads >= 1


def test_options_reach_what_measures(plans: list[Plan], tmp_path: Path) -> None:
    arguments = ["bench", str(tmp_path), "--threads", "3", "--utterances", "16", "--rounds", "2"]
    assert run(arguments) == 0
    assert plans == [Plan(tmp_path, 3, utterances=16, rounds=2, seed=0)]


def test_a_table_says_it_to_people(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench"]) == 0
    out = capsys.readouterr().out
    assert len(plans) == 1
    single = next(line for line in out.splitlines() if line.strip("│ ").startswith("transformers single"))
    assert [word for word in single.split() if word[0].isdigit()] == ["12.3", "2.50", "1700", "100.0%", "61%"]
    for words in ("onnx int8 / transformers single", "2.51", "205.0 million", "0.6 to 19.0 s", "Some Processor",
                  "3 of 8 processors", "torch 2.13.0", "no decoding", "labels predicted: 2"):  # fmt: skip
        assert words in out


@pytest.mark.parametrize("option", ["--threads", "--utterances", "--rounds"])
def test_nothing_less_than_one_is_measured(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", option, "0"]) == 2
    assert option in capsys.readouterr().err


def test_what_is_no_model_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["bench", str(tmp_path), "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert len(captured.err.splitlines()) == 1
