from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.config import AlterRecipe
from emofuse.errors import AudioError, RecipeError
from emofuse.sound.augmentation import Alterations, alter, load_alterations
from emofuse.sound.clips import Clip
from emofuse.sound.features import root_mean_square

FIXED = settings(derandomize=True, deadline=None, max_examples=60)
RATE = 16_000
NOTHING = Alterations(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SHARES = [name for name in AlterRecipe.model_fields if name not in ("copies", "untouched", "noises", "rooms")]
DATA = Path(os.environ.get("EMOFUSE_DATA") or "nowhere")


def clip(samples: int = RATE, rms: float = 0.05) -> Clip:
    values = np.random.default_rng(samples).normal(0.0, rms, samples)
    return Clip(np.clip(values, -1.0, 1.0).astype(np.float32), RATE)


def everything() -> Alterations:
    """Return the usual shares, with noises and rooms to draw from."""
    room = np.zeros(4000, dtype=np.float32)
    room[[100, 700]] = (1.0, 0.4)
    return Alterations(noises=(clip(9000), clip(30_000)), rooms=(Clip(room, RATE),))


@FIXED
@given(st.integers(0, 2**32), st.integers(1, 20_000), st.floats(-8.0, 0.0))
def test_a_copy_is_finite_and_as_long_as_its_speed_makes_it(seed: int, samples: int, decades: float) -> None:
    given_clip = clip(samples, 10.0**decades)
    copy = alter(given_clip, everything(), np.random.default_rng(seed))
    assert copy.samples.dtype == np.float32
    assert np.isfinite(copy.samples).all()
    assert np.abs(copy.samples).max() <= 1.0
    assert samples / 1.13 - 2 <= len(copy.samples) <= samples / 0.88 + 2
    assert len(copy.samples) >= 1


@FIXED
@given(st.integers(0, 2**32))
def test_without_speed_a_copy_is_as_long_as_the_clip(seed: int) -> None:
    copy = alter(clip(), replace(everything(), speed=0.0), np.random.default_rng(seed))
    assert len(copy.samples) == RATE


@pytest.mark.parametrize("seed", range(10))
def test_silence_stays_silence(seed: int) -> None:
    silent = Clip(np.zeros(5000, dtype=np.float32), RATE)
    assert not alter(silent, everything(), np.random.default_rng(seed)).samples.any()


@pytest.mark.parametrize("seed", range(5))
def test_one_seed_gives_one_copy_and_another_another(seed: int) -> None:
    first, again, other = (alter(clip(), everything(), np.random.default_rng(s)) for s in (seed, seed, seed + 99))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.samples.shape != other.samples.shape or not np.array_equal(first.samples, other.samples)


def test_a_share_of_nothing_leaves_the_clip_as_it_is() -> None:
    np.testing.assert_allclose(alter(clip(), NOTHING, np.random.default_rng(0)).samples, clip().samples, rtol=1e-5)


@pytest.mark.parametrize("name", ["speed", "noise", "low_pass", "telephone", "mu_law", "opus", "gain", "room"])
def test_each_share_makes_its_alteration(name: str) -> None:
    how = replace(everything(), **dict.fromkeys(SHARES, 0.0))
    copy = alter(clip(), replace(how, **{name: 1.0}), np.random.default_rng(0))
    assert len(copy.samples) != RATE or not np.allclose(copy.samples, clip().samples, rtol=0.01)


def test_a_copy_is_as_loud_as_the_clip_unless_it_is_made_quieter() -> None:
    for rms in (0.001, 0.1):
        copies = [
            alter(clip(rms=rms), replace(everything(), gain=0.0), np.random.default_rng(s)) for s in range(20)
        ]
        loudness = np.array([root_mean_square(copy.samples) for copy in copies])
        assert (loudness > 0.5 * rms).all()
        assert (loudness < 1.3 * rms).all()


def test_the_shares_of_a_recipe_are_those_of_the_alterations() -> None:
    assert load_alterations(AlterRecipe()) == Alterations()
    for number, name in enumerate(SHARES):
        share = 0.01 * (number + 1)
        assert getattr(load_alterations(AlterRecipe(**{name: share})), name) == share  # type: ignore[arg-type]


def test_noises_and_rooms_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name, samples in (("b.wav", 800), ("a.flac", 900), ("deep/c.WAV", 1000)):
        soundfile.write(tmp_path / name, clip(samples).samples, RATE)
    (tmp_path / "LICENSE.txt").write_text("not sound")
    how = load_alterations(AlterRecipe(noises=str(tmp_path), rooms=str(tmp_path)))
    for clips in (how.noises, how.rooms):
        assert [len(found.samples) for found in clips] == [900, 800, 1000]


def test_the_zeros_that_fill_up_a_noise_are_cut_off(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.concatenate([clip().samples, np.zeros(4 * RATE)]), RATE)
    (noise,) = load_alterations(AlterRecipe(noises=str(tmp_path))).noises
    assert len(noise.samples) == pytest.approx(RATE, abs=400)


@pytest.mark.parametrize("key", ["noises", "rooms"])
@pytest.mark.parametrize("folder", ["empty", "gone"])
def test_a_folder_without_recordings_is_refused(tmp_path: Path, key: str, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match=rf"audio\.alter\.{key}: .*{folder} has no recordings; give a folder"):
        load_alterations(AlterRecipe(**{key: str(tmp_path / folder)}))  # type: ignore[arg-type]


def test_a_recording_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("not sound")
    with pytest.raises(AudioError, match=r"a\.wav: is not audio"):
        load_alterations(AlterRecipe(noises=str(tmp_path)))


def test_copies_are_the_same_in_another_process() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np\n"
        "from test_augmentation import alter, clip, everything\n"
        "copies = [alter(clip(), everything(), np.random.default_rng(seed)).samples for seed in range(4)]\n"
        "sys.stdout.write(np.concatenate(copies).tobytes().hex())\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    copies = [alter(clip(), everything(), np.random.default_rng(seed)).samples for seed in range(4)]
    assert done.stdout == np.concatenate(copies).tobytes().hex()


@pytest.mark.data
@pytest.mark.skipif(
    not (DATA / "rooms").is_dir(), reason="EMOFUSE_DATA does not name a folder with noise and rooms"
)
def test_real_noises_and_rooms_can_be_used() -> None:
    how = load_alterations(AlterRecipe(noises=str(DATA / "noise"), rooms=str(DATA / "rooms")))
    assert len(how.noises) > 10
    assert len(how.rooms) > 1
    copies = [
        alter(clip(), replace(how, noise=1.0, room=1.0), np.random.default_rng(s)).samples for s in range(20)
    ]
    assert all(np.isfinite(copy).all() and copy.any() for copy in copies)


def test_a_silent_room_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "room.wav", np.zeros(1600, dtype=np.float32), 16_000)
    with pytest.raises(AudioError, match=r"room\.wav: is silent"):
        load_alterations(AlterRecipe(copies=1, rooms=str(tmp_path)))
