"""`emofuse audit`: what would make the numbers of a protocol invalid, or flatter them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from emofuse.errors import RecipeError
from emofuse.types import Finding

# How many utterances of a finding are named on the screen; --json names them all.
NAMED = 3


def audit(
    manifest: Annotated[Path, typer.Argument(help="The manifest.")],
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="The protocol to audit; else what the corpus suggests.")
    ] = None,
    labels: Annotated[str, typer.Option("--labels", help="The label policy.")] = "as-is",
    text_independent: Annotated[
        bool, typer.Option("--text-independent", help="Folds are to keep apart what is said, too.")
    ] = False,
    page: Annotated[Path | None, typer.Option("--page", help="Write a page with plots here (HTML).")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if there are errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Look for leaks between folds, confounds, and broken recordings, before any training."""
    from emofuse import layout
    from emofuse.cli.output import configure_logging, print_json
    from emofuse.config import ProtocolName
    from emofuse.data import audit as auditing
    from emofuse.data.labels import apply_policy
    from emofuse.data.manifest import load_corpus
    from emofuse.pages.extra import require_package

    configure_logging()
    chosen = next((name for name in get_args(ProtocolName) if name == protocol), None)
    if protocol is not None and chosen is None:
        raise RecipeError(f"--protocol {protocol}: choose one of {', '.join(get_args(ProtocolName))}")
    corpus = load_corpus(manifest)
    unmapped = corpus
    if any(u.label is not None for u in corpus):
        corpus, _ = apply_policy(corpus, labels)
    if page is not None:
        require_package("jinja2", "--page")
        require_package("matplotlib", "--page")
    found = auditing.audit(corpus, chosen, text_independent=text_independent, unmapped=unmapped)
    if page is not None:
        from emofuse.data.audit.page import audit_page

        layout.write_text(page, audit_page(corpus.name, found.as_dict(), found.facts))
    if as_json:
        print_json(found.as_dict())
    else:
        typer.echo(f"{corpus.name}: {found.n_utterances} utterances, {found.protocol or 'no protocol'}")
        show_findings(found.findings)
        if page is not None:
            typer.echo(f"the page is {page}")
    return 1 if strict and any(f.severity == "error" for f in found.findings) else 0


def show_findings(findings: Sequence[Finding]) -> None:
    """Print findings, each with its utterances and with what to do."""
    if not findings:
        typer.echo("nothing was found")
    for found in findings:
        names = ", ".join(found.utterances[:NAMED]) + (", ..." if found.count > NAMED else "")
        typer.echo(f"\n{found.severity}: {found.code}\n  {found.message}\n  {names}\n  -> {found.remedy}")
