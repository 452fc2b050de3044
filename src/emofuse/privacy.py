"""Nothing leaves the machine: the telemetry of the libraries in use is off, and they write into our cache only."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

# Environment variable -> the value that turns something off that a library would send unasked. The libraries
# read them when they are imported, and processes that are started inherit them.
TELEMETRY_OFF: Mapping[str, str] = {
    # ONNX Runtime: events to a collector of Microsoft, and an identifier of the device in the home folder.
    "ORT_DISABLE_TELEMETRY": "1",
    # huggingface_hub and transformers: usage statistics, and details of the machine in every request.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # datasets: a request that counts each loaded dataset.
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    # transformers: asks a service to convert the weights of a model that is not stored as safetensors.
    "DISABLE_SAFETENSORS_CONVERSION": "1",
}


# Stands for a word that is not shown; so does not its length.
MASK = "•••"
_QUOTED = re.compile(r"""(?<!\w)'[^']*'(?!\w)|"[^"]*\"""")


def mask_words(text: str) -> str:
    """Return a text with a mask in place of each word.

    >>> mask_words("I said no.")
    '••• ••• •••'
    """
    return " ".join(MASK for _ in text.split())


def mask_quotes(message: str) -> str:
    """Return a message with a mask in place of everything that it quotes: that may be spoken words.

    >>> mask_quotes("words.csv, line 2: 'he said no' is no time")
    "words.csv, line 2: '•••' is no time"
    """
    return _QUOTED.sub(f"'{MASK}'", message)


def turn_telemetry_off(environment: MutableMapping[str, str] = os.environ) -> None:
    """Turn off what libraries send unasked, unless the environment says otherwise.

    It has an effect only on libraries that are imported afterwards.
    """
    for name, value in TELEMETRY_OFF.items():
        if not environment.get(name):
            environment[name] = value


def telemetry_left_on(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the variables that the user has set to something else than what turns telemetry off."""
    off = {"1": {"1", "true", "yes", "on"}, "0": {"0", "false", "no", "off"}}
    return [
        name
        for name, value in TELEMETRY_OFF.items()
        if environment.get(name, "").strip().lower() not in off[value]
    ]


def keep_fonts_in(folder: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Let matplotlib keep its list of fonts in a folder, unless the environment names another one.

    It has an effect only before matplotlib is imported.
    """
    environment.setdefault("MPLCONFIGDIR", str(folder))
