"""Names of files that are no text: kept in JSON, shown everywhere else."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

from emofuse.file_names import escaped_json, found_path, shown_name

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


def test_a_path_is_found_however_it_is_written(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    (tmp_path / decomposed).mkdir()
    file = tmp_path / decomposed / f"{composed}.wav"
    file.touch()
    wanted = str(file)
    for written in (
        wanted,
        unicodedata.normalize("NFC", wanted),
        unicodedata.normalize("NFD", wanted),
        f"{tmp_path}/{composed}\\{composed}.wav",
        os.fsdecode(os.fsencode(f"{tmp_path}/") + b"caf\xe9/caf\xe9.wav"),
    ):
        assert found_path(written) == wanted
    assert found_path(f"{tmp_path}/gone.wav") == f"{tmp_path}/gone.wav"
