"""`python -m separator`."""

import sys

from separator.cli.main import main

sys.exit(main())
