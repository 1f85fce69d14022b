"""Output as plain text: no escape sequences, no control characters, overwritten lines in their last form."""

import re

ESCAPES = re.compile(
    r"""
      [\x1b\x9b\x90\x98\x9d\x9e\x9f]                   # nothing below begins otherwise, which keeps the scan fast
      (?:
        (?<=\x1b)\[[0-?]*[ -/]*[@-~]?                  # CSI: colours, cursor
      | (?<=\x9b)[0-?]*[ -/]*[@-~]?
      | (?:(?<=\x1b)[]PX^_]|(?<=[\x90\x98\x9d\x9e\x9f]))[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?   # OSC, DCS, PM, APC
      | (?<=\x1b)[ -/]*[0-~]?                          # the rest: charsets, keypad, reset
      )
    """,
    re.VERBOSE,
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(data: bytes) -> str:
    """What a person would have read: UTF-8 (U+FFFD for what is none), tabs and line feeds kept, `\\r` applied."""
    text = ESCAPES.sub("", data.decode("utf-8", "replace"))
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return CONTROLS.sub("", text)


def first_whole(data: bytes) -> bytes:
    """The data without what a cut at an arbitrary byte left at its beginning: the rest of a line, or of a character."""
    line_end = data.find(b"\n")
    if 0 <= line_end < len(data) - 1:
        return data[line_end + 1 :]
    start = 0
    while start < min(3, len(data)) and data[start] & 0xC0 == 0x80:
        start += 1
    return data[start:]
