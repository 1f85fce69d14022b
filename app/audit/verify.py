"""Walking the chain: the first row that is missing, changed or out of place."""

from sqlmodel import Session, true

from app.audit.chain import hash_of
from app.audit.schemas import Mark, Problem, Verdict
from app.audit.store import StoredRow, count_ever, ends, is_ours, latest_cut, read_rows


def walk(session: Session, after: Mark | None, limit: int, max_rows: int) -> Verdict:
    """Looks at the next `limit` rows.

    Args:
        after: the last row that fitted; None begins with the oldest one.
        max_rows: how many are kept, which tells removals of ours from others.
    """
    told = latest_cut(session)
    if not is_ours(told, max_rows):
        sentence = f"Row {told.told_by} tells of a removal of the oldest rows that never was."
        return Verdict(0, after, Problem(told.told_by, sentence))
    cut = told.last
    begun = after or cut
    if after is not None and after.number < cut.number:
        begun = cut  # the oldest went while we walked
    first, last = ends(session)
    if after is None and first <= cut.number and last:
        sentence = f"Row {first} does not belong here: the rows up to number {cut.number} were removed as the oldest."
        return Verdict(0, None, Problem(first, sentence))
    mark = begun
    rows = read_rows(session, after=mark.number, until=mark.number + limit, limit=limit, only=true())
    for count, row in enumerate(rows):
        if (problem := _misfit(row, mark)) is not None:
            return Verdict(count, mark, problem)
        mark = Mark(row.number, (row.hash or b"").decode())
    if mark.number < last and not rows:
        return Verdict(0, mark, Problem(mark.number + 1, f"Row {mark.number + 1} is missing."))
    if mark.number < last:
        return Verdict(len(rows), mark, None, is_done=False)
    if (ever := count_ever(session)) > mark.number:
        cut_off = f"Row {mark.number + 1} is missing: there were {ever} rows, and the newest were cut off."
        return Verdict(len(rows), mark, Problem(mark.number + 1, cut_off))
    return Verdict(len(rows), mark if mark.number else None, None)


def _misfit(row: StoredRow, before: Mark) -> Problem | None:
    expected = before.number + 1
    if row.number != expected:
        return Problem(expected, f"Row {expected} is missing; row {row.number} stands in its place.")
    try:
        values = row.values()
        own = (row.hash or b"").decode()
    except UnicodeDecodeError:
        return Problem(expected, f"Row {expected} was changed: it holds what is no text.")
    if hash_of(values) != own:
        return Problem(expected, f"Row {expected} was changed: its hash does not fit what it holds.")
    if values[-1] != before.hash:
        return Problem(expected, f"Row {expected} does not follow the row before it, which was changed or replaced.")
    return None
