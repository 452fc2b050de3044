"""The exceptions of emofuse; each message is one sentence: what, where, and how to fix it."""


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


class RunError(EmofuseError):
    """A file or folder cannot be written, or a run folder does not fit the request."""


class SealedError(EmofuseError, PermissionError):
    """A sealed process tried to open a socket, or to look up a name."""


class MissingExtraError(EmofuseError):
    """An optional part of emofuse is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs an optional part: pip install "emofuse[{extra}]"')


def brief_message(error: BaseException) -> str:
    """Return the beginning of an error's message on one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
