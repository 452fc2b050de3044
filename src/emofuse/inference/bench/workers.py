"""A worker: a process of its own that handles one request after another.

Its peak of memory is then its own. It is spawned, not forked, and ends with its `with` block.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from emofuse.errors import EmofuseError

Request = TypeVar("Request")
Response = TypeVar("Response")

# How long a worker may take to end by itself, and then after each signal.
END_SECONDS = 5.0


@dataclass(frozen=True)
class _Refusal:
    """Sent by a worker in place of a response, once, when it failed."""

    message: str


@contextmanager
def open_worker(
    name: str, opener: Callable[..., Callable[[Request], Response]], *arguments: Any
) -> Iterator[Callable[[Request], Response]]:
    """Start a worker, wait until it is ready, and end it with the block.

    Args:
        name: of the worker in messages.
        opener: called in the worker with the arguments; returns the function that handles requests. It is pickled
            by its name, so it must be a function of a module.
        arguments: of the opener; they, requests and responses are pickled.

    Yields:
        A function that sends a request and waits for the response.

    Raises:
        EmofuseError: the worker could not start or failed, or its process is gone.
    """
    context = multiprocessing.get_context("spawn")
    line, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, opener, arguments), name=name, daemon=True)
    process.start()
    theirs.close()

    def send(request: Request) -> Response:
        try:
            line.send(request)
        except BrokenPipeError as error:
            raise _gone(name, process) from error
        response: Response = _receive(line, name, process)
        return response

    try:
        _receive(line, name, process)
        yield send
    finally:
        line.close()  # a worker that waits sees this and ends
        _end(process)


def _receive(line: Connection, name: str, process: BaseProcess) -> Any:
    try:
        response = line.recv()
    except (EOFError, ConnectionResetError) as error:
        raise _gone(name, process) from error
    if isinstance(response, _Refusal):
        raise EmofuseError(response.message)
    return response


def _gone(name: str, process: BaseProcess) -> EmofuseError:
    process.join(END_SECONDS)
    code = process.exitcode
    why = (
        "the system ended it, most likely because memory ran out"
        if code == -signal.SIGKILL
        else f"exit code {code}"
    )
    return EmofuseError(f"{name}: its process is gone ({why}); its output is above")


def _end(process: BaseProcess) -> None:
    """End a process, by force if it does not end by itself."""
    for insist in (process.terminate, process.kill):
        process.join(END_SECONDS)
        if process.is_alive():
            insist()
    process.join()


def _serve(line: Connection, opener: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]) -> None:
    """Handle requests until the parent closes the connection; runs in the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles interrupts
    sys.stdout.flush()
    os.dup2(2, 1)  # stdout is for the command's output: prints of libraries go to stderr
    try:
        handle = opener(*arguments)
        line.send(None)
        for request in _requests(line):
            line.send(handle(request))
    except BrokenPipeError:
        return  # the parent closed the connection
    except EmofuseError as error:
        line.send(_Refusal(str(error)))
    except Exception as error:  # the parent reports any failure of the worker in one sentence
        name = multiprocessing.current_process().name
        what = " ".join(str(error).split()) or "no reason given"
        line.send(_Refusal(f"{name}: failed with {type(error).__name__}: {what}"))


def _requests(line: Connection) -> Iterator[Any]:
    while True:
        try:
            yield line.recv()
        except EOFError:
            return
