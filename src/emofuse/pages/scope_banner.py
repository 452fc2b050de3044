"""What a model is for, as every page with predictions shows it above all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_DEMONSTRATION = re.compile(r"\bdemo(nstration)?\b", re.IGNORECASE)


@dataclass(frozen=True)
class ScopeBanner:
    """What a model is for, in a sentence; empty where the model does not say."""

    kind: Literal["unknown", "demonstration", "stated"]
    sentence: str = ""

    @classmethod
    def of(cls, scope: str | None) -> ScopeBanner:
        """Return the banner of a scope as the model states it.

        >>> ScopeBanner.of("German calls")
        ScopeBanner(kind='stated', sentence='German calls.')
        """
        if scope is None:
            return cls("unknown")
        sentence = scope[:1].upper() + scope[1:].rstrip(".") + "."
        return cls("demonstration" if _DEMONSTRATION.search(scope) else "stated", sentence)
