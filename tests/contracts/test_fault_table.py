"""The table of faults: each cell names tests that exist, or reasons why it cannot occur."""

from __future__ import annotations

import re

from source_tree import ROOT

FAULTS = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


MATRIX, TESTS, REASONS = (rows(part) for part in re.split(r"^## (?:Tests|Reasons)$", FAULTS, flags=re.MULTILINE))
NAMED = {name: what for name, what in TESTS + REASONS if name}


def test_every_cell_names_a_test_or_a_reason() -> None:
    heading, *operations = MATRIX
    assert len(operations) == 10
    assert {len(row) for row in operations} == {len(heading)}
    cells = [cell.split() for row in operations for cell in row[1:]]
    assert all(cells)
    used = {name for cell in cells for name in cell}
    assert used == set(NAMED)


def test_every_test_that_is_named_exists() -> None:
    for name, what in TESTS:
        found = re.match(r"`(tests/[\w/]+\.py)::(\w+)`", what)
        if name:
            assert found, what
            assert f"\ndef {found[2]}(" in (ROOT / found[1]).read_text(encoding="utf-8"), what
