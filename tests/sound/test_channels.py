from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emofuse.errors import AudioError, RecipeError
from emofuse.sound import channels
from emofuse.sound.channels import Call, check_channels, find_bleed, parse_channels, refuse_employee
from emofuse.sound.clips import read_clip
from emofuse.types import ExcludedSpan
from emofuse.types.arrays import Samples

RATE = 8000
CALL = {"agent": 0, "customer": 1}
DATA = Path(os.environ.get("EMOFUSE_DATA") or "nowhere")


def talk(seed: int, seconds: float = 10.0) -> Samples:
    """Return noise in syllables: other noise for each seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    sound = rng.normal(size=len(time)) * np.maximum(0.05, np.sin(2 * np.pi * 2 * time + seed))
    return (0.1 * sound).astype(np.float32)


def hiss(seconds: float = 10.0, seed: int = 99) -> Samples:
    return (0.0001 * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


def write(folder: Path, *channels: Samples, rate: int = RATE) -> Path:
    length = min(len(channel) for channel in channels)
    soundfile.write(folder / "a.wav", np.stack([channel[:length] for channel in channels], axis=1), rate, "FLOAT")
    return folder / "a.wav"


def share(found: list[ExcludedSpan], seconds: float) -> float:
    return sum(stretch.end - stretch.start for stretch in found) / seconds


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("agent=0,customer=1", {"agent": 0, "customer": 1}),
        (" customer = 1 , agent=0 ", {"customer": 1, "agent": 0}),
        ("left ear=0", {"left ear": 0}),
    ],
)
def test_names_and_numbers_of_channels_are_read(text: str, channels: dict[str, int]) -> None:
    assert parse_channels(text) == channels


@pytest.mark.parametrize(
    "text", ["", "agent", "agent=", "=0", "agent=one", "agent=-1", "agent=0,", "a=0=1", "a=0.5"]
)
def test_what_is_no_list_of_channels_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(RecipeError, match=r"is not NAME=NUMBER; write it like agent=0,customer=1$"):
        parse_channels(text)


@pytest.mark.parametrize("text", ["agent=0,agent=1", "agent=0,customer=0"])
def test_a_channel_named_twice_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="for the second time; name each once"):
        parse_channels(text)


def test_a_channel_that_a_recording_lacks_is_refused_with_those_it_has(tmp_path: Path) -> None:
    path = write(tmp_path, talk(0), talk(1))
    check_channels(path, CALL)
    with pytest.raises(AudioError, match=r"a\.wav: there is no channel 2 for third, it has channels 0 to 1; mend"):
        check_channels(path, {"third": 2})
    with pytest.raises(AudioError, match="for customer, it has only channel 0"):
        Call(write(tmp_path, talk(0)), CALL).not_speech("agent")


@pytest.mark.parametrize(
    "name",
    ["agent", "Agent", "agents", "AGENT_2", "employee", "operator", "sales rep", "staff", "callCentreAgent"],
)
def test_a_person_at_work_is_refused_with_the_law_and_a_way_out(name: str) -> None:
    reason = r"Regulation \(EU\) 2024/1689, Article 5\(1\)\(f\)\); leave this channel out, or say with"
    with pytest.raises(RecipeError, match=reason) as caught:
        refuse_employee(name, allowed=False)
    assert name in str(caught.value)
    refuse_employee(name, allowed=True)


@pytest.mark.parametrize(
    "name", ["customer", "caller", "patient", "left", "report", "urgent", "reagent", "A", "1"]
)
def test_others_are_not_refused(name: str) -> None:
    refuse_employee(name, allowed=False)


@pytest.mark.parametrize("gain", [0.2, -0.05, 0.02])
@pytest.mark.parametrize("delay", [0, 5, 200])
def test_a_faint_copy_of_a_louder_channel_is_bleed(tmp_path: Path, gain: float, delay: int) -> None:
    customer = talk(1)
    path = write(tmp_path, gain * np.roll(customer, delay) + hiss(), customer)
    found = find_bleed(path, CALL)
    assert found["customer"] == []
    assert {stretch.reason for stretch in found["agent"]} == {"bleed from channel customer, which is louder"}
    assert share(found["agent"], 10.0) > 0.9


def test_bleed_is_found_where_it_is_and_own_speech_is_kept(tmp_path: Path) -> None:
    quiet = 0.001 * talk(5)
    agent = np.concatenate([talk(0), quiet])
    customer = np.concatenate([0.001 * talk(6), talk(1)])
    found = find_bleed(write(tmp_path, agent + 0.05 * customer, customer + 0.05 * agent), CALL)
    assert [(round(p.start), round(p.end)) for p in found["agent"]] == [(10, 20)]
    assert [(round(p.start), round(p.end)) for p in found["customer"]] == [(0, 10)]


def test_others_that_speak_at_the_same_time_are_no_bleed_however_quiet(tmp_path: Path) -> None:
    assert find_bleed(write(tmp_path, 0.1 * talk(0), talk(1)), CALL) == {"agent": [], "customer": []}


def test_own_speech_over_bleed_is_kept(tmp_path: Path) -> None:
    customer = talk(1)
    assert find_bleed(write(tmp_path, 0.2 * talk(0) + 0.05 * customer, customer), CALL)["agent"] == []


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_two_channels_that_are_about_as_loud_are_no_bleed(tmp_path: Path, gain: float) -> None:
    assert find_bleed(write(tmp_path, gain * talk(1), talk(1)), CALL) == {"agent": [], "customer": []}


def test_silence_is_no_bleed(tmp_path: Path) -> None:
    assert find_bleed(write(tmp_path, 0 * talk(0), talk(1)), CALL) == {"agent": [], "customer": []}
    assert find_bleed(write(tmp_path, 0 * talk(0), 0 * talk(0)), CALL) == {"agent": [], "customer": []}


def test_channels_are_taken_by_their_number_at_any_rate(tmp_path: Path) -> None:
    rate = 44_100
    voice = np.repeat(talk(1), 6)[: 8 * rate]
    path = write(tmp_path, voice, 0 * voice, 0.05 * voice, rate=rate)
    found = find_bleed(path, {"late": 2, "first": 0})
    assert share(found["late"], 8.0) > 0.9
    assert found["first"] == []


def test_all_that_is_not_speech_comes_in_order(tmp_path: Path) -> None:
    time = np.arange(5 * RATE) / RATE
    ringing = (0.1 * np.sin(2 * np.pi * 425 * time)).astype(np.float32)
    customer = np.concatenate([ringing, talk(1)])
    agent = np.concatenate([hiss(5.0), 0.05 * talk(1) + hiss()])
    call = Call(write(tmp_path, agent, customer), CALL)
    found = {name: [(p.reason, round(p.start), round(p.end)) for p in call.not_speech(name)] for name in CALL}
    assert found["customer"] == [("a tone", 0, 5)]
    assert found["agent"] == [("bleed from channel customer, which is louder", 5, 15)]


def test_the_bleed_of_all_channels_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []

    def counting(path: Path, names: Mapping[str, int]) -> dict[str, list[ExcludedSpan]]:
        computed.append(path)
        return find_bleed(path, names)

    monkeypatch.setattr(channels, "find_bleed", counting)
    call = Call(write(tmp_path, talk(0), talk(1)), CALL)
    assert [call.not_speech(name) for name in CALL] == [[], []]
    assert computed == [call.path]


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="EMOFUSE_DATA does not name a folder of real recordings")
def test_real_voices_bleed_only_where_they_do(tmp_path: Path) -> None:
    lines = []
    for corpus in ("emodb", "nemo"):
        with (DATA / corpus / "manifest.csv").open(encoding="utf-8") as file:
            paths = [DATA / corpus / row["path"] for row in csv.DictReader(file)][:40]
        clips = [read_clip(path, rate=RATE).samples for path in paths]
        lines.append(np.concatenate([0.5 * clip / np.abs(clip).max() for clip in clips])[: 60 * RATE])
    one, other = lines
    apart = find_bleed(write(tmp_path, 0.2 * one, other), CALL)
    assert apart == {"agent": [], "customer": []}
    copied = find_bleed(write(tmp_path, 0.05 * np.roll(other, 40) + hiss(60.0), other), CALL)
    assert copied["customer"] == []
    assert share(copied["agent"], 60.0) > 0.85
