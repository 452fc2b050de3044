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
    """Let matplotlib write an empty picture instead of a drawing: the first bytes of a PNG, or an SVG element."""
    from matplotlib.figure import Figure

    with patch.object(Figure, "savefig", _save):
        yield


def _save(figure: Any, target: Path | BinaryIO, **settings: Any) -> None:
    content = EMPTY[settings["format"]]
    if isinstance(target, Path):
        target.write_bytes(content)
    else:
        target.write(content)
