"""A worker: a process of its own that answers one question after another, and sleeps in between.

Only such a process has a peak of memory that is nobody else's. It is spawned, not forked, and ends with its block.
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

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# Seconds that a worker has to end by itself, and then to be ended.
PATIENCE = 5.0


@dataclass(frozen=True)
class _Refusal:
    """What a worker sends in place of an answer, once."""

    sentence: str


@contextmanager
def open_worker(
    name: str, opener: Callable[..., Callable[[Question], Answer]], *arguments: Any
) -> Iterator[Callable[[Question], Answer]]:
    """Start a worker, wait until it is ready, and end it with the block.

    Args:
        name: as refusals call it.
        opener: is called in the worker, with the arguments, and returns what answers questions; a function of a
            module, as it goes there by its name.
        arguments: of the opener; they, questions and answers travel pickled.

    Yields:
        What puts a question and waits for the answer.

    Raises:
        EmofuseError: the worker could not open or answer, or its process is gone.
    """
    context = multiprocessing.get_context("spawn")
    line, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, opener, arguments), name=name, daemon=True)
    process.start()
    theirs.close()

    def ask(question: Question) -> Answer:
        try:
            line.send(question)
        except BrokenPipeError as error:
            raise _gone(name, process) from error
        answer: Answer = _receive(line, name, process)
        return answer

    try:
        _receive(line, name, process)
        yield ask
    finally:
        line.close()  # a worker that waits sees this and ends
        _end(process)


def _receive(line: Connection, name: str, process: BaseProcess) -> Any:
    try:
        answer = line.recv()
    except (EOFError, ConnectionResetError) as error:
        raise _gone(name, process) from error
    if isinstance(answer, _Refusal):
        raise EmofuseError(answer.sentence)
    return answer


def _gone(name: str, process: BaseProcess) -> EmofuseError:
    process.join(PATIENCE)
    code = process.exitcode
    why = "the system ended it, most likely for want of memory" if code == -signal.SIGKILL else f"exit code {code}"
    return EmofuseError(f"{name}: its process is gone ({why}); what it printed stands above")


def _end(process: BaseProcess) -> None:
    """See to it that a process is over, whatever it does."""
    for insist in (process.terminate, process.kill):
        process.join(PATIENCE)
        if process.is_alive():
            insist()
    process.join()


def _serve(line: Connection, opener: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]) -> None:
    """Answer until nobody asks any more: the life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's affair
    sys.stdout.flush()
    os.dup2(2, 1)  # stdout is the command's: what libraries print there goes to stderr
    try:
        answer = opener(*arguments)
        line.send(None)
        for question in _questions(line):
            line.send(answer(question))
    except BrokenPipeError:
        return  # the parent hung up while this one was at work
    except EmofuseError as error:
        line.send(_Refusal(str(error)))
    except Exception as error:  # whatever fails in here must be told by the parent, in one sentence
        name = multiprocessing.current_process().name
        what = " ".join(str(error).split()) or "no reason given"
        line.send(_Refusal(f"{name}: failed with {type(error).__name__}: {what}"))


def _questions(line: Connection) -> Iterator[Any]:
    while True:
        try:
            yield line.recv()
        except EOFError:
            return
