"""`emofuse predict`: files, folders and texts in, predictions out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args

import typer

from emofuse.cli.formats import FORMATS, FormatName
from emofuse.errors import CheckpointError, CorpusError, EmofuseError, RecipeError
from emofuse.types import Prediction, Skip, Utterance


def predict(
    model: Annotated[Path, typer.Argument(help="The model folder, or a run folder with a model in it.")],
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Recordings, folders of recordings, manifests (.jsonl).")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="What is said in the one recording given.")] = None,
    transcripts: Annotated[
        Path | None, typer.Option("--transcripts", help="A table of files and what is said in them.")
    ] = None,
    output: Annotated[str, typer.Option("--format", help="table, json, jsonl or csv.")] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write into this folder, not to stdout.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Predict though a modality is missing that the model needs.")
    ] = False,
    priors: Annotated[
        str | None, typer.Option("--priors", help="How frequent labels are in use: happy=0.1,neutral=0.9 ...")
    ] = None,
) -> int:
    """Recognise the emotion in recordings, in texts, or in both together."""
    if output not in get_args(FormatName):
        raise CorpusError(f"--format {output}: choose one of {', '.join(get_args(FormatName))}")
    utterances = collect_inputs(inputs or [], text, transcripts)
    from emofuse.cli.output import configure_logging
    from emofuse.inference.recognizer import load

    if not model.is_dir():
        raise CheckpointError(f"{model}: no such model folder; give one as the first argument")
    configure_logging()
    recognizer = load(model, allow_missing=allow_missing, priors=_shares(priors))
    failed = _show(recognizer.predict_many(utterances), output, recognizer.labels, out)
    if failed and len(utterances) == 1:
        raise EmofuseError(failed[0].reason)
    for skip in failed:
        typer.echo(f"failed {skip.id}: {skip.reason}", err=True)
    return 1 if failed else 0


def _shares(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    shares = {}
    for part in text.split(","):
        label, _, number = part.strip().partition("=")
        if label in shares:
            raise RecipeError(f"--priors: the label {label!r} stands there twice")
        try:
            shares[label] = float(number)
        except ValueError as error:
            raise RecipeError(f"--priors {part.strip()}: write it as label=share, such as happy=0.1") from error
    return shares


def collect_inputs(inputs: Sequence[Path], text: str | None, transcripts: Path | None) -> list[Utterance]:
    """Turn the command's arguments into utterances with unique ids.

    Raises:
        CorpusError: there is nothing to predict, a folder has no recording in it, or `text` has several.
    """
    utterances = _with_unique_ids(utterance for path in inputs for utterance in _utterances(path))
    if text is not None:
        if len(utterances) > 1:
            raise CorpusError(f"--text goes with one recording, not with {len(utterances)}; use --transcripts")
        only = utterances[0] if utterances else Utterance("text", text=text)
        utterances = [replace(only, text=text, text_source="gold")]
    if not utterances:
        raise CorpusError("there is nothing to predict: name recordings, or give --text")
    if transcripts is not None:
        from emofuse.cli.transcripts import attach

        utterances = attach(utterances, transcripts)
    return utterances


def _with_unique_ids(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Return the utterances; what repeats an id gets a number behind it."""
    seen: Counter[str] = Counter()
    unique = []
    for utterance in utterances:
        seen[utterance.id] += 1
        number = seen[utterance.id]
        unique.append(utterance if number == 1 else replace(utterance, id=f"{utterance.id}#{number}"))
    return unique


def _utterances(path: Path) -> Iterable[Utterance]:
    from emofuse.data.audio import AUDIO_SUFFIXES
    from emofuse.data.manifest import load_corpus

    if os.path.isdir(path):  # unlike Path's, it takes any name
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES and p.is_file())
        if not found:
            raise CorpusError(f"{path}: the folder has no recording in it ({', '.join(AUDIO_SUFFIXES)})")
        return [Utterance(p.relative_to(path).with_suffix("").as_posix(), audio=p) for p in found]
    if path.suffix == ".jsonl":
        return load_corpus(path)
    return [Utterance(path.stem, audio=path)]


def _show(
    results: Iterable[Prediction | Skip], output: str, labels: Sequence[str], out: Path | None
) -> list[Skip]:
    """Write predictions in a format as they come; return what failed."""
    failed: list[Skip] = []

    def predictions() -> Iterable[Prediction]:
        for result in results:
            if isinstance(result, Skip):
                failed.append(result)
            else:
                yield result

    lines = FORMATS[output](predictions(), labels)  # type: ignore[index]  # checked by the caller
    if out is None:
        for line in lines:
            typer.echo(line)
        return failed
    from emofuse import layout

    ending = "txt" if output == "table" else output
    layout.make_folder(out)
    layout.write_text(out / f"predictions.{ending}", "".join(f"{line}\n" for line in lines))
    return failed
