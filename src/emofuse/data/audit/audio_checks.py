"""Checks of the recordings: missing, unreadable, silent, clipped and repeated ones."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from emofuse.data.audit.finding import finding
from emofuse.errors import AudioError
from emofuse.sound.measures import Measures, measure_clip
from emofuse.threads import reading_workers
from emofuse.types import Corpus, Finding

# Root mean square in dB of full scale; speech of a usual recording has -35 to -15.
SILENT = -60.0
# Share of samples at full scale that is audible as distortion.
CLIPPED = 0.001
SHORT_SECONDS = 0.3


def measure_all(corpus: Corpus) -> dict[str, Measures | str]:
    """Measure every recording, by utterance id; an error message for one that cannot be used."""
    spans = {u.id: (u.audio, u.start, u.end) for u in corpus if u.audio is not None}
    with ThreadPoolExecutor(reading_workers()) as pool:
        return dict(zip(spans, pool.map(lambda span: _measure(*span), spans.values()), strict=True))


def _measure(audio: Path, start: float | None, end: float | None) -> Measures | str:
    try:
        return measure_clip(audio, start, end)
    except AudioError as error:
        return str(error)


def audit_sound(corpus: Corpus, measured: Mapping[str, Measures | str]) -> Iterator[Finding]:
    """Yield what is wrong with the recordings of a corpus."""
    lost = [u.id for u in corpus if u.audio is not None and not os.path.isfile(u.audio)]
    if lost:
        yield finding("missing-audio", lost, f"{len(lost)} recordings are not where the manifest says")
    gone = set(lost)
    broken = [i for i, result in measured.items() if isinstance(result, str) and i not in gone]
    if broken:
        message = f"{len(broken)} recordings cannot be read, the first: {measured[broken[0]]}"
        yield finding("unreadable-audio", broken, message)
    known = {i: result for i, result in measured.items() if isinstance(result, Measures)}
    yield from _copies(corpus, known)
    yield from _oddities(known)


def _copies(corpus: Corpus, known: Mapping[str, Measures]) -> Iterator[Finding]:
    speakers = {u.id: u.speaker for u in corpus}
    sounding: dict[str, list[str]] = defaultdict(list)
    for identity, measures in known.items():
        if math.isfinite(measures.loudness):  # silent clips are not copies of each other
            sounding[measures.digest].append(identity)
    copies = [ids for ids in sounding.values() if len(ids) > 1]
    across = [ids for ids in copies if len({speakers[i] for i in ids} - {None}) > 1]
    within = [ids for ids in copies if len({speakers[i] for i in ids} - {None}) < 2]
    if across:
        message = f"{len(across)} recordings sound the same under several speakers, such as {_pair(across[0])}"
        yield finding("duplicate-audio-across-speakers", chain.from_iterable(across), message)
    if within:
        message = f"{len(within)} recordings are there more than once, such as {_pair(within[0])}"
        yield finding("duplicate-audio", chain.from_iterable(within), message)


def _pair(ids: Sequence[str]) -> str:
    return f"{ids[0]} and {ids[1]}"


def _oddities(known: Mapping[str, Measures]) -> Iterator[Finding]:
    silent = [i for i, m in known.items() if m.loudness <= SILENT]
    if silent:
        quietest = min(known[i].loudness for i in silent)
        yield finding(
            "silent-audio",
            silent,
            f"{len(silent)} clips are below {SILENT:g} dBFS, the quietest at {quietest:.1f}",
        )
    clipped = [i for i, m in known.items() if m.clipped > CLIPPED]
    if clipped:
        message = f"{len(clipped)} clips have more than {CLIPPED:.1%} of their samples at full scale"
        yield finding("clipped-audio", clipped, message)
    channels = [i for i, m in known.items() if m.channels > 1]
    if channels:
        yield finding("multichannel-audio", channels, f"{len(channels)} clips have more than one channel")
    rates = Counter(m.rate for m in known.values())
    if len(rates) > 1:
        usual = max(rates, key=lambda rate: (rates[rate], rate))
        odd = [i for i, m in known.items() if m.rate != usual]
        spread = ", ".join(f"{rate} Hz ({count})" for rate, count in sorted(rates.items()))
        yield finding("mixed-rates", odd, f"the clips have {len(rates)} sampling rates: {spread}")
    short = [i for i, m in known.items() if m.seconds < SHORT_SECONDS]
    if short:
        yield finding("short-audio", short, f"{len(short)} clips are shorter than {SHORT_SECONDS} s")
