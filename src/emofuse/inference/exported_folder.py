"""An exported folder: what stands beside the graph, so that it can be used without what made it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter, ValidationError

from emofuse import layout
from emofuse.errors import CheckpointError, brief_message
from emofuse.types import Modality, Task
from emofuse.untrusted.json_text import read_json

Precision = Literal["float32", "int8"]
# Changes when a folder of today could no longer be read.
FORMAT = 1


@dataclass(frozen=True)
class Exported:
    """What `export.json` says.

    Attributes:
        task: labels and dimensions, in the order of the graph's outputs.
        modalities: what the graph takes.
        missing_modalities: whether it was trained with modalities taken away.
        precision: of the graph's weights and matrix products.
        source: `name` of the model folder it was made from, and of `parameters` how many it has.
        parity: the difference between the graph and torch, measured at export.
        versions: of what made it.
        format: of this record.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    task: Task
    modalities: tuple[Modality, ...]
    missing_modalities: bool
    precision: Precision
    source: dict[str, Any] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        """Write `export.json`."""
        layout.write_json(folder / layout.EXPORT, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Exported:
        """Read what `save` wrote.

        Raises:
            CheckpointError: the file is damaged, or of another version of emofuse.
        """
        path = folder / layout.EXPORT
        try:
            record = read_json(path)
            if isinstance(record, dict) and record.get("format") != FORMAT:
                raise CheckpointError(
                    f"{path}: is of format {record.get('format')}, this emofuse reads {FORMAT}; export again"
                )
            return _RECORD.validate_python(record)
        except (OSError, ValueError, ValidationError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                f"{path}: is not the record of an export ({brief_message(error)}); export the model again"
            ) from error


_RECORD: TypeAdapter[Exported] = TypeAdapter(Exported)
