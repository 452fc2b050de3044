"""The pages of OGG files (RFC 3533): which are missing or damaged, and how much sound that is."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from emofuse.sound.recordings import DamagedError, truncated

CAPTURE = b"OggS"
HEAD_BYTES = 27
LAST = 0x04
# Opus counts samples at this rate, whatever the recording's own.
OPUS_HEAD, OPUS_RATE = b"OpusHead", 48_000
# The bits of each byte in reverse order: the sum of a page goes through them from the other end than zlib's.
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# Behind damage, the next page is looked for in steps of so many bytes: the next may be near, or far.
FIRST_STEP, LAST_STEP = 256, 65_536


@dataclass(frozen=True)
class OggPages:
    """What is wrong with the pages of a file.

    Attributes:
        closed: the last page is there.
        missing: how many pages are missing or damaged between others.
        lost: about how many seconds of sound they held.
    """

    closed: bool
    missing: int
    lost: float


@dataclass(frozen=True)
class _Page:
    serial: int
    number: int
    position: int
    last: bool
    body: bytes


def examine_pages(path: Path, rate: int) -> OggPages:
    """Read all pages of a file; `rate` is that of the recording, which positions count in unless it is Opus."""
    before: dict[int, _Page] = {}
    rates: dict[int, int] = {}
    closed, missing, lost = False, 0, 0.0
    with path.open("rb") as file:
        for page in _pages(file):
            earlier = before.get(page.serial)
            if earlier is None:
                rates[page.serial] = OPUS_RATE if page.body.startswith(OPUS_HEAD) else rate
            elif page.number > earlier.number + 1:
                gap = page.number - earlier.number - 1
                missing += gap
                length = max(0, page.position - max(0, earlier.position))
                lost += length * gap / (gap + 1) / rates[page.serial]
            before[page.serial] = page
            closed = page.last
    return OggPages(closed, missing, lost)


def _pages(file: BinaryIO) -> Iterator[_Page]:
    """Yield the pages whose sum is right."""
    place = 0
    while True:
        file.seek(place)
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            return
        lacing = file.read(head[26])
        body = file.read(sum(lacing))
        whole = len(lacing) == head[26] and len(body) == sum(lacing)
        if (
            head.startswith(CAPTURE)
            and whole
            and _sum_of(head[:22] + bytes(4) + head[26:] + lacing + body)
            == (int.from_bytes(head[22:26], "little"))
        ):
            serial, number = (int.from_bytes(head[first:after], "little") for first, after in ((14, 18), (18, 22)))
            position = int.from_bytes(head[6:14], "little", signed=True)
            yield _Page(serial, number, position, bool(head[5] & LAST), body)
            place += HEAD_BYTES + len(lacing) + len(body)
            continue
        found = _next_capture(file, place + 1)
        if found is None:
            return
        place = found


def _next_capture(file: BinaryIO, place: int) -> int | None:
    """Return where the next page may begin; None where there is none."""
    file.seek(place)
    held, step = b"", FIRST_STEP
    while block := file.read(step):
        found = (held + block).find(CAPTURE)
        if found >= 0:
            return place + found
        place += len(held) + len(block) - len(CAPTURE) + 1
        held, step = (held + block)[-len(CAPTURE) + 1 :], min(2 * step, LAST_STEP)
    return None


def _sum_of(page: bytes) -> int:
    """Return the checksum of a page: CRC-32 with the polynomial of zlib, the other way round, from 0."""
    reverse = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reverse:032b}"[::-1], 2)


def refuse_damaged_pages(path: Path, rate: int, seconds: float) -> None:
    """Refuse an OGG file of so many seconds whose last page is missing, or others are missing or damaged.

    Raises:
        DamagedError: it is.
    """
    pages = examine_pages(path, rate)
    if pages.missing:
        reason = f"is damaged, {pages.missing} of its pages are missing or cannot be read"
        raise DamagedError(path, reason, promised=seconds if pages.closed else None, lost=pages.lost)
    if not pages.closed:
        raise truncated(path)
