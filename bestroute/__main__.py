"""`python -m bestroute` is the command line."""

from bestroute.cli import main

main()
