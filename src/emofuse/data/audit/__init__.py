"""The audit: what would make the numbers of a protocol invalid, or flatter them, and what to do about it."""

from __future__ import annotations

from emofuse.data.audit.audit import Audit, audit
from emofuse.data.audit.finding import ERRORS, refuse_errors

__all__ = ["ERRORS", "Audit", "audit", "refuse_errors"]
