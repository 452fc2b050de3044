"""The exceptions of emofuse; each message is one sentence: what, where, and how to fix it."""

from __future__ import annotations

import errno
import logging

# Receives the traceback of each fault of the program; commands keep it in a file.
fault_log = logging.getLogger("emofuse.faults")

# What makes writing fail for a whole run, not for one file: the disk is full, or ails.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class EmofuseError(Exception):
    """The base of all exceptions of emofuse; the command line prints it as one line and exits with 2."""


class NoSpeechError(EmofuseError):
    """The sound of an utterance is no speech.

    Attributes:
        damaged: what is wrong with the recording; None where it is whole.
        notes: what else is to be known of its sound, one sentence each.
    """

    def __init__(self, identity: str, damaged: str | None = None, notes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{identity}: its sound is no speech")
        self.damaged, self.notes = damaged, notes


class AudioError(EmofuseError):
    """A recording cannot be used: missing, empty, silent, broken or not audio."""


class CorpusError(EmofuseError, ValueError):
    """A manifest, a corpus folder or a record in it is not what it should be."""


class ProtocolError(EmofuseError):
    """A corpus cannot be split as the protocol demands."""


class RecipeError(EmofuseError):
    """A recipe has an unknown key, a wrong type or a value out of range."""


class CheckpointError(EmofuseError):
    """A model folder is missing, incomplete or does not fit its configuration."""


class ModalityError(EmofuseError):
    """The model needs a modality that the input lacks."""


class OutputError(EmofuseError):
    """A network computed what is no number."""


class FaultError(EmofuseError):
    """The program itself failed on an input, for a reason that nobody foresaw; the traceback is in `fault_log`."""


class RunError(EmofuseError):
    """A file or folder cannot be written, or a run folder does not fit the request."""


class SealedError(EmofuseError, PermissionError):
    """A sealed process tried to open a socket, or to look up a name."""


class MissingExtraError(EmofuseError):
    """An optional part of emofuse is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs an optional part: pip install "emofuse[{extra}]"')


# What stops one input only. Any other refusal concerns the model, the options or the machine, and ends a run.
FAILURES_OF_ONE_INPUT = (AudioError, CorpusError, ModalityError, OutputError, FaultError)


def failure_of(name: str, error: Exception) -> EmofuseError:
    """Return the failure of one input for whatever was raised while it was worked on.

    What the file system refused is the failure of the file. What nobody foresaw is a fault of the program: its
    traceback is logged, and it is the failure of this input too, so that the others go on.

    Args:
        name: of the input.
        error: what was raised.

    Raises:
        EmofuseError: the error concerns more than this input.
    """
    if isinstance(error, FAILURES_OF_ONE_INPUT):
        return error
    if isinstance(error, EmofuseError):
        raise error
    failure: EmofuseError
    if isinstance(error, MemoryError):
        failure = AudioError(f"{name}: does not fit into memory; cut it, or use a machine with more")
    elif isinstance(error, OSError) and error.errno is not None:
        failure = AudioError(f"{name}: cannot be read ({error.strerror}); check the file and its permissions")
    else:
        fault_log.error("emofuse failed on %r", name, exc_info=error)
        what = f"{type(error).__name__}: {brief_message(error)}"
        failure = FaultError(f"{name}: emofuse itself failed on it ({what}); please report it, with the traceback")
    failure.__cause__ = error
    return failure


def brief_message(error: BaseException) -> str:
    """Return the beginning of an error's message on one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
