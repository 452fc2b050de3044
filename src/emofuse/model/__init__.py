"""The network of Krishna (2021), its parts and its files."""

from emofuse.errors import MissingExtraError
from emofuse.threads import wait_passively

wait_passively()  # before torch is imported

try:
    import torch  # noqa: F401
    import transformers  # noqa: F401
except ImportError as error:
    raise MissingExtraError("train", "a torch network") from error
