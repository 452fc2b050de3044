"""Cross-modal attention as a page shows it: words by moments, or a sentence why there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emofuse import layout
from emofuse.data.preparation import Item
from emofuse.errors import CheckpointError, brief_message
from emofuse.inference.explain.explained_model import ExplainedModel
from emofuse.inference.explain.explanation import Attention, Matrix
from emofuse.inference.explain.moments import shares
from emofuse.inference.explain.word_spans import TokenizedText
from emofuse.types import Modality
from emofuse.types.arrays import Float64Array
from emofuse.untrusted.bounded_files import read_text
from emofuse.untrusted.yaml_text import parse_yaml

ONE_MODALITY = "there is no map: attention between audio and text needs both"
NO_NETWORK = "there is no map: exported models and models of others do not output their attention"
NO_ATTENTION = "there is no map: the model's fusion has no cross-modal attention"
NOT_SPOKEN = (
    "the map is withheld: the model was trained on texts that were not spoken in its recordings, so attention "
    "between words and moments has no meaning"
)
UNKNOWN = (
    "the model's card does not state whether its training texts were spoken in its recordings: if they were not, "
    "this map has no meaning"
)
SPOKEN = "the model was trained on texts that were spoken in its recordings"
# What the card of a model folder says of that, in its head.
KEY = "text_spoken"


def attention_of(
    explained: ExplainedModel, reading: TokenizedText | None, item: Item, sound: tuple[float, int]
) -> Attention:
    """Return the attention of an utterance, both ways, or why it is not shown.

    Args:
        explained: the model.
        reading: the text as the model reads it.
        item: the utterance as the model gets it.
        sound: seconds that were cut before the first sound, and moments of the recording.
    """
    audio = explained.preparation.audio
    if reading is None or item.values is None or audio is None:
        return Attention(None, None, ONE_MODALITY)
    if explained.network is None:
        return Attention(None, None, NO_NETWORK)
    from emofuse.inference.explain.attention_maps import attention_maps, attentions_of

    if not attentions_of(explained.network):
        return Attention(None, None, NO_ATTENTION)
    spoken = text_spoken(explained.folder)
    if spoken is False:
        return Attention(None, None, NOT_SPOKEN)
    weights = attention_maps(explained.network, explained.preparation.collate([item]))
    seconds = len(item.values) / audio.steps_per_second
    maps = {
        modality: by_word_and_moment(modality, one, reading.members(), (sound[0], seconds, sound[1]))
        for modality, one in weights.items()
    }
    return Attention(maps.get("text"), maps.get("audio"), SPOKEN if spoken else UNKNOWN)


def by_word_and_moment(
    modality: Modality, weights: Float64Array, members: Float64Array, sound: tuple[float, float, int]
) -> Matrix:
    """Bring attention to words by moments.

    Args:
        modality: of the queries.
        weights: (queries, keys); rows sum to 1.
        members: which pieces belong to which word, (words, pieces).
        sound: seconds before the first frame, seconds of all frames, moments of the recording.

    Returns:
        The share of its attention that each word gives to each moment or, where sound has the queries, each moment
        to each word. Queries are averaged, keys are summed. A moment outside the input has zeros.
    """
    start, seconds, count = sound
    frames = weights.shape[0 if modality == "audio" else 1]
    inside = shares(frames, start, seconds, count)
    if modality == "text":
        mean = members / members.sum(axis=1, keepdims=True)
        table = mean @ weights @ inside
    else:
        mean = inside / np.maximum(inside.sum(axis=0), 1e-12)
        table = members @ weights.T @ mean
    return tuple(tuple(map(float, row)) for row in table)


def text_spoken(folder: Path) -> bool | None:
    """Return whether the training texts were spoken in the recordings; None if it is not known.

    Raises:
        CheckpointError: the head of the model's card is not YAML.
    """
    card = folder / layout.CARD
    if not card.is_file():
        return None
    try:
        first, _, rest = read_text(card).partition("\n")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{card}: cannot be read ({brief_message(error)}); copy the model again") from error
    head, end, _ = rest.partition("\n---")
    if first.strip() != "---" or not end:
        return None
    try:
        facts = parse_yaml(head)
    except ValueError as error:
        raise CheckpointError(
            f"{card}: its head is not YAML ({brief_message(error)}); mend it, or copy the model again"
        ) from error
    value = facts.get(KEY) if isinstance(facts, dict) else None
    return value if isinstance(value, bool) else None
