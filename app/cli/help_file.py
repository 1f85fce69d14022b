"""What every `--help` prints, kept in a file: to make it anew takes five times as long. A test holds the two together.

`python -m app.cli.help_file` writes the file.
"""

import os

FILE = os.path.join(os.path.dirname(__file__), "help.txt")
SEPARATOR = "\f"


def help_of(words: list[str]) -> str | None:
    """The help of the command with these words; None where the file does not know it."""
    if not os.path.exists(FILE):
        return None
    with open(FILE, encoding="utf-8") as file:
        for section in file.read().split(SEPARATOR):
            path, _, text = section.partition("\n")
            if path == " ".join(["toru", *words]):
                return text
    return None


def made_anew() -> str:
    """The file's text as the commands are now."""
    from app.cli.start import every_command

    return SEPARATOR.join(f"{path}\n{context.get_help()}\n" for path, context in every_command())


if __name__ == "__main__":
    with open(FILE, "w", encoding="utf-8") as written:
        written.write(made_anew())
