"""Processes that start with torch and transformers loaded, which takes six seconds of a core otherwise.

They are forked from one process that has loaded them and done nothing else, so that each begins as a new one does.
Tests of start-up, and of what happens while libraries load, take a new process instead.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from emofuse.cli.main import run

# What all processes have loaded, with whatever it imports.
PRELOADED = ["emofuse.experiment"]


def preloaded_context() -> ForkServerContext:
    """Return what starts such processes; the process that they are forked from starts with the first."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def start_command(output: Path, *arguments: object) -> BaseProcess:
    """Start a command in such a process; what it prints, on stdout and stderr, goes to a file."""
    return _started(_run_command, output, [str(argument) for argument in arguments])


def run_code(output: Path, code: str, *arguments: object) -> str:
    """Run Python code, with `sys.argv` as of `python -c`, in such a process; return what it printed on stdout."""
    process = _started(_run_code, output, code, [str(argument) for argument in arguments])
    process.join()
    printed = output.read_text()
    assert process.exitcode == 0, printed
    return printed


def call_in(environment: Mapping[str, str], function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a given environment: the processes have that of the one that they are forked from."""
    os.environ.clear()
    os.environ.update(environment)
    return function(*arguments)


def _started(function: Callable[..., None], output: Path, *arguments: Any) -> BaseProcess:
    process = preloaded_context().Process(
        target=call_in, args=(dict(os.environ), function, str(output), *arguments), daemon=True
    )
    process.start()
    return process


def _run_command(output: str, arguments: list[str]) -> None:
    _print_to(output, 1, 2)
    sys.exit(run(arguments))


def _run_code(output: str, code: str, arguments: list[str]) -> None:
    _print_to(output, 1)
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})


def _print_to(output: str, *streams: int) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in streams:
        os.dup2(file, stream)
