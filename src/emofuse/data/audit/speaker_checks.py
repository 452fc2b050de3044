"""Who speaks with which label: confounds between speakers, genders and emotions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from emofuse.data.audit.finding import finding
from emofuse.types import Corpus, Finding, Utterance

# Of a speaker heard once nothing can be said.
ENOUGH = 2
# Below this share of the utterances, speakers with one label are a note: guests with two lines are everywhere.
CONFOUNDED = 0.1
SPELLINGS = {"f": "female", "w": "female", "woman": "female", "m": "male", "man": "male"}


def audit_people(corpus: Corpus, given: Mapping[str, str | None]) -> Iterator[Finding]:
    """Yield what is wrong with speakers, genders and labels; `given` are those before any policy, by id."""
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in corpus:
        if utterance.speaker is not None:
            by_speaker[utterance.speaker].append(utterance)
    yield from _single_label(by_speaker)
    yield from _genders(corpus, by_speaker)
    tied = [u.id for u in corpus if u.label is None and u.votes and given.get(u.id) is None]
    if tied:
        message = f"raters came to no label for {len(tied)} of {len(corpus)} utterances"
        yield finding("label-tie", tied, message)


def _single_label(by_speaker: dict[str, list[Utterance]]) -> Iterator[Finding]:
    speaking = {name: [u for u in said if u.label is not None] for name, said in by_speaker.items()}
    heard = {name: said for name, said in speaking.items() if len(said) >= ENOUGH}
    if len({u.label for said in heard.values() for u in said}) < 2:
        return
    single = [name for name, said in heard.items() if len({u.label for u in said}) == 1]
    if single:
        found = [u.id for name in single for u in heard[name]]
        total = sum(map(len, heard.values()))
        message = f"{len(single)} of {len(heard)} speakers have a single label, such as {single[0]}"
        yield finding("speaker-single-label", found, message, None if len(found) >= CONFOUNDED * total else "note")


def _genders(corpus: Corpus, by_speaker: dict[str, list[Utterance]]) -> Iterator[Finding]:
    mixed = [name for name, said in by_speaker.items() if len({u.gender for u in said} - {None}) > 1]
    spellings: dict[str, set[str]] = defaultdict(set)
    for code in {u.gender for u in corpus} - {None}:
        word = str(code).strip().lower()
        spellings[SPELLINGS.get(word, word)].add(str(code))
    twice = sorted(code for codes in spellings.values() if len(codes) > 1 for code in codes)
    found = [u.id for u in corpus if u.speaker in set(mixed) or u.gender in set(twice)]
    reasons = []
    if mixed:
        reasons.append(f"{len(mixed)} speakers have more than one gender code, such as {mixed[0]}")
    if twice:
        reasons.append(f"one gender is written in several ways: {', '.join(twice)}")
    if reasons:
        yield finding("gender-mixed", found, "; ".join(reasons))
