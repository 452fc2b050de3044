"""Many fits: cross-validation, final training, baselines, and the jobs that they are made of."""

from emofuse.errors import MissingExtraError
from emofuse.threads import wait_passively

wait_passively()  # before torch is imported

try:
    import accelerate  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401
except ImportError as error:
    raise MissingExtraError("train", "an experiment") from error
