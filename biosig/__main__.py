"""``python -m biosig`` is ``biosig``."""

from biosig.cli import main

main()
