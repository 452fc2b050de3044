"""The commands; an error is one line on stderr, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from signal import Signals
from typing import Annotated

import typer

from emofuse import __version__
from emofuse.cli.audit_command import audit
from emofuse.cli.bench_command import bench
from emofuse.cli.cache_command import cache
from emofuse.cli.compare_command import compare
from emofuse.cli.crossval_command import crossval, results
from emofuse.cli.demo_command import demo
from emofuse.cli.doctor_command import doctor
from emofuse.cli.evaluate_command import evaluate
from emofuse.cli.explain_command import explain
from emofuse.cli.export_command import export
from emofuse.cli.interrupts import Stopped, stopped_by_signals
from emofuse.cli.predict.predict_command import predict
from emofuse.cli.prepare_command import prepare
from emofuse.cli.receipt_command import receipt
from emofuse.cli.score_command import score
from emofuse.cli.train_command import train
from emofuse.cli.transcribe_command import transcribe
from emofuse.errors import DISK_ERRORS, EmofuseError, SealedError
from emofuse.file_names import shown_name
from emofuse.privacy import mask_quotes
from emofuse.seal import locks
from emofuse.untrusted.terminal_text import terminal_line

# The root of click's usage errors, wherever this version of typer keeps click.
USAGE_ERROR: type[typer.BadParameter] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="emofuse",
    help="Recognise emotion from what is said and how it is said.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help is twice as fast
)
for command in (
    prepare,
    audit,
    transcribe,
    crossval,
    train,
    predict,
    evaluate,
    score,
    compare,
    results,
    explain,
    export,
    receipt,
    bench,
    cache,
    demo,
    doctor,
):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Recognise emotion from what is said and how it is said."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0 all done, 1 some inputs failed, 2 a wrong call or input."""
    with stopped_by_signals():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        code = app(args=list(arguments) or ["--help"], standalone_mode=False)
        sys.stdout.flush()  # what cannot be written is known now
    except EmofuseError as error:
        hidden = locks() and not isinstance(error, SealedError)
        return _refuse(mask_quotes(str(error)) if hidden else str(error))
    except USAGE_ERROR as error:
        return _refuse(f"{error.format_message().rstrip('.')}; see emofuse --help")
    except BrokenPipeError:  # the reader has seen enough
        _abandon_stdout()
        return 1
    except OSError as error:
        refused = _refused_by_the_seal(error)
        if refused is not None:
            return _refuse(str(refused))
        if error.filename is None and error.errno not in DISK_ERRORS:
            raise
        _abandon_stdout()
        where = "the output" if error.filename is None else shown_name(str(error.filename))
        return _refuse(f"{where}: {error.strerror or error}; make room or check permissions, and run it again")
    except Stopped as stop:
        return _refuse(f"stopped by {Signals(stop.number).name}; {stop.advice}", stop.code)
    except (KeyboardInterrupt, typer.Abort):
        return _refuse("interrupted; completed work is kept", code=130)
    return code if isinstance(code, int) else 0


def _abandon_stdout() -> None:
    """Let nothing that waits in stdout be written when the process ends: it would fail once more."""
    with suppress(OSError, ValueError):  # there is no file behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _refused_by_the_seal(error: BaseException) -> SealedError | None:
    """Return what the seal refused, where a library has wrapped it in an error of its own."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, SealedError):
        inner = inner.__cause__ or inner.__context__
    return inner


def _refuse(message: str, code: int = 2) -> int:
    print("error:", terminal_line(shown_name(" ".join(message.split()))), file=sys.stderr)  # noqa: T201
    return code
