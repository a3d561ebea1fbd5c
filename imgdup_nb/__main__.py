"""Run the command line: `python -m imgdup_nb`, the same as `imgdup`."""

import sys

from imgdup_nb_command import start

if __name__ == "__main__":
    sys.exit(start())
