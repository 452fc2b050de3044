"""What holds for the package as a whole: its door, its speed, its half without torch, its words."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import package_graph

import emofuse

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "emofuse"
# The rooms that never need torch: every module of theirs must import without it.
TORCH_FREE = (
    "types",
    "errors",
    "config",
    "layout",
    "onnx_library",
    "privacy",
    "seal",
    "untrusted",
    "pages",
    "sound",
    "turns",
    "data",
    "evaluation",
    "runs",
    "inference",
    "cli",
)
NEEDS_TORCH = (
    "emofuse.inference.torch_runtime",
    "emofuse.inference.export",
    "emofuse.inference.graphs",
    "emofuse.inference.quantise",
    "emofuse.inference.bench.bench_networks",
    "emofuse.inference.bench.peak",
    "emofuse.inference.explain.attention_maps",
    "emofuse.inference.explain.attributions",
    "emofuse.inference.foreign.classifier_runtime",
    "emofuse.inference.foreign.classifiers",
    "emofuse.inference.foreign.pooled_head",
    "emofuse.inference.foreign.transformers_asr",
)
WITHOUT_TORCH = """
import importlib, importlib.abc, json, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
"""
ABSENT = {"torch", "transformers", "accelerate", "sklearn", "scipy", "matplotlib", "jinja2"}


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def modules() -> list[str]:
    names = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def torch_free_modules() -> list[str]:
    rooms = tuple(f"emofuse.{room}" for room in TORCH_FREE)
    return [name for name in modules() if name.startswith(rooms) and name not in NEEDS_TORCH]


def test_the_torch_free_rooms_import_where_there_is_no_torch() -> None:
    done = python(WITHOUT_TORCH.format(absent=ABSENT), json.dumps(["emofuse", *torch_free_modules()]))
    assert done.returncode == 0, done.stderr


def test_comparing_and_scoring_reach_nothing_that_needs_torch() -> None:
    reached, waiting = set(), ["emofuse.cli.compare_command", "emofuse.cli.score_command"]
    while waiting:
        name = waiting.pop()
        if name not in reached and name != "emofuse":
            reached.add(name)
            waiting += sorted(package_graph()[name])
    rooms = ("emofuse.model", "emofuse.training", "emofuse.experiment")
    assert sorted(name for name in reached if name.startswith(rooms)) == []


def test_what_needs_torch_says_how_to_install_it() -> None:
    code = WITHOUT_TORCH.format(absent=ABSENT)
    done = python(code, json.dumps(["emofuse.model.network"]))
    assert 'pip install "emofuse[train]"' in done.stderr.splitlines()[-1]


def test_importing_emofuse_loads_nothing_heavy() -> None:
    done = python("import sys, emofuse, json; print(json.dumps(sorted(sys.modules)))")
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & (ABSENT | {"numpy", "pydantic", "typer", "huggingface_hub"})


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, json; from emofuse.cli.main import run; run(['--help']); "
    code += "print(json.dumps(sorted(sys.modules)))"
    loaded = {name.split(".")[0] for name in json.loads(python(code).stdout.splitlines()[-1])}
    assert not loaded & (ABSENT | {"numpy", "pydantic", "huggingface_hub"})


def test_every_public_name_opens() -> None:
    for name in emofuse.__all__:
        assert getattr(emofuse, name) is not None
    assert dir(emofuse) == emofuse.__all__
    with pytest.raises(AttributeError, match="nonsense"):
        emofuse.nonsense  # noqa: B018


def test_the_door_lists_each_name_once_for_the_type_checker_too() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    (for_types,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        alias.name
        for node in for_types.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("emofuse")
        for alias in node.names
    }
    assert typed == set(emofuse.__all__) - {"__version__"} == set(emofuse._DOOR)


def test_every_package_that_make_installs_directly_is_pinned() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {d.split(">")[0].split("=")[0].split("[")[0].strip().lower() for d in wanted}
    pinned = {
        line.split("==")[0].strip().lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert names - {"emofuse-box"} <= pinned  # that one is made here


def test_no_test_may_open_a_socket_beyond_loopback() -> None:
    import socket

    from pytest_socket import SocketConnectBlockedError

    with pytest.raises((SocketConnectBlockedError, RuntimeError)), socket.socket() as connection:
        connection.connect(("192.0.2.1", 80))


def test_an_exported_model_predicts_where_there_is_nothing_but_the_core(manifest: Path) -> None:
    from exports import exported_folder, model_folder

    code = WITHOUT_TORCH.format(absent=ABSENT | {"onnx", "onnxscript", "peft", "threadpoolctl"})
    code += "from emofuse.cli.main import run; sys.exit(run(sys.argv[2:]))"
    done = python(code, "[]", "predict", str(exported_folder()), str(manifest), "--any-sound", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = list(emofuse.load(model_folder(), device="cpu").predict_many(emofuse.load_corpus(manifest)))
    assert len(said) == len(wanted) == 24
    for ours, theirs in zip(said, wanted, strict=True):
        assert isinstance(theirs, emofuse.Prediction)
        assert (ours["id"], ours["label"]) == (theirs.id, theirs.label)
        assert ours["modalities"] == list(theirs.modalities) == ["audio", "text"]
        assert ours["probabilities"] == pytest.approx(theirs.probabilities, abs=1e-4)


def test_what_needs_torch_is_refused_in_one_line_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    recipe, manifest = SOURCE / "demo" / "recipe.yaml", SOURCE / "demo" / "manifest.jsonl"
    commands = [
        ["demo", "--out", tmp_path / "out"],
        ["crossval", recipe, "--manifest", manifest, "--out", tmp_path / "out"],
        ["train", recipe, "--manifest", manifest, "--out", tmp_path / "out"],
        ["export", tmp_path, "--out", tmp_path / "out"],
        ["explain", tmp_path, tmp_path / "no such.wav"],
        ["predict", tmp_path, "--text", "yes"],
    ]
    code = WITHOUT_TORCH.format(absent=ABSENT)
    code += "from emofuse.cli.main import run; print([run(one) for one in json.loads(sys.argv[2])])"
    done = python(code, "[]", json.dumps([[str(word) for word in one] for one in commands]))
    assert done.stdout.splitlines()[-1] == str([2] * len(commands))
    lines = done.stderr.splitlines()
    assert len(lines) == len(commands)
    needing = {"an experiment", "a torch network"}
    assert {line.removeprefix("error: ").partition(" needs an")[0] for line in lines} == needing
    assert all(line.endswith(' needs an optional part: pip install "emofuse[train]"') for line in lines)
    assert not (tmp_path / "out").exists()


def test_a_box_is_explained_where_there_is_nothing_but_the_core() -> None:
    code = WITHOUT_TORCH.format(absent=ABSENT) + "from emofuse.cli.main import run; sys.exit(run(sys.argv[2:]))"
    done = python(
        code, "[]", "explain", "box-open", "--text", "I am so happy for you, this is wonderful news!", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["method"] == "occlusion"
    strongest = sorted(said["words"], key=lambda word: -word["attribution"])[:2]
    assert {word["text"] for word in strongest} == {"happy", "wonderful"}
