"""The command ``baler``: the same program as the binary, from the extension."""

from __future__ import annotations

import signal
import sys

from . import _baler


def main() -> int:
    """Runs the command with the words of the command line."""
    # Ctrl-C and broken pipes are the command's own business.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _baler.main(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
