"""Who speaks with which label: confounds between speakers, genders and emotions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from emofuse.data.audit.finding import finding
from emofuse.types import Corpus, Finding, Utterance

# Speakers with fewer utterances are not checked.
FEWEST_UTTERANCES = 2
# Below this share of the utterances, speakers with one label are a note: guests with two lines are everywhere.
CONFOUNDED = 0.1
# With so many utterances or more, more speakers than this share of them are hardly people.
FEWEST_NAMED, ONE_EACH = 20, 0.9
SPELLINGS = {"f": "female", "w": "female", "woman": "female", "m": "male", "man": "male"}


def audit_people(corpus: Corpus, original: Mapping[str, str | None]) -> Iterator[Finding]:
    """Yield findings on speakers, genders and labels; `original` are the labels before any policy, by id."""
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in corpus:
        if utterance.speaker is not None:
            by_speaker[utterance.speaker].append(utterance)
    yield from _single_label(by_speaker)
    yield from _names(corpus, by_speaker)
    yield from _labels(original)
    yield from _genders(corpus, by_speaker)
    tied = [u.id for u in corpus if u.label is None and u.votes and original.get(u.id) is None]
    if tied:
        message = f"raters came to no label for {len(tied)} of {len(corpus)} utterances"
        yield finding("label-tie", tied, message)


def _names(corpus: Corpus, by_speaker: Mapping[str, list[Utterance]]) -> Iterator[Finding]:
    """Yield findings on who is who: nobody is named, one person in two spellings, each utterance a person."""
    labelled = [u for u in corpus if u.label is not None]
    if labelled and not by_speaker:
        yield finding("speaker-unknown", (u.id for u in labelled), "no utterance names its speaker")
    twins = _spelt_alike(by_speaker)
    if twins:
        ids = [u.id for names in twins for name in names for u in by_speaker[name]]
        message = f"{len(twins)} speakers are written in several ways, such as {' and '.join(twins[0])}"
        yield finding("speaker-spelling", ids, message)
    named = [u for u in labelled if u.speaker is not None]
    if len(named) >= FEWEST_NAMED and len({u.speaker for u in named}) > ONE_EACH * len(named):
        message = f"{len(named)} utterances have {len({u.speaker for u in named})} speakers: nearly one each"
        yield finding("speaker-per-utterance", (u.id for u in named), message)


def _labels(original: Mapping[str, str | None]) -> Iterator[Finding]:
    twins = _spelt_alike({label for label in original.values() if label is not None})
    if twins:
        spellings = {name for names in twins for name in names}
        ids = [identity for identity, label in original.items() if label in spellings]
        message = f"{len(twins)} labels are written in several ways, such as {' and '.join(twins[0])}"
        yield finding("label-spelling", ids, message)


def _spelt_alike(names: Collection[str]) -> list[list[str]]:
    """Return the names that differ in capitals and spaces only, group by group."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        groups["".join(name.split()).casefold()].append(name)
    return [group for group in groups.values() if len(group) > 1]


def _single_label(by_speaker: dict[str, list[Utterance]]) -> Iterator[Finding]:
    labelled = {name: [u for u in own if u.label is not None] for name, own in by_speaker.items()}
    checked = {name: own for name, own in labelled.items() if len(own) >= FEWEST_UTTERANCES}
    if len({u.label for own in checked.values() for u in own}) < 2:
        return
    single = [name for name, own in checked.items() if len({u.label for u in own}) == 1]
    if single:
        ids = [u.id for name in single for u in checked[name]]
        total = sum(map(len, checked.values()))
        message = f"{len(single)} of {len(checked)} speakers have a single label, such as {single[0]}"
        yield finding("speaker-single-label", ids, message, None if len(ids) >= CONFOUNDED * total else "note")


def _genders(corpus: Corpus, by_speaker: dict[str, list[Utterance]]) -> Iterator[Finding]:
    mixed = [name for name, own in by_speaker.items() if len({u.gender for u in own} - {None}) > 1]
    spellings: dict[str, set[str]] = defaultdict(set)
    for code in {u.gender for u in corpus} - {None}:
        word = str(code).strip().lower()
        spellings[SPELLINGS.get(word, word)].add(str(code))
    twice = sorted(code for codes in spellings.values() if len(codes) > 1 for code in codes)
    ids = [u.id for u in corpus if u.speaker in set(mixed) or u.gender in set(twice)]
    reasons = []
    if mixed:
        reasons.append(f"{len(mixed)} speakers have more than one gender code, such as {mixed[0]}")
    if twice:
        reasons.append(f"one gender is written in several ways: {', '.join(twice)}")
    if reasons:
        yield finding("gender-mixed", ids, "; ".join(reasons))
