"""`emofuse score`: the predictions of any system, under a protocol, with a signature to cite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from emofuse.errors import CorpusError, RecipeError

if TYPE_CHECKING:
    from emofuse.config import ProtocolName
    from emofuse.types import Corpus, Fold

TextKind = Literal["gold", "asr", "none"]
UNSTATED = "unstated"


def score(
    predictions: Annotated[
        list[Path],
        typer.Argument(help="Tables (CSV, TSV) or JSON Lines of id, label and maybe fold, seed, p_LABEL."),
    ],
    manifest: Annotated[Path, typer.Option("--manifest", help="The manifest.")],
    protocol: Annotated[str, typer.Option("--protocol", help="Who was tested while the others trained.")],
    labels: Annotated[str, typer.Option("--labels", help="The label policy.")] = "as-is",
    folds: Annotated[Path | None, typer.Option("--folds", help="The folds, if not ours: a folds.json.")] = None,
    folds_seed: Annotated[int, typer.Option("--folds-seed", min=0, help="Of folds drawn at random.")] = 0,
    text_independent: Annotated[
        bool, typer.Option("--text-independent", help="Folds keep apart what is said, too.")
    ] = False,
    columns: Annotated[
        list[str] | None, typer.Option("--column", help="Name a column: field=column, such as id=file.")
    ] = None,
    text_source: Annotated[
        str, typer.Option("--text-source", help="What the system read: gold, asr or none.")
    ] = UNSTATED,
    validation: Annotated[
        str, typer.Option("--validation", help="What validation was cut by, in a word: session, none ...")
    ] = UNSTATED,
    selection: Annotated[
        str, typer.Option("--selection", help="How the epoch was chosen, in a word: best, fixed ...")
    ] = UNSTATED,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Score any system's predictions, and print one signature to cite."""
    from emofuse.cli.output import configure_logging
    from emofuse.data.labels import apply_policy
    from emofuse.data.manifest import load_corpus
    from emofuse.runs.referee import Statement, score_answers
    from emofuse.runs.submitted_files import read_answers

    configure_logging()
    if text_source not in (*get_args(TextKind), UNSTATED):
        raise RecipeError(f"--text-source {text_source}: choose one of {', '.join(get_args(TextKind))}")
    chosen = _protocol(protocol)
    names = _columns(columns or [])
    corpus, task = apply_policy(load_corpus(manifest), labels)
    parts = _folds(corpus, chosen, folds, folds_seed, text_independent)
    answers = [answer for path in predictions for answer in read_answers(path, names)]
    said = Statement(chosen, labels, text_independent, validation, selection, text_source)
    scored = score_answers(answers, corpus, task, parts, said)
    _show(scored, as_json)
    return 1 if scored["missing"] else 0


def _protocol(name: str) -> ProtocolName:
    from emofuse.config import ProtocolName

    chosen = next((each for each in get_args(ProtocolName) if each == name), None)
    if chosen is None:
        raise RecipeError(f"--protocol {name}: choose one of {', '.join(get_args(ProtocolName))}")
    found: ProtocolName = chosen
    return found


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise CorpusError(f"--column {wrong[0]}: write it as field=column, such as id=file")
    return {field: column for field, _, column in (pair.partition("=") for pair in pairs)}


def _folds(
    corpus: Corpus, protocol: ProtocolName, given: Path | None, seed: int, text_independent: bool
) -> tuple[Fold, ...]:
    """Draw the protocol's folds, or read those that are given and make sure that they are the protocol's."""
    from emofuse.data.splits import draw_folds
    from emofuse.runs.comparing import read_folds
    from emofuse.runs.referee import check_folds

    if given is not None and protocol == "speaker-kfold" and text_independent:
        raise RecipeError(
            "--folds: whether folds of speakers keep apart what is said cannot be checked; leave one out"
        )
    drawn = draw_folds(corpus, protocol, "fixed", seed, text_independent)
    if given is None:
        return drawn
    folds = read_folds(given)
    check_folds(folds, drawn, corpus, whole_speakers=protocol == "speaker-kfold")
    return folds


def _show(scored: dict[str, Any], as_json: bool) -> None:
    from emofuse.cli.output import print_json
    from emofuse.cli.score_tables import show_figures

    if as_json:
        print_json(scored)
    else:
        show_figures(
            scored["figures"], f"{scored['n']} of {scored['tested']} utterances, {scored['seeds']} seed(s)"
        )
        typer.echo(scored["signature"])
    for warning in scored["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
