"""What libraries would send unasked is off, and stays as the user set it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from emofuse.privacy import TELEMETRY_OFF, keep_fonts_in, telemetry_left_on, turn_telemetry_off

# A program of a user's: it loads a library before ours, or ours before it.
OURS_FIRST = "import emofuse, onnxruntime"
THEIRS_FIRST = "import onnxruntime, emofuse.onnx_library"


def python(code: str, home: Path, **environment: str) -> list[Path]:
    """Run a program in an empty home folder; return the files that lie there afterwards."""
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH", "SYSTEMROOT"}}
    subprocess.run([sys.executable, "-c", code], check=True, env=kept | {"HOME": str(home)} | environment)
    return [path.relative_to(home) for path in home.rglob("*") if path.is_file()]


def test_every_switch_is_set_where_the_user_set_nothing() -> None:
    environment = {"HOME": "/home/someone", "ORT_DISABLE_TELEMETRY": ""}
    turn_telemetry_off(environment)
    assert environment == {"HOME": "/home/someone", **TELEMETRY_OFF}
    assert telemetry_left_on(environment) == []


def test_what_the_user_set_stays() -> None:
    environment = {"ORT_DISABLE_TELEMETRY": "0", "HF_HUB_DISABLE_TELEMETRY": "true"}
    turn_telemetry_off(environment)
    assert (environment["ORT_DISABLE_TELEMETRY"], environment["HF_HUB_DISABLE_TELEMETRY"]) == ("0", "true")
    assert telemetry_left_on(environment) == ["ORT_DISABLE_TELEMETRY"]


def test_importing_emofuse_sets_them_for_every_library_and_process() -> None:
    code = "import emofuse, json, os; print(json.dumps(dict(os.environ)))"
    bare = {name: value for name, value in os.environ.items() if name not in TELEMETRY_OFF}
    done = subprocess.run([sys.executable, "-c", code], check=True, env=bare, capture_output=True, text=True)
    assert json.loads(done.stdout).items() >= TELEMETRY_OFF.items()


def test_onnx_runtime_writes_no_identifier_after_emofuse_even_if_another_library_imports_it(
    tmp_path: Path,
) -> None:
    assert python(OURS_FIRST, tmp_path / "ours") == []
    python(THEIRS_FIRST, tmp_path / "theirs")  # too late for the file, in time for the events


def test_the_list_of_fonts_goes_where_it_is_sent_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    keep_fonts_in(tmp_path, environment)
    assert environment == {"MPLCONFIGDIR": str(tmp_path)}
    keep_fonts_in(tmp_path / "other", environment)
    assert environment == {"MPLCONFIGDIR": str(tmp_path)}


@pytest.mark.parametrize("name", sorted(TELEMETRY_OFF))
def test_a_library_reads_each_switch(name: str) -> None:
    """A renamed switch would be set for nobody: the name stands in an installed library."""
    from importlib.util import find_spec

    suffixes = {".py", ".so", ".pyd", ".dylib", ".1"}
    for package in ("onnxruntime", "huggingface_hub", "transformers", "datasets"):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in Path(folder).glob("*.py") if package != "onnxruntime" else Path(folder, "capi").iterdir():
                if path.suffix in suffixes and name.encode() in path.read_bytes():
                    return
    pytest.fail(f"no installed library knows {name}")
