"""`python3 -m toru_plugin pack FOLDER`: makes one file of a plugin, where there is no `toru` at hand."""

import sys
from pathlib import Path

from toru_plugin.packing import CannotPack, pack

USAGE = 2


def main(arguments: list[str]) -> int:
    """The command; its exit code."""
    if len(arguments) != 2 or arguments[0] != "pack":
        print("usage: python3 -m toru_plugin pack FOLDER", file=sys.stderr)
        return USAGE
    try:
        print(pack(Path(arguments[1])))
    except (CannotPack, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
