"""A model folder: written whole or not at all, read completely, or a `CheckpointError`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emofuse import layout
from emofuse.data.preparation import Preparation
from emofuse.errors import CheckpointError, MissingExtraError, RecipeError, brief_message
from emofuse.model.encoder_wrappers import input_width
from emofuse.model.network import EmotionModel
from emofuse.types import MODALITIES


@dataclass(frozen=True)
class Checkpoint:
    """A network and the preparation of its inputs."""

    model: EmotionModel
    preparation: Preparation


def save_checkpoint(checkpoint: Checkpoint, folder: Path, card: Callable[[Path], None] | None = None) -> None:
    """Write a model folder whole or not at all; an older one there is replaced.

    Args:
        checkpoint: what to save.
        folder: its place.
        card: writes the model's card into a folder.

    Raises:
        RunError: the folder cannot be written.
    """
    with layout.writing_folder(folder, replace=True) as temporary:
        checkpoint.model.save_pretrained(temporary, local=True)
        checkpoint.preparation.save(temporary)
        if card is not None:
            card(temporary)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a model folder.

    Raises:
        CheckpointError: a file is missing or damaged, or weights are missing, left over or of another shape.
    """
    if not layout.is_model_folder(folder):
        raise CheckpointError(f"{folder}: is not a model folder, it has no {layout.CONFIG}")
    checkpoint = Checkpoint(load_model(folder), Preparation.load(folder))
    _refuse_other_preparation(folder, checkpoint)
    return checkpoint


def load_model(folder: Path) -> EmotionModel:
    """Read the network of a model folder.

    Raises:
        CheckpointError: the weights do not fit the configuration, a file is damaged, or an encoder that the
            folder refers to cannot be had.
    """
    try:
        network: EmotionModel = EmotionModel.from_pretrained(folder, local_files_only=True)
        network.config.task  # noqa: B018  # its labels are numbered without a gap
    except (CheckpointError, MissingExtraError, RecipeError):
        raise
    except Exception as error:  # whatever a configuration of a stranger makes the layers of a network raise
        raise CheckpointError(
            f"{folder}: cannot be loaded ({brief_message(error)}); save or copy it again"
        ) from error
    return network.eval()


def _refuse_other_preparation(folder: Path, checkpoint: Checkpoint) -> None:
    """Refuse settings and a vocabulary that are not those of the network."""
    config, preparation = checkpoint.model.config, checkpoint.preparation
    made = {"audio": preparation.audio is not None, "text": preparation.text is not None}
    prepared = tuple(modality for modality in MODALITIES if made[modality])
    place, remedy = folder / layout.PREPARATION, "save or copy the model again"
    if not {*config.modalities} <= {*prepared}:  # what is prepared beside them is ignored
        raise CheckpointError(
            f"{place}: prepares {' and '.join(prepared) or 'nothing'}, and its network takes "
            f"{' and '.join(config.modalities)}; {remedy}"
        )
    if preparation.audio is not None and config.audio_encoder is not None:
        width, wanted = preparation.audio.width, input_width(config.audio_encoder)
        if width != wanted:
            raise CheckpointError(
                f"{place}: makes {width} values a frame, and the encoder takes {wanted} values; {remedy}"
            )
    if preparation.text is not None and config.text_encoder is not None:
        known, most = config.text_encoder.vocab_size, preparation.text.most_pieces
        if most > known:
            raise CheckpointError(
                f"{folder / layout.TOKENIZER}: numbers its pieces up to {most:,}, and the encoder knows "
                f"{known:,}; {remedy}"
            )
