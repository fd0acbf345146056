"""`python -m ecomct`."""

from ecomct.cli import main

main()
