"""The command ``seq2seq``, which is also ``python -m seq2seq``."""

from __future__ import annotations

import signal
import sys

from . import _native


def main() -> int:
    """Run the program with the arguments of this process."""
    # Python only takes note of Ctrl-C, which ends the program, or its training in good order.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.run_program(["seq2seq", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
