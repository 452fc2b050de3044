"""Synthetic IEMOCAP trees, one small and full of traps, one of the true size; nothing in them is the corpus's."""

from __future__ import annotations

import os
import random
import wave
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RELEASE = "IEMOCAP_full_release"
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
RATE = 16_000

# Published counts: turns by session; neutral, happy or excited, angry, sad by session; women among these.
TURNS = {1: 1819, 2: 1811, 3: 2136, 4: 2103, 5: 2170}
FOUR = {
    1: (384, 278, 229, 194),
    2: (362, 327, 137, 197),
    3: (320, 286, 240, 305),
    4: (258, 303, 327, 143),
    5: (384, 442, 170, 245),
}
WOMEN = {1: 528, 2: 481, 3: 522, 4: 528, 5: 590}
HAPPY = {"hap": 595, "exc": 1041}
OTHERS = {"fru": 1849, "sur": 107, "fea": 40, "oth": 3, "dis": 2, "xxx": 2507}

NAMES = {
    "neu": "Neutral", "hap": "Happiness", "exc": "Excited", "ang": "Anger", "sad": "Sadness",
    "fru": "Frustration", "sur": "Surprise", "fea": "Fear", "dis": "Disgust", "oth": "Other",
}  # fmt: skip
# Label -> valence, activation and dominance as raters tend to give them.
DIMENSIONS = {
    "ang": (1.9, 3.7, 4.0), "hap": (4.0, 3.1, 3.1), "exc": (4.0, 3.7, 3.3), "sad": (2.2, 2.4, 2.7),
    "fru": (2.3, 3.1, 3.3),
}  # fmt: skip
# Label -> pitch in hertz and loudness, so that a model could learn something.
VOICES = {
    "neu": (120, 0.2), "hap": (210, 0.3), "exc": (230, 0.4), "ang": (170, 0.7), "sad": (95, 0.1),
    "fru": (150, 0.4),
}  # fmt: skip

COMMON = (
    "the letter should come on Tuesday", "my brother keeps the keys", "somebody has to sign this paper",
    "the train leaves at ten past five", "we could ask at the other desk", "there was a car in front of the house",
    "you were at the lake that summer", "I left it on the kitchen table", "they moved to the second floor",
    "the number is somewhere in the book", "he said the same thing last year", "I will be there in an hour",
)  # fmt: skip
PHRASES = {
    "ang": ("stop talking to me like that", "get out of my way", "I have told you ten times", "how dare you"),
    "sad": ("I miss her every day", "there is nothing left for me", "I cannot stop crying", "it is too late now"),
    "hap": ("this is so good", "I am glad you came", "that makes me smile", "what a lovely day"),
    "exc": ("we won, can you believe it", "I got the job", "this is amazing", "I can hardly wait"),
    "fru": ("this is going nowhere", "why is it always me", "I have waited for hours", "nobody ever listens"),
    "neu": ("all right", "let me have a look", "do you have the form", "it is on the list"),
}


@dataclass(frozen=True)
class Turn:
    """One turn of the stand-in."""

    dialogue: str
    letter: str
    number: int
    code: str
    start: float
    end: float

    @property
    def id(self) -> str:
        return f"{self.dialogue}_{self.letter}{self.number:03d}"


def write_full_tree(
    root: Path, dialogues: int | None = None, audio_seconds: float | None = None, seed: int = 0
) -> Path:
    """Write a stand-in with the true format, 10,039 turns in 151 dialogues and the published counts.

    With `dialogues`, only the first so many of each session, scripted and improvised by turns. With either
    `dialogues` or `audio_seconds` each turn has its own sound, of at most so many seconds (1 by default);
    otherwise all share the same 0.05 s of noise. Returns the folder of the release.
    """
    release = root / RELEASE
    real = dialogues is not None or audio_seconds is not None
    for session, turns in _plan(random.Random(seed)).items():
        for name in dialogue_names(session)[:dialogues]:
            chosen = [turn for turn in turns if turn.dialogue == name]
            rng = random.Random(f"{seed} {name}")
            evaluation = HEADER + "".join(_evaluation(turn, rng) for turn in chosen)
            transcription = "".join(_transcription(chosen, rng))
            folder = write_dialogue(release, name, evaluation, transcription)
            ratings = (f"{turn.id} :Neutral state; ()\n" for turn in chosen)
            write_text(folder.parents[2] / f"dialog/EmoEvaluation/Categorical/{name}_e2_cat.txt", "".join(ratings))
            for turn in chosen:
                path = folder / f"{turn.id}.wav"
                if real:
                    _write_wav(path, _sound(turn, audio_seconds or 1.0, seed))
                else:
                    _link_noise(path, release / "noise.wav")
    return release


def dialogue_names(session: int) -> list[str]:
    """Name the dialogues of a session as in the corpus, scripted and improvised by turns."""
    scripted = ["script01_1", "script01_2", "script01_3", "script02_1", "script02_2", "script03_1", "script03_2"]
    improvised = [f"impro0{number}" for number in range(1, 8 if session == 1 else 9)]
    names = {wearer: [*enumerate(improvised), *enumerate(scripted)] for wearer in "FM"}
    if session == 3:
        split = {"impro05": ("impro05a", "impro05b"), "impro08": ("impro08a", "impro08b")}
        names["M"] = [(rank, part) for rank, name in names["M"] for part in split.get(name, (name,))]
    if session == 5:
        names["M"].append((0, "script01_1b"))
    ranked = sorted((rank, wearer, name) for wearer in "FM" for rank, name in names[wearer])
    return [f"Ses0{session}{wearer}_{name}" for _, wearer, name in ranked]


def write_dialogue(release: Path, name: str, evaluation: str, transcription: str | None) -> Path:
    """Write the two texts of a dialogue and return the folder for its recordings."""
    session = release / f"Session{name[4]}"
    write_text(session / f"dialog/EmoEvaluation/{name}.txt", evaluation)
    if transcription is not None:
        write_text(session / f"dialog/transcriptions/{name}.txt", transcription)
    folder = session / "sentences/wav" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text as it is, line ends included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def _plan(rng: random.Random) -> dict[int, list[Turn]]:
    """Deal out codes and speakers so that all published counts hold."""
    happy = rng.sample([code for code, count in HAPPY.items() for _ in range(count)], sum(HAPPY.values()))
    others = rng.sample([code for code, count in OTHERS.items() for _ in range(count)], sum(OTHERS.values()))
    plan = {}
    for session, (neutral, cheerful, angry, sad) in FOUR.items():
        four = ["neu"] * neutral + [happy.pop() for _ in range(cheerful)] + ["ang"] * angry + ["sad"] * sad
        rng.shuffle(four)
        women = WOMEN[session]
        turns = [(code, "F" if place < women else "M") for place, code in enumerate(four)]
        turns += [(others.pop(), rng.choice("FM")) for _ in range(TURNS[session] - len(four))]
        rng.shuffle(turns)
        plan[session] = list(_dialogues(session, turns, rng))
    return plan


def _dialogues(session: int, turns: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[Turn]:
    """Cut the turns of a session into dialogues, and give them numbers and times."""
    names = dialogue_names(session)
    # Scripted dialogues are longer: 5255 turns in 71 against 4784 in 80.
    weights = [rng.uniform(0.6, 1.4) * (74 if "script" in name else 60) for name in names]
    cuts = [round(len(turns) * sum(weights[:place]) / sum(weights)) for place in range(len(names) + 1)]
    for name, first, last in zip(names, cuts[:-1], cuts[1:], strict=True):
        numbers, time = {"F": 0, "M": 0}, rng.uniform(1, 8)
        for code, letter in turns[first:last]:
            # Mean 4.46 s and standard deviation 3.06 s, as measured on the corpus.
            end = time + min(max(rng.lognormvariate(1.302, 0.621), 0.58), 34.14)
            yield Turn(name, letter, numbers[letter], code, time, end)
            numbers[letter] += 1
            time = max(end + rng.uniform(-0.5, 1.0), time + 0.1)


def _evaluation(turn: Turn, rng: random.Random) -> str:
    ratings = [
        [min(max(round(rng.gauss(mean, 0.7)), 1), 5) for mean in DIMENSIONS.get(turn.code, (3, 3, 3))]
        for _ in range(3)
    ]
    means = ", ".join(f"{sum(pair) / 2:.4f}" for pair in zip(*ratings[:2], strict=True))
    lines = [f"[{turn.start:.4f} - {turn.end:.4f}]\t{turn.id}\t{turn.code}\t[{means}]"]
    lines += [f"C-E{rater}:\t{named}\t()" for rater, named in zip("124", _named(turn.code, rng), strict=True)]
    lines.append(f"C-{turn.letter}1:\t{NAMES[rng.choice(list(NAMES))]};\t()")
    for rater, (valence, activation, dominance) in zip(("E1", "E2", f"{turn.letter}1"), ratings, strict=True):
        lines.append(f"A-{rater}:\tval {valence}; act {activation}; dom  {dominance};\t()")
    return "\n".join(lines) + "\n\n"


def _named(code: str, rng: random.Random) -> list[str]:
    """Return what three raters name: three different labels for a tie, else a majority for the label."""
    one, two, three = (NAMES[other] for other in rng.sample([key for key in NAMES if key != code], 3))
    if code == "xxx":
        return [f"{one};", f"{two};", f"{three};"]
    name = NAMES[code]
    named = [f"{name};", f"{name}; {one};" if rng.random() < 0.1 else f"{name};"]
    named.append(f"{name};" if rng.random() < 0.5 else f"{two};")
    return rng.sample(named, 3)


def _transcription(turns: Iterable[Turn], rng: random.Random) -> Iterator[str]:
    """Yield a line a turn, and now and then a back-channel that has no id or an id with XX."""
    for place, turn in enumerate(turns):
        shift = rng.choice((0, 0, 0, 0.0001))
        yield f"{turn.id} [{turn.start:08.4f}-{turn.end + shift:08.4f}]: {_text(turn, rng)}\n"
        if place == 20:
            yield f"{turn.dialogue}_{turn.letter}XX0 [{turn.end:08.4f}-{turn.end + 0.4:08.4f}]: Mm-hm.\n"
        elif place == 30:
            yield "M: [BREATHING]\n"


def _text(turn: Turn, rng: random.Random) -> str:
    """Return words: in a script the same in every session, elsewhere touched by the label."""
    name = turn.dialogue[7:]
    if name.startswith("script"):
        rng = random.Random(f"{name} {turn.letter} {turn.number}")
    own = PHRASES.get(turn.code, COMMON) if name.startswith("impro") else COMMON
    phrases = [rng.choice(own if rng.random() < 0.5 else COMMON) for _ in range(rng.choice((1, 1, 2, 3)))]
    text = ". ".join(phrase[0].upper() + phrase[1:] for phrase in phrases) + "."
    if rng.random() < 0.02:
        return rng.choice(("[LAUGHTER]", "[BREATHING]", "[laughter]"))
    return f"[LAUGHTER] {text}" if rng.random() < 0.02 else text


def _sound(turn: Turn, most: float, seed: int) -> np.ndarray:
    """Return a hum in noise, its pitch and loudness about as the label has them: learnable, not trivial."""
    rng = np.random.default_rng([seed, zlib.crc32(turn.id.encode())])
    pitch, loudness = VOICES.get(turn.code, (140, 0.3))
    pitch *= rng.lognormal(0, 0.15) * (1.4 if turn.letter == "F" else 1.0)
    loudness *= rng.lognormal(0, 0.5)
    time = np.arange(int(min(turn.end - turn.start, most) * RATE)) / RATE
    phase = 2 * np.pi * pitch * (time + 0.003 * np.sin(2 * np.pi * 5 * time))
    hum = sum(np.sin(harmonic * phase) / harmonic for harmonic in (1, 2, 3, 4))
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(2, 4) * time)
    return np.clip(0.5 * loudness * syllables * hum + rng.normal(0, 0.02, time.size), -1, 1)


def _write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())


def _link_noise(path: Path, noise: Path) -> None:
    """Give a turn the same 0.05 s of noise as all others, without a copy."""
    if not noise.exists():
        _write_wav(noise, np.random.default_rng(0).normal(0, 0.05, RATE // 20).clip(-1, 1))
    os.link(noise, path)


def write_trap_tree(root: Path) -> Path:
    """Write three of five sessions with every trap of the format; returns the folder of the release."""
    release = root / RELEASE
    _write_everyday_traps(release)
    _write_script_with_all_codes(release)
    # The same scenario in two parts, of which one has no transcription; and a script that was begun again.
    turn = "[1.0000 - 2.0000]\t{}\tneu\t[3.0000, 2.5000, 3.0000]\nC-E1:\tNeutral state;\t()\n\n"
    for name, text in (
        ("Ses03M_impro05a", "Part one."),
        ("Ses03M_impro05b", None),
        ("Ses05M_script01_1", "Begun."),
        ("Ses05M_script01_1b", "Begun again."),
    ):
        spoken = None if text is None else f"{name}_F000 [001.0000-002.0000]: {text}\n"
        folder = write_dialogue(release, name, HEADER + turn.format(f"{name}_F000"), spoken)
        _write_wav(folder / f"{name}_F000.wav", np.zeros(RATE // 20))
    return release


def _write_everyday_traps(release: Path) -> None:
    name = "Ses01F_impro01"
    evaluation = f"""{HEADER}[6.2901 - 8.2357]\t{name}_F000\tneu\t[2.5000, 2.0000, 3.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral; Frustration;\t(tired; or bored)
C-E4:\tNeutral;\t()
C-F1:\tAnger;\t()
A-E3:\tval 3; act 2; dom  4;\t()
A-E4:\tval 2; act 2; dom  ;\t(no dominance given)
A-F1:\tval 5; act 5; dom  5;\t()

[7.5712 - 10.4750]\t{name}_M000\tfru\t[2.0000, 3.0000, 3.0000]
C-E2:\tFrustration;\t()
C-E3:\tFrustration;\t()
C-E4:\tBewilderment;\t()
C-M1:\tNeutral;\t()

[10.0100 - 11.3925]\t{name}_F001\txxx\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E3:\tAnger;\t()
C-E4:\tSadness; Fear; Other;\t()

[12.0000 - 13.0000]\t{name}_M001\tsad\t[2.0000, 2.0000, 2.0000]
C-F1:\tSadness;\t()

[14.0000 - 15.0000]\t{name}_F002\tang\t[1.5000, 4.0000, 4.0000]
C-E2:\tAnger;\t()
"""
    transcription = f"""{name}_F000 [006.2901-008.2358]: Excuse me.
{name}_M000 [007.5712-010.4750]: Look: it is ten past 5: we [laughter] have to go.
M: Mm-hm.
{name}_MXX0 [010.0000-010.2000]: Yeah.
{name}_FXX1 [010.5000-010.7000]: [GARBAGE]
{name}_F001 [010.0100-011.3924]: [BREATHING]
{name}_M001 [012.0000-013.0000]:
{name}_M001 [012.0000-013.0000]: A second text.
{name}_F002 [014.0000-015.0000]: This one was evaluated and never recorded.
"""
    folder = write_dialogue(release, name, evaluation, transcription)
    for turn in ("F000", "M000", "F001", "M001", "MXX0", "F003"):
        _write_wav(folder / f"{name}_{turn}.wav", np.zeros(RATE // 20))
    evaluations = release / "Session1/dialog/EmoEvaluation"
    for kind in ("Attribute", "Categorical", "Self-evaluation"):
        write_text(evaluations / kind / f"{name}_e2.txt", f"[broken {name}_F000 :Anger; ()\n")
    for hidden in (evaluations, release / "Session1/dialog/transcriptions"):
        (hidden / f"._{name}.txt").write_bytes(b"\x00\x05\x16\x07\x00Mac OS X\xff")
    (folder / f"._{name}_F000.wav").write_bytes(b"\x00\x05\x16\x07")
    write_text(evaluations / f"{name} (copy).txt", evaluation)


def _write_script_with_all_codes(release: Path) -> None:
    """Write a scripted dialogue with Windows line ends and an accent that is not UTF-8."""
    name = "Ses01M_script01_1"
    blocks, lines = [HEADER], []
    for number, (code, word) in enumerate(NAMES.items()):
        blocks.append(f"[{number}.0000 - {number}.9000]\t{name}_F{number:03d}\t{code}\t[3.0000, 3.0000, 3.0000]\n")
        blocks.append(f"C-E1:\t{word};\t(na\u00efve)\nC-E2:\t{word};\t()\n\n")
        lines.append(f"{name}_F{number:03d} [00{number}.0000-00{number}.9000]: My fianc\u00e9 said {word}.\n")
    evaluation, transcription = ("".join(parts).replace("\n", "\r\n") for parts in (blocks, lines))
    folder = write_dialogue(release, name, "", "")
    write_text(release / f"Session1/dialog/EmoEvaluation/{name}.txt", evaluation, encoding="latin-1")
    write_text(release / f"Session1/dialog/transcriptions/{name}.txt", transcription, encoding="latin-1")
    for number in range(len(NAMES)):
        _write_wav(folder / f"{name}_F{number:03d}.wav", np.zeros(RATE // 20))
