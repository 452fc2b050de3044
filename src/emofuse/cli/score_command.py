"""`emofuse score`: scores for the predictions of any system, with a signature to cite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from emofuse.cli.terminal import echo
from emofuse.errors import CorpusError, RecipeError

if TYPE_CHECKING:
    from emofuse.config import ProtocolName
    from emofuse.types import Corpus, Fold

TextKind = Literal["gold", "asr", "none"]
UNSTATED = "unstated"


def score(
    predictions: Annotated[
        list[Path],
        typer.Argument(help="CSV, TSV or JSON Lines files with id, label and optionally fold, seed, p_LABEL."),
    ],
    manifest: Annotated[Path, typer.Option("--manifest", help="Manifest (JSON Lines).")],
    protocol: Annotated[str, typer.Option("--protocol", help="Protocol that the predictions were made with.")],
    labels: Annotated[str, typer.Option("--labels", help="Label policy, such as iemocap4 or ekman7.")] = "as-is",
    folds: Annotated[
        Path | None, typer.Option("--folds", help="The folds (folds.json), if they are not those of emofuse.")
    ] = None,
    folds_seed: Annotated[
        int, typer.Option("--folds-seed", min=0, help="Seed of folds that are drawn at random.")
    ] = 0,
    text_independent: Annotated[
        bool, typer.Option("--text-independent", help="The folds share no texts.")
    ] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help="Name of a column, as field=column, such as id=file (repeatable)."),
    ] = None,
    text_source: Annotated[
        str, typer.Option("--text-source", help="Texts that the system used: gold, asr or none.")
    ] = UNSTATED,
    validation: Annotated[
        str,
        typer.Option("--validation", help="What the validation set was split by, in one word: session, none, ..."),
    ] = UNSTATED,
    selection: Annotated[
        str, typer.Option("--selection", help="How the epoch was selected, in one word: best, fixed, ...")
    ] = UNSTATED,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Score the predictions of any system.

    Prints a signature that says how the scores were computed, to cite with them.
    """
    from emofuse.cli.output import configure_logging
    from emofuse.data.labels import apply_policy
    from emofuse.data.manifest import load_corpus
    from emofuse.runs.submission_scores import SubmissionInfo, score_submission
    from emofuse.runs.submitted_files import read_submitted

    configure_logging()
    if text_source not in (*get_args(TextKind), UNSTATED):
        raise RecipeError(f"--text-source {text_source}: choose one of {', '.join(get_args(TextKind))}")
    chosen = _protocol(protocol)
    names = _columns(columns or [])
    corpus, task = apply_policy(load_corpus(manifest), labels)
    parts = _folds(corpus, chosen, folds, folds_seed, text_independent)
    submitted = [prediction for path in predictions for prediction in read_submitted(path, names)]
    info = SubmissionInfo(chosen, labels, text_independent, validation, selection, text_source)
    scored = score_submission(submitted, corpus, task, parts, info)
    _show(scored, as_json)
    return 1 if scored["missing"] else 0


def _protocol(name: str) -> ProtocolName:
    from emofuse.config import ProtocolName

    chosen = next((each for each in get_args(ProtocolName) if each == name), None)
    if chosen is None:
        raise RecipeError(f"--protocol {name}: choose one of {', '.join(get_args(ProtocolName))}")
    protocol: ProtocolName = chosen
    return protocol


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise CorpusError(f"--column {wrong[0]}: write it as field=column, such as id=file")
    return {field: column for field, _, column in (pair.partition("=") for pair in pairs)}


def _folds(
    corpus: Corpus, protocol: ProtocolName, path: Path | None, seed: int, text_independent: bool
) -> tuple[Fold, ...]:
    """Draw the folds of a protocol, or read them from a file and check that they follow the protocol."""
    from emofuse.data.splits import draw_folds
    from emofuse.runs.run_folder import read_folds
    from emofuse.runs.submission_scores import check_folds

    if path is not None and protocol == "speaker-kfold" and text_independent:
        raise RecipeError(
            "--folds: cannot be checked with --text-independent under speaker-kfold; omit one of the two options"
        )
    drawn = draw_folds(corpus, protocol, "fixed", seed, text_independent)
    if path is None:
        return drawn
    folds = read_folds(path)
    check_folds(folds, drawn, corpus, whole_speakers=protocol == "speaker-kfold")
    return folds


def _show(scored: dict[str, Any], as_json: bool) -> None:
    from emofuse.cli.output import counted, print_json
    from emofuse.cli.results_tables import show_figures

    if as_json:
        print_json(scored)
    else:
        show_figures(
            scored["figures"],
            f"{scored['n']} of {counted(scored['tested'], 'utterance')}, {counted(scored['seeds'], 'seed')}",
            scored["missing_as_wrong"],
        )
        echo(scored["signature"])
    for warning in scored["warnings"]:
        echo(f"warning: {warning}", err=True)
