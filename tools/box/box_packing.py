"""Pack a box: a model folder in half precision, an exported one in 8 bits, calibration, scope and card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from box_card import box_card
from licences import LICENCES
from safetensors.torch import load_file, save_file

from emofuse import layout
from emofuse.evaluation.calibration import Calibration
from emofuse.inference.export import export
from emofuse.types import Corpus

SCOPE = "a demonstration model, trained on acted speech and on sentences never spoken in it; not for decisions"
# What its sentences are in.
TEXT_LANGUAGES = ("en",)
# Which judged system tells the temperature of which pattern.
PATTERNS = {"audio+text": "fusion", "audio": "fusion, text missing", "text": "fusion, audio missing"}
# No more than this, both forms together.
LARGEST_BYTES = 25 * 2**20


def pack(name: str, fusion: Path, target: Path, figures: dict[str, Any], sample: Corpus) -> dict[str, Any]:
    """Put a trained fusion into a box.

    Args:
        name: of the box.
        fusion: the run folder of the fusion.
        target: the box's folder; what stands there is replaced.
        figures: what the card tells, see `box_card`; "calibration" is those of the judged fusion.
        sample: utterances like those that it will get, for the scales of 8 bits.

    Returns:
        Sizes, and how far 8 bits are from the model.
    """
    shutil.rmtree(target, ignore_errors=True)
    model = target / layout.MODEL
    shutil.copytree(fusion / layout.MODEL, model)
    _halve(model / layout.WEIGHTS)
    _forget_places(model / layout.CONFIG)
    licence = LICENCES[name]
    scope = {"scope": SCOPE, "licence": licence.name, "text_languages": list(TEXT_LANGUAGES)}
    layout.write_json(model / layout.SCOPE, scope)
    layout.write_json(model / layout.CALIBRATION, _calibration(model, figures["calibration"]).as_dict())
    layout.write_text(model / layout.CARD, box_card(name, licence, SCOPE, figures))
    parity = export(model, target / layout.BOX_EXPORTED, int8=True, sample=sample)
    about = scope | {"name": name, "licence_url": licence.url, "sources": list(licence.sources)}
    layout.write_json(target / layout.BOX, about)
    total = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    if total > LARGEST_BYTES:
        raise SystemExit(f"{target}: {total} bytes are more than a box may hold ({LARGEST_BYTES})")
    return {"bytes": total, "parity": parity}


def _halve(path: Path) -> None:
    """Write the weights in half precision."""
    weights = {
        name: value.half() if value.is_floating_point() else value for name, value in load_file(path).items()
    }
    save_file(weights, path, {"format": "pt"})


def _forget_places(path: Path) -> None:
    """Leave out of a configuration where on a machine its encoders came from."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for part in ("audio_encoder", "text_encoder"):
        config[part].pop("_name_or_path", None)
    layout.write_json(path, config)


def _calibration(model: Path, judged: dict[str, Any]) -> Calibration:
    """Return the calibration that the judged fusion taught, with the priors of this one."""
    own = Calibration.from_dict(json.loads((model / layout.CALIBRATION).read_text(encoding="utf-8")))
    temperatures = {pattern: judged["temperatures"][system] for pattern, system in PATTERNS.items()}
    return Calibration(
        temperatures=temperatures,  # type: ignore[arg-type]  # the keys are patterns
        threshold=judged["abstention"]["fusion"]["threshold"],
        priors=own.priors,
        smoothing=judged["smoothing"],
    )
