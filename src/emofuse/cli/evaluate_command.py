"""`emofuse evaluate`: how good a model is on a corpus, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from emofuse.errors import RecipeError
from emofuse.types import Skip


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A model or run folder; or an audio- or text-classification model of the Hub.")
    ],
    manifest: Annotated[Path, typer.Argument(help="The manifest.")],
    labels: Annotated[str, typer.Option("--labels", help="The label policy.")] = "as-is",
    pairs: Annotated[
        list[str] | None,
        typer.Option("--map", help="What the model calls a label: theirs=ours; or a YAML file of such pairs."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write predictions and figures into this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Let a model predict a corpus, and score it; models of others too."""
    from emofuse.cli.output import configure_logging, print_json, progress_bar, warn_of_skips

    configure_logging()
    from emofuse.inference.evaluate import evaluate as evaluate_on

    given = _label_map(pairs or [])
    with progress_bar() as bar:
        task = bar.add_task("predicting", total=None, figures="")
        document = evaluate_on(
            model,
            manifest,
            labels,
            given,
            out,
            listener=lambda done, of: bar.update(task, completed=done, total=of),
        )
    if as_json:
        print_json(document)
    else:
        _show(document, out)
    for warning in document["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    warn_of_skips([Skip(**skip) for skip in document["skipped"]])
    return 1 if document["skipped"] else 0


def _label_map(values: Sequence[str]) -> dict[str, str]:
    """Read pairs of labels, and files of them; what stands later holds."""
    pairs: dict[str, str] = {}
    for value in values:
        theirs, sign, ours = value.partition("=")
        pairs |= {theirs.strip(): ours.strip()} if sign else _read_pairs(Path(value))
    return pairs


def _read_pairs(path: Path) -> dict[str, str]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"--map {path}: is no pair theirs=ours, and no file that can be read") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"--map {path}: is not YAML; write one `theirs: ours` a line") from error
    if not isinstance(found, dict):
        raise RecipeError(f"--map {path}: holds no pairs; write one `theirs: ours` a line")
    return {str(theirs): "" if ours is None else str(ours) for theirs, ours in found.items()}


def _show(document: dict[str, Any], out: Path | None) -> None:
    from emofuse.cli.score_tables import show_figures, show_groups

    show_figures(document["figures"], f"{document['model']}: {document['n']} of {document['tested']} utterances")
    show_groups(document["figures"]["groups"])
    renamed = [f"{theirs} is {ours}" for theirs, ours in document["map"].items() if theirs != ours]
    if renamed:
        typer.echo(f"labels: {', '.join(renamed)}")
    typer.echo(document["signature"])
    if out is not None:
        typer.echo(f"everything is in {out}")
