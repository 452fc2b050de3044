"""`emofuse prepare`: a manifest from a corpus folder, a table or a Hub dataset."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from emofuse.cli.predict.predict_options import parse_columns
from emofuse.cli.terminal import echo


def prepare(
    corpus: Annotated[str, typer.Argument(help="Name of the corpus; csv for any table, hf for a Hub dataset.")],
    root: Annotated[Path, typer.Argument(help="The corpus folder as published, the table, or the dataset.")],
    out: Annotated[Path, typer.Option("--out", help="Manifest to write (JSON Lines).")],
    labels: Annotated[str, typer.Option("--labels", help="Label policy for the counts.")] = "as-is",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="For csv and hf: name of a column, as field=column (repeatable)."),
    ] = None,
    audio_root: Annotated[
        Path | None,
        typer.Option(
            "--root", help="For csv: folder that audio paths are relative to; for hf: folder for the recordings."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Convert a corpus, table or Hub dataset to a manifest.

    Shows how many utterances there are of each session, label and speaker.
    """
    from emofuse.cli.output import configure_logging, counted, print_counts, print_json, warn_of_skips
    from emofuse.data.corpora import HUB, TABLE, read_corpus
    from emofuse.data.corpora.prepared import count_by
    from emofuse.data.labels import apply_policy
    from emofuse.data.manifest import save_corpus

    configure_logging()
    prepared = read_corpus(corpus, root, parse_columns(column or []), audio_root)
    labelled = prepared.corpus
    if labels != "as-is":
        labelled, _ = apply_policy(prepared.corpus, labels)
    save_corpus(prepared.corpus, out)
    counts = {field: count_by(labelled, field) for field in ("session", "label", "speaker")}
    if as_json:
        document: dict[str, Any] = {"corpus": labelled.name, "n_utterances": len(labelled), "labels": labels}
        document |= {"counts": counts, "incomplete": prepared.incomplete}
        print_json(document | {"skipped": [asdict(skip) for skip in prepared.skipped]})
    else:
        for field, values in counts.items():
            print_counts(field, values)
        echo(f"{counted(len(labelled), 'utterance')} written to {out}; {len(prepared.skipped)} skipped")
    warn_of_skips(prepared.skipped)
    if prepared.incomplete:
        echo(f"incomplete: {prepared.incomplete}", err=True)
    # Other files in a published folder are no failure, nor is a part of a corpus; a lost row of a table is one.
    lost = prepared.incomplete and not prepared.partial
    return 1 if lost or (prepared.skipped and corpus in (TABLE, HUB)) else 0
