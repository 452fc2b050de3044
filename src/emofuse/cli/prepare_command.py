"""`emofuse prepare`: a corpus folder, a table or a dataset becomes a manifest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from emofuse.errors import CorpusError


def prepare(
    corpus: Annotated[str, typer.Argument(help="Name of the corpus; csv for any table, hf for a dataset.")],
    root: Annotated[Path, typer.Argument(help="The corpus folder as published, the table, or the dataset.")],
    out: Annotated[Path, typer.Option("--out", help="The manifest to write (JSON Lines).")],
    labels: Annotated[str, typer.Option("--labels", help="Count the labels under this policy.")] = "as-is",
    column: Annotated[list[str] | None, typer.Option("--column", help="For csv and hf: field=column.")] = None,
    audio_root: Annotated[
        Path | None,
        typer.Option("--root", help="For csv: where audio paths start; for hf: where to put recordings."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Turn a corpus folder or a table into a manifest, with counts."""
    from emofuse.cli.output import print_counts, print_json, warn_of_skips
    from emofuse.data.corpora import HUB, TABLE, read_corpus
    from emofuse.data.corpora.prepared import count_by
    from emofuse.data.labels import apply_policy
    from emofuse.data.manifest import save_corpus

    prepared = read_corpus(corpus, root, _columns(column or []), audio_root)
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
        typer.echo(f"{len(labelled)} utterances -> {out}; {len(prepared.skipped)} skipped")
    warn_of_skips(prepared.skipped)
    if prepared.incomplete:
        typer.echo(f"incomplete: {prepared.incomplete}", err=True)
    # What a published folder holds besides its utterances is no failure, nor is a part of it; a lost row is one.
    lost = prepared.incomplete and not prepared.partial
    return 1 if lost or (prepared.skipped and corpus in (TABLE, HUB)) else 0


def _columns(options: list[str]) -> dict[str, str]:
    columns = {}
    for option in options:
        field, sign, name = option.partition("=")
        if not sign or not name:
            raise CorpusError(f"--column {option}: write it as field=column, such as audio=wav_file")
        columns[field] = name
    return columns
