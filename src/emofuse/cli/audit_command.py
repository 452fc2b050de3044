"""`emofuse audit`: leaks, confounds and broken recordings that would make results invalid or too good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from emofuse.cli.page_options import WithPseudonyms
from emofuse.cli.terminal import echo
from emofuse.errors import RecipeError
from emofuse.types import Finding

# How many utterances of a finding are listed on the screen; --json lists them all.
LISTED_UTTERANCES = 3


def audit(
    manifest: Annotated[Path, typer.Argument(help="Manifest (JSON Lines).")],
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Protocol to audit; if omitted, one that suits the corpus.")
    ] = None,
    labels: Annotated[str, typer.Option("--labels", help="Label policy, such as iemocap4 or ekman7.")] = "as-is",
    text_independent: Annotated[
        bool, typer.Option("--text-independent", help="Require folds that share no texts.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option("--page", help="Write an HTML page with plots to this file.")
    ] = None,
    pseudonyms: WithPseudonyms = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 if there are errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Check a corpus for leaks, confounds and broken files."""
    from emofuse import layout
    from emofuse.cli.output import configure_logging, counted, print_json
    from emofuse.config import ProtocolName
    from emofuse.data import audit as auditing
    from emofuse.data.labels import apply_policy
    from emofuse.data.manifest import load_corpus
    from emofuse.pages.extra import require_package
    from emofuse.pages.pseudonyms import Pseudonyms

    configure_logging()
    chosen = next((name for name in get_args(ProtocolName) if name == protocol), None)
    if protocol is not None and chosen is None:
        raise RecipeError(f"--protocol {protocol}: choose one of {', '.join(get_args(ProtocolName))}")
    if pseudonyms and page is None:
        raise RecipeError("--pseudonyms applies to the page only; add --page")
    corpus = load_corpus(manifest)
    unmapped = corpus
    if any(u.label is not None for u in corpus):
        corpus, _ = apply_policy(corpus, labels)
    if page is not None:
        require_package("jinja2", "--page")
        require_package("matplotlib", "--page")
    stand_ins = Pseudonyms.kept_in(layout.cache_folder()) if pseudonyms else None
    report = auditing.audit(corpus, chosen, text_independent=text_independent, unmapped=unmapped)
    if page is not None:
        from emofuse.data.audit.page import audit_page

        layout.write_text(page, audit_page(corpus.name, report.as_dict(), report.facts, stand_ins))
    if as_json:
        print_json(report.as_dict())
    else:
        echo(f"{corpus.name}: {counted(report.n_utterances, 'utterance')}, {report.protocol or 'no protocol'}")
        show_findings(report.findings)
        if page is not None:
            echo(f"page written to {page}")
    return 1 if strict and any(f.severity == "error" for f in report.findings) else 0


def show_findings(findings: Sequence[Finding]) -> None:
    """Print each finding with its utterances and its remedy."""
    if not findings:
        echo("no findings")
    for finding in findings:
        more = ", ..." if finding.count > LISTED_UTTERANCES else ""
        names = ", ".join(finding.utterances[:LISTED_UTTERANCES]) + more
        echo(f"\n{finding.severity}: {finding.code}\n  {finding.message}\n  {names}\n  -> {finding.remedy}")
