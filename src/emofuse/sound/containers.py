"""How many bytes a container declares: a shorter file is truncated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

# The boxes that an ISO media file (MP4, QuickTime, 3GP) may begin with.
FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
ASF = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
ASF_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
# How other files begin that only PyAV reads.
MEDIA_MAGIC = (
    *(b"\x0b\x77", b"wvpk", b"TTA1", b"TTA2", b"tBaK", b"MAC ", b"MP+", b"MPCK", b"DSD ", b"FRM8", b"#!AMR"),
    *(b"\x7f\xfe\x80\x01", b"FLV", b"caff", b"ajkg", b".RMF", b"Creative Voice"),
)
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
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        for matches, declared in CONTAINERS:
            if matches(head):
                return (declared(file, size) or 0) > size
    return False


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
)
