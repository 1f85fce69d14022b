"""Disks as a power cut may leave them, made from the record of what SQLite did.

As a program (`python -m tests.faults.power_cut FOLDER RECORD WRITES SYNCHRONOUS`) it writes rows through the product's
Database under the recorder.
"""

import asyncio
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from app.core.database import Database
from tests.faults.recording_vfs import ACKNOWLEDGED, DELETE, HEAD, SYNC, TRUNCATE, WRITE, Recorder

SECTOR = 512
ROW_BYTES = 3_000
CHECKPOINT_PAGES = 40  # instead of 1,000: the file itself is written often, too


async def write_rows(folder: Path, record: Path, writes: int, synchronous: str) -> None:
    """One row a transaction, each noted once it was acknowledged."""
    recorder = Recorder(record)
    database = Database(folder / "toru.db")
    await database.open()

    def begin(session: Session) -> None:
        session.execute(text("CREATE TABLE ledger (number INTEGER PRIMARY KEY, filling BLOB)"))

    def tune(session: Session) -> None:
        connection = session.connection()
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        if synchronous != "as it is":
            connection.exec_driver_sql("COMMIT")  # it cannot be changed within a transaction
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    await database.write(begin)
    await database.write(tune)
    for number in range(writes):

        def add(session: Session, number: int = number) -> None:
            values = {"number": number, "filling": random.Random(number).randbytes(ROW_BYTES)}
            session.execute(text("INSERT INTO ledger VALUES (:number, :filling)"), values)

        await database.write(add)
        recorder.acknowledged(number)
    await database.close()


@dataclass
class File:
    """One file: what is safely on the disk, and what was done since."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, int, bytes]] = field(default_factory=list)

    def settle(self) -> None:
        """A sync: everything is safe."""
        for what, at, data in self.pending:
            change(self.safe, what, at, data)
        self.pending.clear()

    def after_a_cut(self, chance: random.Random) -> bytes:
        """The file as it may come back: of what was not synced, any part in any order, sectors torn apart."""
        content = bytearray(self.safe)
        mood = chance.random()  # next to nothing arrived, next to everything did, or anything between
        for what, at, data in chance.sample(self.pending, len(self.pending)):
            if what != WRITE:
                if chance.random() < mood:
                    change(content, what, at, data)
                continue
            begin = 0
            while begin < len(data):
                end = min(len(data), begin + SECTOR - (at + begin) % SECTOR)
                if chance.random() < mood:
                    change(content, WRITE, at + begin, data[begin:end])
                begin = end
        return bytes(content)


def change(content: bytearray, what: int, at: int, data: bytes) -> None:
    """Does to the content what was done to the file."""
    if what == WRITE:
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(data)] = data
    else:
        size = 0 if what == DELETE else at
        content[size:] = bytes(max(0, size - len(content)))


def operations(record: Path) -> Iterator[tuple[int, int, int, bytes]]:
    """(what, which file, number, data) of each entry."""
    told, at = record.read_bytes(), 0
    while at < len(told):
        what, file, number, length = HEAD.unpack_from(told, at)
        at += HEAD.size
        yield what, file, number, told[at : at + length]
        at += length


def disks_after(record: Path, begin: bytes, cuts: int, seed: int) -> Iterator[tuple[int, bytes, bytes]]:
    """(rows acknowledged by then, the database file, its write-ahead log) after each of so many power cuts."""
    chance = random.Random(seed)
    done = list(operations(record))
    moments = sorted(chance.choices(range(1, len(done)), k=cuts))
    files = (File(bytearray(begin)), File())
    acknowledged, at = 0, 0
    for moment in moments:
        for what, file, number, data in done[at:moment]:
            if what == ACKNOWLEDGED:
                acknowledged = number + 1
            elif what == SYNC:
                files[file].settle()
            elif what in (WRITE, TRUNCATE, DELETE):
                files[file].pending.append((what, number, data))
        at = moment
        yield acknowledged, files[0].after_a_cut(chance), files[1].after_a_cut(chance)


if __name__ == "__main__":
    asyncio.run(write_rows(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
