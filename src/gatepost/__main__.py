"""``python -m gatepost``: the command line."""

from gatepost.cli.main import main

if __name__ == "__main__":
    main()
