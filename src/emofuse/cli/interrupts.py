"""Signals that end a command: it stops where it is, leaves nothing half-written, and says how to go on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)
DEFAULT_HANDLERS = (signal.SIG_DFL, signal.default_int_handler)
# A third signal ends the process at once.
MOST_SIGNALS = 2


class Stopped(BaseException):
    """The command was told to stop; no KeyboardInterrupt, for which the library of the command line has a use.

    Attributes:
        number: of the signal.
        advice: what was done, and how to go on.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.advice = "completed work is kept"

    @property
    def code(self) -> int:
        """The exit code by which shells know the signal."""
        return 128 + self.number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise `Stopped` in the block at the first SIGINT, SIGTERM or SIGHUP.

    While it takes effect, a second one is only acknowledged: files are being closed and temporary ones deleted. A
    third one does what it does without this. A signal that is ignored, as under nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    count = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise Stopped(number)
        if count == MOST_SIGNALS:
            os.write(2, b"stopping; once more ends it at once\n")  # sys.stderr may be in the midst of a line
            for one in earlier:
                signal.signal(one, signal.SIG_DFL)

    earlier = {one: signal.getsignal(one) for one in SIGNALS if signal.getsignal(one) in DEFAULT_HANDLERS}
    for one in earlier:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, handler in earlier.items():
            signal.signal(one, handler)
