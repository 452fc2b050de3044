"""`emofuse doctor` says what is installed, cached and usable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emofuse.cli import doctor_command as doctor_module
from emofuse.cli.main import run


def test_doctor_knows_the_parts_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["parts"]["train"]["usable"]
    assert report["parts"]["train"]["packages"]["torch"].startswith("2.")
    assert "pytest" not in str(report)
    assert report["offline"]
    assert "threads" in report["device"]


def test_doctor_says_how_to_get_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module, "_requirements", lambda: {"core": ["numpy"], "moon": ["no-such-package"]})
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "no-such-package missing" in out
    rows = [line.split() for line in out.splitlines()]
    assert any({"core", "present"} <= set(row) for row in rows)
    assert any({"moon", "absent"} <= set(row) for row in rows)
    assert 'moon needs an optional part: pip install "emofuse[moon]"\n' in out
    assert "the core" not in out
    monkeypatch.setattr(doctor_module, "_requirements", lambda: {"core": ["no-such-package"]})
    assert run(["doctor"]) == 0
    assert "the core is incomplete: pip install emofuse\n" in capsys.readouterr().out


def test_doctor_says_whether_telemetry_is_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor_module.examine()["telemetry"] == {"off": True, "left_on": []}
    assert run(["doctor"]) == 0
    assert "telemetry: off\n" in capsys.readouterr().out
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    assert doctor_module.examine()["telemetry"] == {"off": False, "left_on": ["ORT_DISABLE_TELEMETRY"]}
    assert run(["doctor"]) == 0
    assert "telemetry: on, by ORT_DISABLE_TELEMETRY\n" in capsys.readouterr().out


def test_doctor_lists_what_the_hub_has_cached(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "models--someone--something" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    reference = tmp_path / "hub" / "models--someone--something" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text("a" * 40)
    done = subprocess.run(
        [sys.executable, "-m", "emofuse", "doctor", "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={"HF_HUB_CACHE": str(tmp_path / "hub"), "PATH": ""},
    )
    assert [model["name"] for model in json.loads(done.stdout)["cached"]] == ["someone/something"]
