"""Runs the command line with `python -m rnnbench`."""

import sys

if __name__ == "__main__":
    try:
        from rnnbench.cli import main  # inside the try, because Ctrl-C may come during the import, too

        main()
    except KeyboardInterrupt:
        print("interrupted; run the same command again to continue", file=sys.stderr)
        sys.exit(130)
