"""python -m rnnbench"""

import sys

if __name__ == "__main__":
    try:
        from rnnbench.cli import main  # torch takes a second to load, in which Ctrl-C may come too

        main()
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
