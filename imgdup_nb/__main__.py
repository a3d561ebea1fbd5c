"""Run the command line: `imgdup`, or `python -m imgdup_nb`."""

import sys


def start() -> int:
    """Load the command line and run it; stopped while it is loaded, it ends as it does later."""
    try:
        from . import cli
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return cli.main()


if __name__ == "__main__":
    sys.exit(start())
