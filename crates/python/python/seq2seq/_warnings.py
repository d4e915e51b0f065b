"""Warnings that point at the caller's line."""

from __future__ import annotations

import os
import sys
import warnings

_FOLDER = os.path.dirname(__file__)


def warn(message: str, category: type[Warning]) -> None:
    """Warn about the first frame outside this package."""
    level = 1
    frame = sys._getframe(0)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == _FOLDER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
