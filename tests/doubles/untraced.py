"""Torch's exporter without coverage looking on: to follow it call by call makes it two to three times as slow."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def untraced_exporter() -> Iterator[None]:
    """Pause coverage while torch writes a graph; what calls the exporter is measured as ever."""
    import torch

    export = torch.onnx.export

    def untraced(*values: Any, **settings: Any) -> Any:
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return export(*values, **settings)
        finally:
            sys.settrace(tracer)

    with patch.object(torch.onnx, "export", untraced):
        yield
