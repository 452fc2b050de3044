"""How the source is laid out: which way imports point, and how large things may be."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping

import pytest
from source_tree import (
    ROOT,
    Module,
    body_lines,
    box_tools,
    import_graph,
    is_typer_command,
    package_graph,
    package_modules,
    parameters,
    rings,
)

MODULES = package_modules()
TOOLS = box_tools()
MOST_MODULES, MOST_LINES, MOST_BODY_LINES, MOST_PARAMETERS = 22, 270, 40, 8
# Each reader of a corpus is a module of its own, so this folder grows with the corpora.
GROWING = "emofuse.data.corpora"
SHARED_NAMES = {"__init__", "page", "formats"}


def levels() -> dict[str, int]:
    """Return how high each room stands, by the contract that import-linter reads."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return {room.strip(): height for height, rooms in enumerate(reversed(layers)) for room in rooms.split("|")}


def room(name: str) -> str:
    return ".".join(name.split(".")[:2])


def test_a_ring_is_found_wherever_the_import_stands() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"f"}, "f": {"e"}}
    assert rings(graph) == [["b", "c"], ["e", "f"]]


def test_no_modules_import_each_other_in_a_ring() -> None:
    assert rings(package_graph()) == []


def test_no_tools_of_the_box_import_each_other_in_a_ring() -> None:
    assert rings(import_graph(TOOLS)) == []


def test_every_room_has_a_place_in_the_layers() -> None:
    outside = {"emofuse", "emofuse.__main__"}  # the door and the command, above all rooms
    assert {room(name) for name in MODULES} - outside == set(levels())


def test_no_import_points_upwards() -> None:
    height = levels()
    upward = [
        f"{name} imports {other}"
        for name, imported in package_graph().items()
        for other in sorted(imported)
        if room(name) in height
        and room(other) != room(name)
        and height.get(room(other), 0) >= height[room(name)]
        and other != "emofuse"
    ]
    assert upward == []


def test_no_folder_holds_too_many_modules() -> None:
    counts = Counter(name if module.is_package else name.rpartition(".")[0] for name, module in MODULES.items())
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES and folder != GROWING} == {}


@pytest.mark.parametrize("modules", [MODULES, TOOLS], ids=["package", "tools"])
def test_no_module_is_too_long(modules: Mapping[str, Module]) -> None:
    lines = {name: len(module.text.splitlines()) for name, module in modules.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("modules", [MODULES, TOOLS], ids=["package", "tools"])
def test_no_function_is_too_long(modules: Mapping[str, Module]) -> None:
    lines = {
        f"{name}.{function.name}": body_lines(function)
        for name, module in modules.items()
        for function in module.functions()
    }
    assert {name: count for name, count in lines.items() if count > MOST_BODY_LINES} == {}


@pytest.mark.parametrize("modules", [MODULES, TOOLS], ids=["package", "tools"])
def test_no_function_but_a_command_takes_too_many_parameters(modules: Mapping[str, Module]) -> None:
    counts = {
        f"{name}.{function.name}": len(parameters(function))
        for name, module in modules.items()
        for function in module.functions()
        if not is_typer_command(function)
    }
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


def test_no_two_modules_have_one_name() -> None:
    places = defaultdict(list)
    for name, module in MODULES.items():
        places[module.path.stem].append(name)
    assert {stem: names for stem, names in places.items() if len(names) > 1 and stem not in SHARED_NAMES} == {}


@pytest.mark.parametrize("modules", [MODULES, TOOLS], ids=["package", "tools"])
def test_every_parameter_and_every_return_has_a_type(modules: Mapping[str, Module]) -> None:
    untyped = [
        f"{name}.{function.name}"
        for name, module in modules.items()
        for function in module.functions()
        if function.returns is None or any(one.annotation is None for one in parameters(function))
    ]
    assert untyped == []
