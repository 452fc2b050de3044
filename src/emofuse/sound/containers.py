"""How many bytes a container declares: a shorter file is truncated."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

# The boxes that an ISO media file (MP4, QuickTime, 3GP) may begin with.
FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})
AU = b".snd"
# No header that is looked at here is longer.
MOST_HEAD_BYTES = 4096
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
ASF = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
ASF_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
# How other files begin that only PyAV reads.
MEDIA_MAGIC = (
    *(b"\x0b\x77", b"wvpk", b"TTA1", b"TTA2", b"tBaK", b"MAC ", b"MP+", b"MPCK", b"DSD ", b"FRM8", b"#!AMR"),
    *(b"\x7f\xfe\x80\x01", b"FLV", b"caff", b"ajkg", b".RMF", b"Creative Voice"),
)
RIFFS = (b"RIFF", b"RIFX", b"RF64")
SOUND_MAGIC = (b"fLaC", b"OggS", b"ID3", AU, b"NIST_1A", b"riff\x2e\x91\xcf\x11")
# What no text holds.
CONTROLS = frozenset(range(9)) | frozenset(range(14, 27))
# Boxes of MP4 that hold pictures.
PICTURES = frozenset({b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx "})
MPEG_FRAMES = frozenset({0xE2, 0xE3, 0xF1, 0xF2, 0xF3, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD})
# What lies in the place of a recording that was not fetched, in small letters.
STAND_INS = {
    b"version https://git-lfs.github.com/spec/": (
        "is a Git LFS pointer, not the recording it stands for; fetch that with: git lfs pull"
    ),
    b"version https://hawser.github.com/spec/": (
        "is a Git LFS pointer, not the recording it stands for; fetch that with: git lfs pull"
    ),
    b"/annex/objects/": "is a git-annex pointer, not the recording it stands for; fetch that with: git annex get",
    b"<!doctype html": "is a web page, not a recording; download it again",
    b"<html": "is a web page, not a recording; download it again",
}
# Programs that stream cannot go back to the RIFF header: they write 0 into it, or a size near 2 or 4 GiB.
UNKNOWN_RIFF_SIZE = 0x7FFFF000
# Where a fragment follows within this many bytes of an invalid box, the box is damaged.
DAMAGE_REACH = 1 << 20


def is_cut(path: Path) -> bool:
    """Return whether a file is shorter than its container declares; False where it declares no length."""
    return (declared_size(path) or 0) > path.stat().st_size


def declared_size(path: Path) -> int | None:
    """Return how many bytes a file should have; None where its container does not say."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        return next((declared(file, size) for matches, declared in CONTAINERS if matches(head)), None)


def mended_head(path: Path) -> bytes | None:
    """Return the first bytes of a file as they were if its recorder had finished them; None where it is not known.

    AU files declare 0 bytes of sound then, and those in RF64 have a chunk of sizes that are 0.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(MOST_HEAD_BYTES)
    if head.startswith(AU) and head[8:12] == bytes(4):
        return head[:8] + b"\xff" * 4 + head[12:24]
    sizes, form, data = (head.find(chunk) for chunk in (b"ds64", b"fmt ", b"data"))
    if not head.startswith(b"RF64") or min(sizes, form, data) < 0:
        return None
    first, frame = data + 8, max(1, int.from_bytes(head[form + 20 : form + 22], "little"))
    if size < first:
        return None
    frames = (size - first) // frame
    numbers = (size - 8, frames * frame, frames)
    mended = b"".join(number.to_bytes(8, "little") for number in numbers)
    return head[: sizes + 8] + mended + head[sizes + 32 : first]


def is_unfinished(path: Path) -> bool:
    """Return whether a RIFF file does not end where its header says: its recorder may have broken off.

    Of other containers, that is taken for granted.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
    return not head.startswith(b"RIFF") or int.from_bytes(head[4:], "little") + 8 not in (size, size - 1)


def is_media(path: Path) -> bool:
    """Return whether a file begins like one of the containers that are known here, whatever its name."""
    with path.open("rb") as file:
        head = file.read(16)
    return any(matches(head) for matches, _ in CONTAINERS) or head.startswith(MEDIA_MAGIC)


def sounds_like_a_recording(path: Path) -> bool:
    """Return whether a file begins as recordings do, whatever its name; never for text and for pictures.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if not CONTROLS.intersection(head):  # a text may begin with any word
        return head.startswith(b"NIST_1A\n")
    if head.startswith(RIFFS):
        return head[8:12] in (b"WAVE", b"AVI ")
    if head.startswith(b"FORM"):
        return head[8:12] in (b"AIFF", b"AIFC")
    if head[4:8] == b"ftyp":
        return head[8:12] not in PICTURES
    if head[:1] == b"\xff" and len(head) > 3:  # a frame of MP3 (layers 2 and 3) or of AAC
        return head[1] in MPEG_FRAMES and head[2] != 0xFF and head[2] >> 4 != 0
    return head.startswith((*SOUND_MAGIC, *MEDIA_MAGIC, EBML, ASF))


def stand_in(path: Path) -> str | None:
    """Return what a file is instead of a recording, and the way to the recording; None where it is neither."""
    with path.open("rb") as file:
        head = file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((what for beginning, what in STAND_INS.items() if head.startswith(beginning)), None)


def _boxes(file: BinaryIO, size: int) -> int:
    """Return where the last box on the top level ends, or should (ISO/IEC 14496-12, 4.2)."""
    place, indexed = 0, False
    while place < size:
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or not head[4:8].isalnum():  # the last box, appended data, or damage
            goes_on = b"moof" in head[8:] + file.read(DAMAGE_REACH)
            return size + 1 if goes_on or not indexed else size
        indexed = indexed or head[4:8] == b"moov"
        place += length
    return place if indexed else max(place, size + 1)


def _segment(file: BinaryIO, size: int) -> int | None:
    """Return where the segment of a Matroska file ends; None where it was written to a pipe (RFC 8794, 9592)."""
    file.seek(len(EBML))
    length = _ebml_size(file)
    if length is None:
        return None
    file.seek(length, 1)
    if file.read(len(SEGMENT)) != SEGMENT:
        return None
    length = _ebml_size(file)
    return None if length is None else file.tell() + length


def _ebml_size(file: BinaryIO) -> int | None:
    """Read a size of variable length; None where it is marked as unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value


def _sphere(file: BinaryIO, size: int) -> int | None:
    """Return the size that the text at the head of a NIST SPHERE file declares; None where the sound is packed."""
    lines = file.read(MOST_HEAD_BYTES).split(b"end_head", 1)[0].split(b"\n")
    keys = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
    try:
        numbers = [int(keys[key]) for key in (b"channel_count", b"sample_n_bytes", b"sample_count")]
        return None if b"," in keys.get(b"sample_coding", b"") else int(lines[1]) + math.prod(numbers)
    except (KeyError, ValueError, IndexError):
        return None


def _creative_voice(file: BinaryIO, size: int) -> int:
    """Return where the last block of a VOC file ends, or should."""
    file.seek(20)
    place = int.from_bytes(file.read(2), "little")
    while place < size:
        file.seek(place)
        block = file.read(4)
        if block[:1] == b"\0":  # the end
            break
        place += 4 + int.from_bytes(block[1:], "little")
    return place


def _core_audio(file: BinaryIO, size: int) -> int | None:
    """Return where the last chunk of a CAF file ends, or should; None where the sound goes on to the end."""
    place = 8
    while place < size:
        file.seek(place)
        length = int.from_bytes(file.read(12)[4:], "big", signed=True)
        if length < 0:
            return None
        place += 12 + length
    return place


def _riff(file: BinaryIO, size: int) -> int | None:
    length = int.from_bytes(file.read(8)[4:], "little")
    return 8 + length if 0 < length < UNKNOWN_RIFF_SIZE else None


def _asf(file: BinaryIO, size: int) -> int | None:
    head = file.read(65_536)
    place = head.find(ASF_FILE_PROPERTIES)
    if place < 0 or len(head) < place + 92 or head[place + 88] & 1:  # broadcast: the size was not known
        return None
    return int.from_bytes(head[place + 40 : place + 48], "little")


CONTAINERS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], int | None]], ...] = (
    (lambda head: head[4:8] in FIRST_BOXES, _boxes),
    (lambda head: head.startswith(EBML), _segment),
    (lambda head: head.startswith(b"RIFF"), _riff),
    (lambda head: head.startswith(ASF), _asf),
    (lambda head: head.startswith(b"NIST_1A"), _sphere),
    (lambda head: head.startswith(b"Creative Voice"), _creative_voice),
    (lambda head: head.startswith(b"caff"), _core_audio),
)
