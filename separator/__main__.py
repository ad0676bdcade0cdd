"""`python -m separator`."""

import sys

from separator.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
