"""Pictures that are files and nothing more, for tests of runs; what is drawn has tests of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

EMPTY = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<svg></svg>"}


@contextmanager
def no_drawing() -> Iterator[None]:
    """Write empty pictures instead of drawings: the first bytes of a PNG, or an SVG element."""
    from matplotlib.figure import Figure

    def save(figure: Figure, target: Path | BinaryIO, **settings: Any) -> None:
        _write(None, None, target, settings["format"])

    # Those of runs are not even drawn.
    with patch.object(Figure, "savefig", save), patch("emofuse.evaluation.pictures.write_figure", _write):
        yield


def _write(draw: Any, size: Any, target: Path | BinaryIO, kind: str) -> None:
    content = EMPTY[kind]
    if isinstance(target, Path):
        target.write_bytes(content)
    else:
        target.write(content)
