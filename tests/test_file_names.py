"""Names of files that are no text: kept in JSON, shown everywhere else."""

from __future__ import annotations

import json
import os

from emofuse.file_names import escaped_json, shown_name

LATIN = os.fsdecode(b"caf\xe9.wav")


def test_json_keeps_the_bytes_of_a_name() -> None:
    document = escaped_json(json.dumps({"audio": LATIN}, ensure_ascii=False))
    assert document.isascii()
    assert os.fsencode(json.loads(document)["audio"]) == b"caf\xe9.wav"


def test_elsewhere_a_byte_is_shown() -> None:
    assert shown_name(LATIN) == "caf\\xe9.wav"
    assert shown_name("\ud800") == "\\ud800"
    assert shown_name("café.wav") == "café.wav"


def test_bytes_of_utf_8_are_characters_in_any_locale() -> None:
    posix = "café.wav".encode().decode("ascii", "surrogateescape")
    assert shown_name(posix) == "café.wav"
    assert escaped_json(f'"{posix}{LATIN}"') == '"café.wavcaf\\udce9.wav"'
