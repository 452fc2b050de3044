"""Render the demo corpus: synthetic speech for the sentences in ``sentences.csv``.

Run ``python tools/render_demo.py`` from anywhere; it needs ``espeak-ng`` on PATH.
It reads ``src/emofuse/demo/sentences.csv`` and writes, next to it,
``audio/<id>.opus`` (Ogg Opus, mono, 16 kHz) and ``manifest.jsonl``.

A sentence is spoken with its own emotion when the voice tells it (``told_by`` is
``voice`` or ``both``) and neutrally otherwise.  An emotion moves rate, pitch, pitch
range, loudness and pauses; how far depends on the speaker, and every utterance varies
a little.  The variation is seeded by the utterance id, so two runs write the same files.
"""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import soundfile as sf
import soxr

DEMO = Path(__file__).resolve().parents[1] / "src" / "emofuse" / "demo"
SAMPLE_RATE = 16_000
PEAK_LIMIT = 0.95
SEED = 20


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker: the espeak-ng voice and how it talks when neutral."""

    speaker: str
    session: str
    gender: str
    espeak: str  # voice+variant for -v; "en" is British ("en-gb" drops the variant in 1.51)
    rate: float  # words per minute, -s
    pitch: float  # 0..99, -p
    loudness: float  # 0..200, -a
    expressiveness: float  # scales every emotional offset; 1 is average


@dataclass(frozen=True)
class Emotion:
    """How an emotion moves a voice away from its neutral way of talking."""

    rate_percent: float
    pitch_points: float
    range_percent: float
    loudness_db: float
    word_gap_ms: float
    pause_ms: float  # silence before the first and after the last word


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the variation from utterance to utterance."""

    rate_percent: float = 3.5
    pitch_points: float = 3.0
    range_percent: float = 12.0
    loudness_db: float = 1.0
    pause_ms: float = 40.0


@dataclass(frozen=True)
class Delivery:
    """The settings espeak-ng gets for one utterance, and the silence around it."""

    rate: int
    pitch: int
    range_percent: int
    loudness: int
    word_gap: int  # units of 10 ms
    lead_s: float
    trail_s: float


@dataclass(frozen=True)
class Sentence:
    """One row of sentences.csv."""

    id: str
    speaker: str
    label: str
    told_by: str
    text: str

    @property
    def voiced_as(self) -> str:
        """The emotion the voice carries."""
        return self.label if self.told_by in ("voice", "both") else "neutral"


VOICES = (
    Voice("demo_f1", "session1", "female", "en-us+f2", 172, 50, 28, 1.00),
    Voice("demo_m1", "session1", "male", "en-us+m3", 176, 46, 35, 1.10),
    Voice("demo_f2", "session2", "female", "en+f5", 180, 54, 37, 0.90),
    Voice("demo_m2", "session2", "male", "en+m7", 164, 44, 29, 0.95),
    Voice("demo_f3", "session3", "female", "en-gb-scotland+f3", 166, 46, 31, 1.12),
    Voice("demo_m3", "session3", "male", "en-gb-scotland+m5", 180, 52, 36, 0.86),
    Voice("demo_f4", "session4", "female", "en-gb-x-rp+f4", 162, 56, 29, 0.90),
    Voice("demo_m4", "session4", "male", "en-gb-x-rp+m2", 170, 54, 33, 1.10),
    Voice("demo_f5", "session5", "female", "en-us-nyc+f1", 178, 44, 31, 1.05),
    Voice("demo_m5", "session5", "male", "en-gb-x-gbclan+m1", 168, 50, 28, 1.00),
)

EMOTIONS = {
    "neutral": Emotion(0, 0, 0, 0.0, 0, 0),
    "happy": Emotion(9, 25, 90, 2.0, 0, -40),
    "sad": Emotion(-18, -12, -60, -6.0, 20, 100),
    "angry": Emotion(16, -8, 40, 7.0, 0, -60),
}

SPREAD = Spread()


def find_espeak() -> str:
    """Path of the espeak-ng program, or a one-line exit."""
    path = shutil.which("espeak-ng")
    if path is None:
        raise SystemExit("render_demo: espeak-ng was not found on PATH; install it first")
    return path


def read_sentences(path: Path) -> list[Sentence]:
    """All rows of sentences.csv, in file order."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [Sentence(**row) for row in csv.DictReader(lines)]


def plan_delivery(voice: Voice, emotion: Emotion, rng: random.Random) -> Delivery:
    """Settings for one utterance: voice, plus its share of the emotion, plus variation."""

    def offset(mean: float, deviation: float) -> float:
        return voice.expressiveness * mean + rng.gauss(0.0, deviation)

    rate = voice.rate * (1 + offset(emotion.rate_percent, SPREAD.rate_percent) / 100)
    pitch = voice.pitch + offset(emotion.pitch_points, SPREAD.pitch_points)
    pitch_range = 100 + offset(emotion.range_percent, SPREAD.range_percent)
    gain_db = offset(emotion.loudness_db, SPREAD.loudness_db)
    return Delivery(
        rate=round(rate),
        pitch=round(min(max(pitch, 0), 99)),
        range_percent=round(min(max(pitch_range, 20), 200)),
        loudness=round(voice.loudness * 10 ** (gain_db / 20)),
        word_gap=round(voice.expressiveness * emotion.word_gap_ms / 10),
        lead_s=max(0.08, (180 + offset(emotion.pause_ms, SPREAD.pause_ms)) / 1000),
        trail_s=max(0.08, (220 + offset(emotion.pause_ms, SPREAD.pause_ms)) / 1000),
    )


def speak(espeak: str, voice: Voice, text: str, delivery: Delivery) -> np.ndarray:
    """Mono samples at SAMPLE_RATE, with the planned silence around the speech."""
    ssml = f'<speak><prosody range="{delivery.range_percent}%">{escape(text)}</prosody></speak>'
    command = [espeak, "-m", "-z", "--stdout", "-v", voice.espeak]
    command += ["-s", str(delivery.rate), "-p", str(delivery.pitch)]
    command += ["-a", str(delivery.loudness), "-g", str(delivery.word_gap), ssml]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()
        raise SystemExit(f"render_demo: espeak-ng failed for voice {voice.espeak}: {message}")
    samples, rate = sf.read(io.BytesIO(done.stdout), dtype="float32")
    speech = soxr.resample(samples, rate, SAMPLE_RATE)
    lead, trail = (
        np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32) for seconds in (delivery.lead_s, delivery.trail_s)
    )
    return np.concatenate([lead, speech, trail])


def encode_opus(samples: np.ndarray, serial: int) -> bytes:
    """An Ogg Opus file; the stream serial is set so that the bytes are repeatable."""
    buffer = io.BytesIO()
    sf.write(buffer, samples, SAMPLE_RATE, format="OGG", subtype="OPUS")
    return set_ogg_serial(buffer.getvalue(), serial)


def set_ogg_serial(data: bytes, serial: int) -> bytes:
    """The same Ogg stream with another serial number and matching page checksums.

    libsndfile draws the serial at random.  Page layout: serial at byte 14, checksum
    at 22, number of segments at 26, then the segment lengths and the segments.
    """
    pages = []
    start = 0
    while start < len(data):
        if data[start : start + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {start}")
        table = start + 27
        segments = data[start + 26]
        end = table + segments + sum(data[table : table + segments])
        page = bytearray(data[start:end])
        page[14:18] = serial.to_bytes(4, "little")
        page[22:26] = bytes(4)
        page[22:26] = ogg_checksum(page).to_bytes(4, "little")
        pages.append(bytes(page))
        start = end
    return b"".join(pages)


def ogg_checksum(page: bytes | bytearray) -> int:
    """CRC-32 as Ogg defines it: polynomial 0x04c11db7, not reflected, start and end 0."""
    value = 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ CRC_TABLE[(value >> 24) ^ byte]
    return value


def crc_table() -> tuple[int, ...]:
    """The checksum of every single byte."""
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) & 0xFFFFFFFF) ^ (0x04C11DB7 if value >> 31 else 0)
        table.append(value)
    return tuple(table)


CRC_TABLE = crc_table()


def manifest_entry(sentence: Sentence, voice: Voice) -> dict[str, object]:
    """One manifest line; the audio path is relative to the manifest."""
    return {
        "id": sentence.id,
        "audio": f"audio/{sentence.id}.opus",
        "start": None,
        "end": None,
        "text": sentence.text,
        "text_source": "gold",
        "transcripts": {},
        "label": sentence.label,
        "votes": None,
        "dimensions": None,
        "speaker": voice.speaker,
        "session": voice.session,
        "gender": voice.gender,
        "dialogue": None,
        "language": "en",
        "split": None,
        "tags": {"told_by": sentence.told_by, "synthetic": "espeak-ng"},
    }


def render(sentence: Sentence, voice: Voice, espeak: str, serial: int) -> bytes:
    """The encoded utterance."""
    rng = random.Random(f"{SEED}:{sentence.id}")
    delivery = plan_delivery(voice, EMOTIONS[sentence.voiced_as], rng)
    samples = speak(espeak, voice, sentence.text, delivery)
    peak = float(np.abs(samples).max())
    if peak > PEAK_LIMIT:
        raise SystemExit(f"render_demo: {sentence.id} peaks at {peak:.2f}; lower its loudness")
    return encode_opus(samples, serial)


def main() -> None:
    """Render every sentence and write the manifest."""
    espeak = find_espeak()
    voices = {voice.speaker: voice for voice in VOICES}
    sentences = read_sentences(DEMO / "sentences.csv")
    (DEMO / "audio").mkdir(exist_ok=True)
    with (DEMO / "manifest.jsonl").open("w", encoding="utf-8", newline="\n") as manifest:
        for serial, sentence in enumerate(sentences, start=1):
            voice = voices[sentence.speaker]
            entry = manifest_entry(sentence, voice)
            (DEMO / str(entry["audio"])).write_bytes(render(sentence, voice, espeak, serial))
            manifest.write(json.dumps(entry, ensure_ascii=False) + "\n")
    print(f"rendered {len(sentences)} utterances to {DEMO}")


if __name__ == "__main__":
    main()
