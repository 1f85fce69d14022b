"""What is told in figures of this product itself: its processes, its database, and who comes in."""

import os
import resource
from collections.abc import Iterable, Sequence

from app.audit.schemas import AuditFigures
from app.auth.schemas import AuthFigures
from app.core.database import DatabaseFigures
from app.core.vitals import Vitals
from app.metrics.exposition import Family
from app.metrics.families import BARE, one
from app.metrics.memory import Memory
from app.traffic import TrafficSeen
from app.version import VERSION


def process_families(instance_id: str, memory: Memory | None, vitals: Vitals) -> Iterable[Family]:
    """This process; it reads /proc, which takes a thread of its own."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    build = {"version": VERSION, "instance_id": instance_id}
    yield Family("toru_build_info", "gauge", "Which version this is.", [(build, 1)])
    yield from _memory_families("core", "the core", memory)
    yield one("toru_core_files", "Open files and sockets of the core.", len(os.listdir("/proc/self/fd")))
    seconds = round(used.ru_utime + used.ru_stime, 3)
    yield Family("toru_core_cpu_seconds_total", "counter", "Processor time of the core.", [(BARE, seconds)])
    turns = vitals.turns.seen()
    if turns is not None:
        help_ = "How long turns of the event loop took; everything else waits meanwhile."
        yield Family("toru_event_loop_lag_seconds", "histogram", help_, [(BARE, turns.turns)])
        longest = round(turns.longest, 6)
        yield one("toru_event_loop_lag_max_seconds", "The longest turn of the last one to two minutes.", longest)
    if vitals.log is not None:
        help_ = "Lines of the product's own log that no disk took."
        yield Family("toru_log_lines_lost_total", "counter", help_, [(BARE, vitals.log.lost)])


def runner_families(pids: Sequence[int], memory: Memory | None) -> Iterable[Family]:
    """The processes that own the runs."""
    yield one("toru_runners", "Runners that are connected; an older one serves its runs to their end.", len(pids))
    yield from _memory_families("runner", "all runners", memory)


def _memory_families(who: str, spoken: str, memory: Memory | None) -> Iterable[Family]:
    resident, proportional = (None, None) if memory is None else (memory.resident, memory.proportional)
    yield one(f"toru_{who}_memory_bytes", f"Resident memory of {spoken}.", resident)
    help_ = f"Memory of {spoken}, with what is shared divided among those who share it (PSS)."
    yield one(f"toru_{who}_memory_proportional_bytes", help_, proportional)


def traffic_families(seen: TrafficSeen) -> Iterable[Family]:
    """Requests and open WebSockets."""
    requests = [
        ({"route": route, "method": method, "status": status}, count)
        for (route, method, status), count in seen.requests.items()
    ]
    help_ = "Requests by route, method and class of status; the route is `gate` for what was refused before any."
    yield Family("toru_http_requests_total", "counter", help_, requests)
    durations = [({"route": route}, seconds) for route, seconds in seen.durations.items()]
    help_ = "How long requests waited until their answer began."
    yield Family("toru_http_request_duration_seconds", "histogram", help_, durations)
    yield one("toru_http_requests_in_flight", "Requests that are being answered, this one included.", seen.in_flight)
    sockets = [({"kind": kind}, count) for kind, count in seen.sockets.items()]
    yield Family("toru_websockets_open", "gauge", "WebSockets that are open.", sockets)


def sign_in_families(seen: AuthFigures) -> Iterable[Family]:
    """Who comes in."""
    tries = [({"outcome": outcome}, count) for outcome, count in seen.sign_ins.items()]
    yield Family("toru_sign_ins_total", "counter", "Tries to sign in, by how they ended.", tries)
    yield one("toru_sessions", "Sessions that are live.", seen.sessions)


def database_families(seen: DatabaseFigures, *, answers: bool) -> Iterable[Family]:
    """How the database does."""
    yield one("toru_database_up", "1 while it answers within two seconds.", int(answers))
    yield one("toru_database_writes_waiting", "Writes that wait or are being done.", seen.waiting)
    help_ = "How long writes took until they were on the disk, their wait included."
    yield Family("toru_database_write_duration_seconds", "histogram", help_, [(BARE, seen.writes)])


def audit_families(seen: AuditFigures) -> Iterable[Family]:
    """How the audit does."""
    yield one("toru_audit_rows", "Rows of the audit.", seen.rows)
    help_ = "Rows that the audit could not take and only the log has."
    yield Family("toru_audit_rows_lost_total", "counter", help_, [(BARE, seen.lost)])
