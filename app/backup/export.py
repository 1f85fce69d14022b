"""Everything in open formats: tables as JSON Lines and CSV, what runs printed as it is, plugins, scripts and logs."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from app.backup import sources, tables
from app.backup.archive import put_in_place, removed_unless_done, run_ids, told
from app.backup.names import PART
from app.backup.schemas import Job, Made
from app.backup.sink import ArchiveSink, FolderSink, Sink
from app.backup.snapshot import schema_of, snapshot
from app.runner.journal import END, NOTICE, STDERR, STDOUT
from app.runs.journal import Part, bases
from app.version import VERSION

STREAMS: Final = {STDOUT: "stdout", STDERR: "stderr", NOTICE: "notice"}

README: Final = """\
# Everything that Toru Steering Center keeps, in open formats

| where | what |
|---|---|
| `tables/<name>.jsonl` | a table of the database, one JSON object a row |
| `tables/<name>.csv` | the same as comma-separated values, with a header; a cell that a spreadsheet would compute begins with `'` |
| `outputs/<run>.out` | what a run printed, byte for byte; `<run>` is `id` in `tables/runs` |
| `outputs/<run>.pieces.jsonl` | when and on which stream it came: `offset` and `length` in bytes, `stream`, `time_ns` since 1970 |
| `plugins/` | the plugins; `.metadata/config.json` says which are enabled |
| `scripts/` | the scripts folder |
| `logs/` | the log files, one JSON object a line |
| `about.json` | when and from what this was written, and what is not in it |
| `SHA256SUMS` | the hash of every file: `sha256sum -c SHA256SUMS` |

| table | a row is |
|---|---|
| `users` | an account; the administrator, who comes from the configuration, has none |
| `sessions`, `sign_ins` | a browser that is signed in; a try to sign in, and how it went |
| `second_factors`, `tokens` | who has a second factor; a token, and what it may do |
| `settings`, `actions` | a setting that was changed; a quick action |
| `runs` | a script that was run: by whom, when, how it ended; `size` is what it printed, in bytes |
| `audit` | what somebody did; `hash` covers the row and `previous_hash`, so that no row can be taken out unnoticed |
| `plugin_values`, `plugin_options` | what a plugin keeps; what an administrator decided about its pages |
| `licence_keys` | the licence of a plugin |
| `machines` | another machine whose Toru this one tells Prometheus of |

All texts are UTF-8. Truths are `true` and `false` in JSON, 1 and 0 in CSV; `user_id` and `actor_id` are `id` in
`users`, empty for the administrator. Times are ISO 8601 in UTC. Where the middle of an output was dropped because it was too long, offsets leave a gap: in
`.out` the bytes that were kept follow each other.

Left out on purpose, because they are secrets or of use on this machine only: the hashes of passwords, tokens and
sessions, the secrets and recovery codes of second factors, the keys in the data folder, and the configuration (`.env`).
So nobody can sign in with what is in here, and it cannot be restored; for that there is `toru backup`. What plugins
keep (`plugin_values`) and licence keys are in it as they are.
"""  # noqa: E501 - a table of Markdown has its rows in lines


def make_export(job: Job) -> Made:
    """Writes it beside its place, then puts it there. Blocks.

    Raises:
        ArchiveError: with a sentence; nothing is left behind.
    """
    target = Path(job.target)
    part = target.with_name(target.name + PART)
    with told(target), removed_unless_done(part):
        with ExitStack() as stack:
            sink: FolderSink | ArchiveSink = (
                stack.enter_context(FolderSink(part)) if job.as_folder else stack.enter_context(ArchiveSink(part, None))
            )
            left_out = _fill(sink, job, part.with_name(part.name + ".db"))
        put_in_place(part, target)
    size = sink.bytes if job.as_folder else target.stat().st_size
    return Made(str(target), size, sink.files, tuple(left_out))


def _fill(sink: Sink, job: Job, copy: Path) -> list[str]:
    sink.add_text("README.md", README)
    left_out: list[str] = []
    with snapshot(Path(job.data_dir) / "toru.db", copy) as database:
        schema = schema_of(database)
        for table, columns in tables.columns_of(database).items():
            exported = tables.EXPORTED.get(table, ())
            missing = [name for name in columns if name not in exported]
            left_out += [f"{table}.{name}" for name in missing]
            if exported:
                _add_table(sink, copy.parent, database, table, [name for name in columns if name in exported])
        for run_id in run_ids(database):
            _add_output(sink, copy.parent, Path(job.data_dir) / "runs" / run_id)
    scripts, problem = sources.scripts(Path(job.scripts_dir))
    for source in (*sources.plugins(Path(job.plugins_dir)), *scripts):
        sink.add(source.name, source.path)
    for path in sources.below(Path(job.log_dir)):
        if ".log" in path.name:
            sink.add(f"logs/{path.relative_to(job.log_dir).as_posix()}", path)
    about = {
        "version": VERSION,
        "schema": schema,
        "made_at": job.made_at,
        "configuration": dict(job.configuration),
        "left_out": left_out + ([problem] if problem else []),
    }
    sink.add_text("about.json", json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    return [problem] if problem else []


def _add_table(sink: Sink, folder: Path, database: sqlite3.Connection, table: str, columns: list[str]) -> None:
    lines = (tables.json_line(columns, row) for row in tables.rows(database, table, columns))
    _add_lines(sink, folder, f"tables/{table}.jsonl", lines)
    cells = (tables.csv_line(row) for row in tables.rows(database, table, columns))
    _add_lines(sink, folder, f"tables/{table}.csv", _after(tables.csv_line(columns), cells))


def _add_output(sink: Sink, folder: Path, run: Path) -> None:
    """What one run printed; parts that are dropped meanwhile are left out."""
    found = bases(run)
    if not found:
        return
    with ExitStack() as stack:
        parts: list[Part] = []
        for base in found:
            with suppress(FileNotFoundError):
                parts.append(stack.enter_context(Part(run, base)))
        # The records first, as everywhere: what they cover is on the disk.
        lengths = [part.covered() - part.base for part in parts]
        _add_lines(sink, folder, f"outputs/{run.name}.pieces.jsonl", _pieces(parts, lengths))
        output = _Parts(parts, lengths)
        sink.add_stream(f"outputs/{run.name}.out", cast("BinaryIO", output), sum(lengths))


def _pieces(parts: list[Part], lengths: list[int]) -> Iterator[str]:
    for part, length in zip(parts, lengths, strict=True):
        first = 0
        while records := part.records(first, 1000):
            first += len(records)
            for record in records:
                if record.stream == END or record.offset >= part.base + length:
                    continue
                covered = min(record.length, part.base + length - record.offset)
                stream = STREAMS.get(record.stream, str(record.stream))
                about = {"offset": record.offset, "length": covered, "stream": stream, "time_ns": record.time_ns}
                yield json.dumps(about) + "\n"


class _Parts:
    """The bytes of several parts, one after the other."""

    def __init__(self, parts: list[Part], lengths: list[int]) -> None:
        self._left = [[part.out, 0, length] for part, length in zip(parts, lengths, strict=True)]

    def read(self, most: int) -> bytes:
        """The next bytes, as many as were asked for unless it is the end."""
        data = b""
        while self._left and len(data) < most:
            handle, at, length = self._left[0]
            piece = os.pread(handle, min(most - len(data), length - at), at)
            self._left[0][1] += len(piece)
            data += piece
            if not piece:
                self._left.pop(0)
        return data


def _add_lines(sink: Sink, folder: Path, name: str, lines: Iterable[str]) -> None:
    """However many: they wait in a file without a name."""
    with tempfile.TemporaryFile(dir=folder) as file:
        for line in lines:
            file.write(line.encode("utf-8", "replace"))
        size = file.tell()
        file.seek(0)
        sink.add_stream(name, cast("BinaryIO", file), size)


def _after(header: str, lines: Iterator[str]) -> Iterator[str]:
    yield header
    yield from lines
