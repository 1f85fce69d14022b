"""The runs table when it is large."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from app.core.clock import iso
from app.runs.models import RunRow
from app.runs.schemas import RunState
from tests.runs.support import ADMIN, Product

ROWS = 100_000


@pytest.mark.fault("X48")
async def test_a_page_of_a_hundred_thousand_runs_comes_at_once(product: Product) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    def fill(session: Session) -> None:
        rows = [
            {
                "id": f"{number:032x}",
                "script": f"script{number % 50}.sh",
                "args": json.dumps([str(number)]),
                "tty": False,
                "cols": 80,
                "rows": 24,
                "time_limit": 0,
                "state": "failed" if number % 1000 == 0 else "succeeded",
                "exit_code": 0,
                "username": f"user{number % 7}",
                "requester": "",
                "boot_id": "",
                "created_at": iso(begin + timedelta(seconds=number)),
                "finished_at": iso(begin + timedelta(seconds=number)),
            }
            for number in range(ROWS)
        ]
        session.connection().execute(RunRow.__table__.insert(), rows)  # type: ignore[attr-defined]

    await product.database.write(fill)
    wanted: list[dict[str, object]] = [
        {},
        {"script": "script7.sh"},
        {"state": RunState.FAILED},
        {"user": "user3"},
        {"search": "99999"},
        {"search": "nothing like it"},
        {"before": f"{500:032x}"},
        {"state": RunState.FAILED, "script": "script7.sh"},
    ]
    for options in wanted:
        start = time.monotonic()
        page = await product.runs.list(ADMIN, **options)  # type: ignore[arg-type]
        assert time.monotonic() - start < 1  # 0.2 s on an idle machine
        assert [run.id for run in page.items] == sorted((run.id for run in page.items), reverse=True)
