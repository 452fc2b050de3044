"""Figures: the same bytes for the same data, text as text, and no version of matplotlib."""

from __future__ import annotations

import base64
import io
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from emofuse.errors import MissingExtraError
from emofuse.pages.figures import FigureKind, svg_data_url, write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (3.0, 2.0)


def draw(figure: Figure) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 1], [1, 0])
    axes.set_title("Ann $x^$ 李")


def written(kind: FigureKind) -> bytes:
    file = io.BytesIO()
    write_figure(draw, SIZE, file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_data_gives_the_same_bytes(kind: FigureKind, tmp_path: Path) -> None:
    write_figure(draw, SIZE, tmp_path / "figure", kind)
    assert (tmp_path / "figure").read_bytes() == written(kind) == written(kind)


def test_a_png_names_no_program() -> None:
    assert written("png").startswith(b"\x89PNG")
    assert b"Matplotlib" not in written("png")


def test_an_image_keeps_text_as_text() -> None:
    with warnings.catch_warnings(action="error"):
        kind, _, data = svg_data_url(draw, SIZE).partition(",")
    assert kind == "data:image/svg+xml;base64"
    image = ElementTree.fromstring(base64.b64decode(data))
    assert "Ann $x^$ 李" in ["".join(text.itertext()) for text in image.iter()]


def test_without_matplotlib_a_figure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"emofuse\[pages\]"):
        svg_data_url(draw, SIZE)
