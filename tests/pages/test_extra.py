"""A missing package of the extra is named with the command that installs it."""

from __future__ import annotations

import sys

import pytest

from emofuse.errors import MissingExtraError
from emofuse.pages.extra import PagesPackage, require_package


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_package_is_refused_with_the_command(
    monkeypatch: pytest.MonkeyPatch, package: PagesPackage
) -> None:
    require_package(package, "a page")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtraError, match=r'^a page needs an optional part: pip install "emofuse\[pages\]"$'
    ):
        require_package(package, "a page")


def test_both_packages_are_in_the_extra() -> None:
    import tomllib
    from pathlib import Path
    from typing import get_args

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extra = {requirement.split(">")[0] for requirement in project["optional-dependencies"]["pages"]}
    assert extra == set(get_args(PagesPackage))
    assert all(any(r.startswith(name) for r in project["optional-dependencies"]["train"]) for name in extra)
