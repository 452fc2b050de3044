"""The training of one network: inputs, losses, optimiser, epochs, state, calibration."""

from emofuse.errors import MissingExtraError
from emofuse.threads import wait_passively

wait_passively()  # before torch is imported

try:
    import accelerate  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError("train", "training") from error
