"""`emofuse receipt verify`: whether inputs, model and answers of a sealed run are as its receipt says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emofuse.cli.terminal import echo


def receipt(
    action: Annotated[str, typer.Argument(help="verify: compare a receipt with the files that it names.")],
    path: Annotated[Path, typer.Argument(metavar="file", help="The receipt of a sealed run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Verify the receipt of a sealed run.

    The exit code is 0 if inputs, model and answers have the hashes that the receipt states, else 1.
    """
    from emofuse.cli.output import counted, print_json
    from emofuse.cli.predict.receipt import differences, read_receipt
    from emofuse.errors import RecipeError

    if action != "verify":
        raise RecipeError(f"emofuse receipt {action}: the only action is verify")
    document = read_receipt(path)
    found = list(differences(document, path.parent))
    if as_json:
        print_json({"schema": document["schema"], "verified": not found, "differences": found})
    elif found:
        more = f" (and {counted(len(found) - 1, 'other difference')})" if len(found) > 1 else ""
        echo(f"not verified: {found[0]}{more}", err=True)
    else:
        inputs, answers = (counted(len(document[key]), "file") for key in ("inputs", "answers"))
        echo(f"verified: the model {document['model']['name']}, {inputs} of input, {answers} of answers")
    return 1 if found else 0
