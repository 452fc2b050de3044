"""No cell of a table is taken for a formula, and every one is read as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emofuse.untrusted.table_cells import SIGNS, cell_text, guarded_cell


@pytest.mark.parametrize("sign", list(SIGNS))
def test_what_begins_like_a_formula_becomes_text(sign: str) -> None:
    assert guarded_cell(f"{sign}cmd|'/C calc'!A0") == f"'{sign}cmd|'/C calc'!A0"


@given(st.text(alphabet="'=+-@\t\r\nab ", max_size=8))
def test_every_text_is_read_as_it_was_written(text: str) -> None:
    guarded = guarded_cell(text)
    assert cell_text(guarded) == text
    assert guarded[:1] not in tuple(SIGNS)
