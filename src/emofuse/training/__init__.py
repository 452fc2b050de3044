"""How it is learnt: losses, loaders, the loop, cross-validation."""

from emofuse.errors import MissingExtraError

try:
    import accelerate  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError("train", "training") from error
