"""References to encoders: what a model folder writes down of an encoder whose weights it does not hold.

`config.json` names the encoder and the hash of its weights. Where it is a folder on this machine, its path stands
in a file of its own, which is for this machine only: nothing shows it, and nothing that is published has it.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofuse import layout
from emofuse.errors import CheckpointError, brief_message
from emofuse.hub.snapshots import Source
from emofuse.untrusted.json_text import read_json_object

# A model on the Hub or in the box, a folder, or a revision: words with at most slashes between them.
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")
# So many digits of a hash tell weights apart on a terminal.
SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Reference:
    """An encoder that a model folder names instead of holding it, with the hash of its weights.

    Attributes:
        name: on the Hub or in the box, or of a folder, without its path.
        revision: on the Hub.
        sha256: of the weights.
        folder: the whole path of a folder on this machine; None for a name on the Hub or in the box.
    """

    name: str
    revision: str | None
    sha256: str
    folder: Path | None = None

    @classmethod
    def read(cls, folder: Path, key: str, values: Mapping[str, Any]) -> Reference:
        """Read a reference of a model folder.

        Args:
            folder: the model folder.
            key: "audio" or "text".
            values: the reference as `config.json` holds it.

        Raises:
            CheckpointError: it names neither a folder nor a model of the Hub or the box, or the place of the
                folder is not written down.
        """
        given = dict(values)
        local = given.pop("local", False)
        try:
            reference = cls(**given)
            name = Path(reference.name).name if Path(reference.name).is_absolute() else reference.name
            hashed = isinstance(reference.sha256, str) and reference.folder is None
            fits = hashed and bool(name) and (local or name != reference.name or _NAME.fullmatch(name))
            fits = fits and _NAME.fullmatch(reference.revision or "main")
        except TypeError:
            fits = None
        if not fits:
            raise CheckpointError(
                f"{folder}: refers to an encoder by {reprlib.repr(dict(values))}; a reference has the name of a "
                "folder or a name on the Hub, a revision and a hash: copy or train the model again"
            )
        if name != reference.name:  # as models were saved up to version 0.1
            return cls(name, reference.revision, reference.sha256, Path(reference.name))
        if local:
            return cls(name, None, reference.sha256, reference._place(folder, key))
        return reference

    def _place(self, folder: Path, key: str) -> Path:
        """Return where the folder is, as the file for this machine says.

        Raises:
            CheckpointError: it does not say so.
        """
        path = folder / layout.LOCAL_ENCODERS
        try:
            place = read_json_object(path)[key] if path.is_file() else None
        except (OSError, ValueError, LookupError) as error:
            raise CheckpointError(f"{path}: cannot be read ({brief_message(error)}); write it again") from error
        if not isinstance(place, str) or not Path(place).is_absolute() or not Path(place).is_dir():
            raise CheckpointError(
                f"{folder}: its {key} encoder is the folder {self.name} with {self.identity}, which is not where "
                f'{path.name} says; put it back, or write {{"{key}": "its whole path"}} into {path}'
            )
        return Path(place)

    @property
    def source(self) -> Source:
        """Where the encoder is fetched from."""
        return Source(self.name, self.revision) if self.folder is None else Source(str(self.folder))

    @property
    def identity(self) -> str:
        """What tells it apart from others of its name."""
        revision = f"revision {self.revision}, " if self.revision else ""
        return f"{revision}SHA-256 {self.sha256[:SHOWN_DIGITS]}"

    def as_dict(self) -> dict[str, Any]:
        """Return the reference as `config.json` holds it, without the place of a folder."""
        held = {"name": self.name, "revision": self.revision, "sha256": self.sha256}
        return held if self.folder is None else held | {"local": True}


def write_places(folder: Path, places: Mapping[str, Path]) -> None:
    """Write into a model folder where the folders are that its encoders come from, for this machine only."""
    if places:
        layout.write_json(folder / layout.LOCAL_ENCODERS, {key: str(place) for key, place in places.items()})
