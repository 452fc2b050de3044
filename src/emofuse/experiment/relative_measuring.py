"""What relative predictions need of a trained model: its head, and the moments of its training part."""

from __future__ import annotations

from emofuse.data.relative_parts import RelativeParts
from emofuse.data.speaker_statistics import FEWEST, Moments
from emofuse.experiment.speaker_norm import pooled_vectors
from emofuse.model.fusion import LateFusion
from emofuse.model.network import EmotionModel
from emofuse.training.loader import PreparedPart

# So many utterances, evenly over the training part, tell its moments well enough.
MOST_MEASURED = 2_048


def measure_relative(model: EmotionModel, part: PreparedPart, micro_seconds: float) -> RelativeParts | None:
    """Return the head of a network, and the moments of what it gets of the sound of a training part.

    Args:
        model: in evaluation mode, on the device where it computes.
        part: the training part.
        micro_seconds: how much sound is computed at once.

    Returns:
        None for a network that takes no sound or has two heads, and where too few utterances have sound.
    """
    config, whole = model.config, model.config.modalities
    if "audio" not in whole or isinstance(model.fusion, LateFusion):
        return None
    head = model.fusion.head.as_arrays()
    measured = {}
    if len(whole) == 1:
        measured["audio"] = (part, head.width)
    elif config.fusion != "cross-attention" or config.residual or config.asks == "text":
        # The first half is the sound's own; without a residual, attention puts the values of words there.
        measured["+".join(whole)] = (part.of_pattern(whole), head.width // 2)
    if len(whole) > 1 and config.missing_modalities:
        measured["audio"] = (part.only("audio"), head.width)  # both halves are made of sound alone
    trained = {}
    for pattern, (utterances, width) in measured.items():
        some = utterances.sample(MOST_MEASURED)
        if len(some) >= FEWEST:
            trained[pattern] = Moments.of(pooled_vectors(model, some, micro_seconds)[:, :width])
    return RelativeParts(head, trained) if trained else None
