"""A cache of prepared audio, in memory; for training also of altered copies of recordings, on disk."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from emofuse.config import AlterRecipe
from emofuse.data.cache import ArrayCache, file_digest, key_of
from emofuse.data.preparation import AudioPreparation
from emofuse.errors import AudioError
from emofuse.sound.augmentation import alter, load_alterations
from emofuse.sound.clips import Clip, read_clip
from emofuse.sound.features import trim_silence
from emofuse.types import Utterance
from emofuse.types.arrays import Float32Array

# Bytes of prepared audio that are held in memory.
MEMORY_LIMIT_BYTES = 2 << 30
# Version of the code that makes copies; and the recipe keys on which no copy depends.
PRODUCER = 1
IRRELEVANT_KEYS = {"copies", "untouched", "noises", "rooms"}

Alterer: TypeAlias = Callable[[Clip, np.random.Generator], Clip]
# File, span and preparation; of a copy also its number, and the utterance whose id it was drawn by.
_Key: TypeAlias = tuple[Path, float | None, float | None, AudioPreparation, int, str]


def audio_cache_for(recipe: AlterRecipe) -> AudioCache:
    """Return a cache that makes a recipe's altered copies, and keeps them on disk for other runs.

    Raises:
        RecipeError, AudioError: a folder of noises or rooms cannot be used.
    """
    if not recipe.copies:
        return AudioCache()
    how = load_alterations(recipe)
    mixed_in = [
        [hashlib.sha256(clip.samples.tobytes()).hexdigest() for clip in part] for part in (how.noises, how.rooms)
    ]
    identity = key_of(producer=PRODUCER, recipe=recipe.model_dump(exclude=IRRELEVANT_KEYS), heard=mixed_in)
    return AudioCache(alterer=lambda clip, rng: alter(clip, how, rng), identity=identity)


class AudioCache:
    """Prepared audio by its file and span; the least recently used are dropped beyond `limit` bytes.

    Shared by the jobs of a cross-validation, so that a clip is decoded once for all folds, seeds and systems.
    Copies are made by `alterer`, and kept in half precision; on disk too with an `identity`: a key of all
    that they depend on.
    """

    def __init__(
        self, limit: int = MEMORY_LIMIT_BYTES, alterer: Alterer | None = None, identity: str | None = None
    ) -> None:
        self._limit, self._alterer, self.identity = limit, alterer, identity
        self._disk = ArrayCache("copies")
        self._held: OrderedDict[_Key, npt.NDArray[np.floating[Any]]] = OrderedDict()
        self._bytes = 0

    def __call__(self, utterance: Utterance, preparation: AudioPreparation, copy: int = 0) -> Float32Array | None:
        """Return the input of the audio encoder for an utterance; None where it has no audio.

        Args:
            utterance: whose audio is prepared.
            preparation: of the network.
            copy: 0 for the recording as it is, else the number of an altered copy: the same one in every fold,
                seed, run and process.

        Raises:
            AudioError: the recording cannot be used.
        """
        audio = utterance.audio
        if audio is None:
            return None
        drawn_by = utterance.id if copy else ""
        key = (audio, utterance.start, utterance.end, preparation, copy, drawn_by)
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key].astype(np.float32, copy=False)
        values = (
            self._copy(audio, utterance, preparation, copy)
            if copy
            else preparation(_read(audio, utterance, preparation))
        )
        self._keep(key, values)
        return values.astype(np.float32, copy=False)

    def _copy(
        self, audio: Path, utterance: Utterance, preparation: AudioPreparation, copy: int
    ) -> npt.NDArray[np.float16]:
        """Return an altered copy, prepared, from the disk if it is there."""
        key = None if self.identity is None else self._disk_key(audio, utterance, preparation, copy)
        held = None if key is None else self._disk.get(key)
        if held is not None:
            return held["values"]
        assert self._alterer is not None  # a recipe with copies has its cache made with one
        clip = _read(audio, utterance, preparation)
        if preparation.trim:  # else noise would fill up what is cut off without it
            clip = Clip(trim_silence(clip.samples, clip.rate), clip.rate)
        values = preparation(self._alterer(clip, _generator(utterance.id, copy))).astype(np.float16)
        if key is not None:
            self._disk.put(key, {"values": values})
        return values

    def _disk_key(self, audio: Path, utterance: Utterance, preparation: AudioPreparation, copy: int) -> str:
        try:
            digest = file_digest(audio)
        except OSError as error:
            raise AudioError(f"{audio}: cannot be read ({error.strerror})") from error
        return key_of(
            identity=self.identity,
            audio=digest,
            span=[utterance.start, utterance.end],
            preparation=asdict(preparation),
            drawn=[utterance.id, copy],
        )

    def _keep(self, key: _Key, values: npt.NDArray[np.floating[Any]]) -> None:
        self._held[key] = values
        self._bytes += values.nbytes
        while self._bytes > self._limit:
            self._bytes -= self._held.popitem(last=False)[1].nbytes


def _read(audio: Path, utterance: Utterance, preparation: AudioPreparation) -> Clip:
    return read_clip(audio, utterance.start, utterance.end, preparation.rate)


def _generator(identity: str, copy: int) -> np.random.Generator:
    """Return the random generator of a copy of an utterance."""
    digest = hashlib.sha256(identity.encode()).digest()
    return np.random.default_rng([int.from_bytes(digest[:8], "big"), copy])
