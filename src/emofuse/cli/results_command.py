"""`emofuse results`: the tables of a finished run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def results(
    run: Annotated[Path, typer.Argument(help="Run folder of crossval.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print its results.json on stdout.")] = False,
) -> int:
    """Show the results of a finished run again."""
    from emofuse.cli.output import configure_logging, print_json
    from emofuse.cli.results_tables import show_results
    from emofuse.errors import RunError
    from emofuse.runs.run_folder import RunFolder

    configure_logging()
    document = dict(RunFolder.open(run).results)
    if as_json:
        print_json(document)
        return 0
    try:
        show_results(document, run)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{run}: its results.json is of another version or damaged; run it again with --resume"
        ) from error
    return 0
