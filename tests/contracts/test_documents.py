"""The documents name files that exist."""

from __future__ import annotations

import re

import pytest
from source_tree import ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/parity.md")
# Where a path in a document may begin.
BEGINNINGS = (ROOT, ROOT / "src" / "emofuse", ROOT / "tools" / "box", ROOT / "src" / "emofuse" / "inference")
PATH = re.compile(r"(?<![\w/.-])[\w./-]+\.(?:py|yaml|md|txt)\b")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_named_in_a_document_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = {name for code in re.findall(r"`([^`]+)`", text) for name in PATH.findall(code)}
    made = {"recipe.yaml", "README.md"}  # files of run and model folders
    missing = [name for name in named - made if not any((place / name).exists() for place in BEGINNINGS)]
    assert not missing, f"{document} names files that do not exist: {', '.join(sorted(missing))}"


def test_a_missing_file_would_be_found() -> None:
    assert PATH.findall("see data/nowhere.py for it") == ["data/nowhere.py"]
    assert not any((place / "data/nowhere.py").exists() for place in BEGINNINGS)
