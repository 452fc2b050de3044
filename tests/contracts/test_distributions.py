"""What the two distributions would hold, under which licences, and how much an owner of recordings installs."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from source_tree import ROOT

from emofuse import layout
from emofuse.box import boxes

EMOFUSE, BOX = ROOT, ROOT / "emofuse-box"
LICENCES = {EMOFUSE: "Apache-2.0 AND CC-BY-SA-4.0", BOX: "Apache-2.0 AND CC-BY-NC-SA-4.0"}
MODELS = {EMOFUSE: ("box-open", "boxes/box-open/"), BOX: ("box", "emofuse_box/model/")}
# What the folder of a box holds where it is installed: its record, and the exported folder.
INSTALLED = {
    layout.BOX,
    *(
        f"{layout.BOX_EXPORTED}/{name}"
        for name in (
            layout.CALIBRATION,
            layout.CARD,
            layout.EXPORT,
            layout.GRAPH,
            layout.PREPARATION,
            layout.RELATIVE,
            layout.SCOPE,
            layout.TOKENIZER,
        )
    ),
}
# What an owner of recordings needs, and what is said of it in README.md.
OWNER = ("box", "media", "vad", "annotate", "pages")
# What README.md says of the install for owners and of the core, without pip.
MOST_PACKAGES, MOST_CORE_PACKAGES = 56, 39
WITHOUT_TORCH = (*OWNER, "asr", "explain")


@cache
def files(root: Path, kind: str) -> frozenset[str]:
    builder = WheelBuilder(str(root)) if kind == "wheel" else SdistBuilder(str(root))
    return frozenset(file.distribution_path for file in builder.recurse_included_files())


def project(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


@pytest.mark.parametrize("root", [EMOFUSE, BOX], ids=["emofuse", "emofuse-box"])
def test_a_wheel_holds_the_graph_of_its_box_and_no_weights_for_torch(root: Path) -> None:
    _, folder = MODELS[root]
    found = files(root, "wheel")
    assert {path.partition(folder)[2] for path in found if folder in path} == INSTALLED
    weights = [path for path in found if path.endswith((".safetensors", ".bin", ".pt"))]
    assert [path.rpartition("/")[2] for path in weights] == [layout.RELATIVE]  # it needs no torch


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_no_distribution_holds_anything_of_the_other_one(kind: str) -> None:
    assert not [path for path in files(EMOFUSE, kind) if "emofuse-box" in path or "emofuse_box" in path]
    assert not [path for path in files(BOX, kind) if "box-open" in path or "emofuse/" in path]


@pytest.mark.parametrize("root", [EMOFUSE, BOX], ids=["emofuse", "emofuse-box"])
def test_the_licences_are_those_of_the_code_and_of_the_model_with_their_texts(root: Path) -> None:
    name, _ = MODELS[root]
    about = boxes()[name].about()
    assert project(root)["license"] == LICENCES[root] == f"Apache-2.0 AND {about['licence']}"
    named = {str(path.relative_to(root)) for glob in project(root)["license-files"] for path in root.glob(glob)}
    assert f"LICENSES/{about['licence']}.txt" in named
    assert named <= files(root, "sdist")
    notice = (root / "NOTICE").read_text(encoding="utf-8")
    assert all(source in notice for source in about["sources"])
    assert all(name in notice for name in named - {"NOTICE"})


@pytest.mark.parametrize("root", [EMOFUSE, BOX], ids=["emofuse", "emofuse-box"])
def test_every_file_of_a_box_is_under_the_licence_that_its_cards_name(root: Path) -> None:
    name, folder = MODELS[root]
    licence = boxes()[name].about()["licence"]
    cards = [path for path in files(root, "sdist") if folder in path and path.endswith(layout.CARD)]
    assert len(cards) == 2
    for card in cards:
        assert f"\nlicense: {licence.lower()}\n" in (root / card).read_text(encoding="utf-8")


@pytest.mark.slow  # compresses 60 MB
@pytest.mark.parametrize("root", [EMOFUSE, BOX], ids=["emofuse", "emofuse-box"])
def test_the_archives_hold_what_was_told_of_them(root: Path, tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(root)).build(directory=str(tmp_path))
    (sdist,) = SdistBuilder(str(root)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    assert {name for name in names if ".dist-info/" not in name} == files(root, "wheel")
    assert f"\nLicense-Expression: {LICENCES[root]}\n" in metadata
    texts = {
        line.removeprefix("License-File: ") for line in metadata.splitlines() if line.startswith("License-File")
    }
    assert {name.partition(".dist-info/licenses/")[2] for name in names} - {""} == texts
    with tarfile.open(sdist) as source:
        held = {name.partition("/")[2] for name in source.getnames()}
    assert files(root, "sdist") <= held
    assert held - files(root, "sdist") <= {"PKG-INFO", "pyproject.toml", ".gitignore"}


def test_what_an_owner_installs_needs_no_torch_and_is_small() -> None:
    assert "torch" not in installed(WITHOUT_TORCH)
    assert len(installed(OWNER)) + len(("emofuse",)) <= MOST_PACKAGES
    assert len(installed(())) + len(("emofuse",)) <= MOST_CORE_PACKAGES
    assert "torch" in installed(("train",))


def installed(extras: tuple[str, ...]) -> set[str]:
    """Return the distributions that an install with these extras needs, by the metadata of those that are here."""
    found: dict[str, frozenset[str]] = {}
    optional = project(EMOFUSE)["optional-dependencies"]
    waiting = [Requirement(line) for name in extras for line in optional[name]]
    waiting += map(Requirement, project(EMOFUSE)["dependencies"])
    while waiting:
        wanted = waiting.pop()
        name, chosen = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if name in found and chosen <= found[name]:
            continue
        found[name] = found.get(name, frozenset()) | chosen
        waiting += [one for one in requirements(name) if applies(one, found[name])]
    return set(found) - {"emofuse"}


def requirements(name: str) -> list[Requirement]:
    return [Requirement(line) for line in distribution(name).requires or []]


def applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, ""))
