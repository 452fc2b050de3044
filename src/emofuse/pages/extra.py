"""The packages of the extra `pages`, checked in one place."""

from __future__ import annotations

from importlib import import_module
from typing import Literal

from emofuse.errors import MissingExtraError

PagesPackage = Literal["jinja2", "matplotlib", "xlsxwriter"]


def require_package(package: PagesPackage, purpose: str) -> None:
    """Import a package of the extra `pages`.

    Args:
        package: its name.
        purpose: what needs it, as the error message says.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        import_module(package)
    except ImportError as error:
        raise MissingExtraError("pages", purpose) from error
