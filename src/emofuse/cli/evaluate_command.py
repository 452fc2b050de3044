"""`emofuse evaluate`: a model, ours or another one from the Hub, scored on a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from emofuse.cli.predict.model_options import Calibrate, LabelMap, Together, chosen_model, parse_together
from emofuse.cli.terminal import echo
from emofuse.errors import RecipeError, brief_message
from emofuse.seal import seal
from emofuse.types import Skip


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A model or run folder, the name of a model in the box, or an audio or text classification model "
            "on the Hub; left out where --model names two."
        ),
    ] = None,
    manifest: Annotated[Path | None, typer.Argument(help="Manifest (JSON Lines).")] = None,
    labels: Annotated[str, typer.Option("--labels", help="Label policy, such as iemocap4 or ekman7.")] = "as-is",
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Map a label of the model to one of the corpus: model=corpus, or a YAML file of such pairs.",
        ),
    ] = None,
    together: Together = None,
    names: LabelMap = None,
    calibrate: Calibrate = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write predictions and scores to this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    sealed: Annotated[bool, typer.Option("--sealed", help="Open no socket, and mask words in messages.")] = False,
) -> int:
    """Evaluate a model on a corpus.

    The model may also be an audio or text classification model on the Hub.
    """
    from emofuse.cli.output import configure_logging, print_json, progress_bar, warn_of_skips

    if sealed:
        seal()
    configure_logging()
    from emofuse.inference.evaluate import evaluate as evaluate_on

    pair = parse_together(together)
    if pair and manifest is None:
        model, manifest = None, Path(model) if model else None
    if manifest is None or bool(pair) == (model is not None):
        raise RecipeError("name a model and a manifest; or two models with --model, and a manifest")
    chosen = chosen_model(model, pair, names, calibrate)
    label_map = _label_map(pairs or [])
    with progress_bar() as bar:
        task = bar.add_task("predicting", total=None, figures="")
        document = evaluate_on(
            chosen,
            manifest,
            labels,
            label_map,
            out,
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )
    if as_json:
        print_json(document)
    else:
        _show(document, out)
    for warning in document["warnings"]:
        echo(f"warning: {warning}", err=True)
    warn_of_skips([Skip(**skip) for skip in document["skipped"]])
    return 1 if document["skipped"] else 0


def _label_map(values: Sequence[str]) -> dict[str, str]:
    """Read pairs of labels, and files of them; a later pair overrides an earlier one."""
    pairs: dict[str, str] = {}
    for value in values:
        model, sign, corpus = value.partition("=")
        pairs |= {model.strip(): corpus.strip()} if sign else _read_pairs(Path(value))
    return pairs


def _read_pairs(path: Path) -> dict[str, str]:
    from emofuse.untrusted.bounded_files import read_text
    from emofuse.untrusted.yaml_text import parse_yaml

    try:
        document = parse_yaml(read_text(path))
    except OSError as error:
        raise RecipeError(f"--map {path}: is neither a pair model=corpus nor a file that can be read") from error
    except ValueError as error:
        reason = brief_message(error)
        raise RecipeError(f"--map {path}: is not YAML ({reason}); write one `model: corpus` per line") from error
    if not isinstance(document, dict):
        raise RecipeError(f"--map {path}: has no pairs of labels; write one `model: corpus` per line")
    return {str(model): "" if corpus is None else str(corpus) for model, corpus in document.items()}


def _show(document: dict[str, Any], out: Path | None) -> None:
    from emofuse.cli.output import counted
    from emofuse.cli.results_tables import show_figures, show_groups

    size = f"{document['n']} of {counted(document['tested'], 'utterance')}"
    show_figures(document["figures"], f"{document['model']}: {size}", document["missing_as_wrong"])
    show_groups(document["figures"]["groups"])
    renamed = [f"{model} -> {corpus}" for model, corpus in document["map"].items() if model != corpus]
    if renamed:
        echo(f"labels mapped: {', '.join(renamed)}")
    echo(document["signature"])
    if out is not None:
        echo(f"results written to {out}")
