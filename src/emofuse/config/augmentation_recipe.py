"""The part of a recipe on altered copies of the training recordings."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, model_validator

from emofuse.config.value_types import Strict

Probability: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]


class AlterRecipe(Strict):
    """How many altered copies of each training recording there are, and how often which alteration is made.

    A training draw takes the unaltered recording with probability `untouched`, else one of the `copies` (0: no
    alteration). `noises` and `rooms` are folders: recordings of noise (without them, noise is white) and
    impulse responses of rooms (without them, no reverberation). Of `low_pass`, `telephone`, `mu_law` and `opus`
    a copy has one at most. See `emofuse.sound.augmentation`.
    """

    copies: Annotated[int, Field(ge=0, le=1000)] = 0
    untouched: Probability = 0.25
    noises: Annotated[str, Field(min_length=1)] | None = None
    rooms: Annotated[str, Field(min_length=1)] | None = None
    speed: Probability = 0.85
    room: Probability = 0.2
    noise: Probability = 0.4
    low_pass: Probability = 0.2
    telephone: Probability = 0.1
    mu_law: Probability = 0.1
    opus: Probability = 0.35
    gain: Probability = 0.5

    @model_validator(mode="after")
    def _one_line(self) -> AlterRecipe:
        if self.low_pass + self.telephone + self.mu_law + self.opus > 1.0 + 1e-9:
            raise ValueError("low_pass, telephone, mu_law and opus exclude one another: together at most 1")
        return self
