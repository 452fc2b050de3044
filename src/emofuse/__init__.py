"""Emotion recognition from what is said and how it is said, with numbers that can be trusted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from emofuse.privacy import turn_telemetry_off
from emofuse.seal import seal_if_asked

if TYPE_CHECKING:
    from emofuse.config import Recipe, load_recipe
    from emofuse.data.audit import audit
    from emofuse.data.manifest import load_corpus, save_corpus
    from emofuse.data.splits import make_folds
    from emofuse.experiment.crossval import cross_validate
    from emofuse.experiment.train import train
    from emofuse.inference.choice.chosen_models import ChosenModel
    from emofuse.inference.evaluate import evaluate
    from emofuse.inference.export import export
    from emofuse.inference.recognizer import EmotionRecognizer, load
    from emofuse.model.configuration import EmotionConfig
    from emofuse.model.network import EmotionModel
    from emofuse.model.processor import EmotionProcessor
    from emofuse.types import Corpus, Fold, Prediction, Task, Utterance

__version__ = "0.1.0"

turn_telemetry_off()  # before any module of ours imports a library
seal_if_asked()

# Public name -> the module that has it. Loaded when first asked for, so that `import emofuse` stays fast and
# a torch-free install can use what needs no torch.
_DOOR = {
    "ChosenModel": "emofuse.inference.choice.chosen_models",
    "Corpus": "emofuse.types",
    "EmotionConfig": "emofuse.model.configuration",
    "EmotionModel": "emofuse.model.network",
    "EmotionProcessor": "emofuse.model.processor",
    "EmotionRecognizer": "emofuse.inference.recognizer",
    "Fold": "emofuse.types",
    "Prediction": "emofuse.types",
    "Recipe": "emofuse.config",
    "Task": "emofuse.types",
    "Utterance": "emofuse.types",
    "audit": "emofuse.data.audit",
    "cross_validate": "emofuse.experiment.crossval",
    "evaluate": "emofuse.inference.evaluate",
    "export": "emofuse.inference.export",
    "load": "emofuse.inference.recognizer",
    "load_corpus": "emofuse.data.manifest",
    "load_recipe": "emofuse.config",
    "make_folds": "emofuse.data.splits",
    "save_corpus": "emofuse.data.manifest",
    "train": "emofuse.experiment.train",
}

__all__ = [
    "ChosenModel",
    "Corpus",
    "EmotionConfig",
    "EmotionModel",
    "EmotionProcessor",
    "EmotionRecognizer",
    "Fold",
    "Prediction",
    "Recipe",
    "Task",
    "Utterance",
    "__version__",
    "audit",
    "cross_validate",
    "evaluate",
    "export",
    "load",
    "load_corpus",
    "load_recipe",
    "make_folds",
    "save_corpus",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"module 'emofuse' has no attribute {name!r}")
    value = getattr(import_module(_DOOR[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
