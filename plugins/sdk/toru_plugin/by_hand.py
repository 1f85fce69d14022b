"""What a plugin says when a person starts it."""

import json
import os
import sys
from typing import Any

USAGE = 2


def answer(metadata: dict[str, Any], arguments: list[str]) -> int:
    """Answers a command line; its exit code."""
    file = os.path.basename(os.path.abspath(arguments[0]))
    if arguments[1:] == ["--metadata"]:
        print(json.dumps(metadata, ensure_ascii=False))
        return 0
    if arguments[1:] in ([], ["--help"], ["-h"]):
        print(explanation(metadata, file))
        return 0
    print(f"{file}: this plugin knows --metadata and --help only.", file=sys.stderr)
    return USAGE


def explanation(metadata: dict[str, Any], file: str) -> str:
    """A few lines for whoever wonders what this is."""
    about = metadata.get("description", "")
    lines = [f"{metadata['name']} {metadata['version']} is a plugin for Toru Steering Center.{about and f' {about}'}"]
    if file.endswith(".binary"):
        lines.append(f"Install it: copy {file} into Toru's plugins folder, then enable it on the page Plugins")
        lines.append(f"or with: ./toru plugin enable {metadata['id']}")
        lines.append(f"Check it: ./toru plugin check {file}")
    else:
        lines.append("Make it one file that Toru runs: ./toru plugin pack FOLDER, with the folder of this file.")
        lines.append("Try it: python3 -m toru_plugin.testing FOLDER")
    lines.append("What it says of itself: --metadata")
    return "\n".join(lines)
