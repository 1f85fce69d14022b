"""Rules about the end of a plugin, the same in both protocols."""

from app.plugins.conformance.bench import AnyBench, Rule
from app.plugins.conformance.findings import Violation
from app.plugins.conformance.subject import TERM_SECONDS

SHUTDOWN_SECONDS = 2.0
LEFTOVER_SECONDS = 1.0
"""What was started the moment before may finish: it goes on when it outlives the plugin by more."""


async def shutdown(bench: AnyBench) -> None:
    """The word is heard."""
    await bench.speaker.shut_down()
    if not await bench.subject.wait_for_end(SHUTDOWN_SECONDS):
        raise Violation(f"Told to shut down, it still ran {SHUTDOWN_SECONDS:.0f} seconds later.")


async def terminate(bench: AnyBench) -> None:
    """The signal is heard."""
    bench.subject.terminate()
    if not await bench.subject.wait_for_end(TERM_SECONDS):
        raise Violation(f"It still ran {TERM_SECONDS:.0f} seconds after SIGTERM.")


async def leaves_nothing(bench: AnyBench) -> None:
    """What it started is gone, too."""
    bench.subject.terminate()
    if not await bench.subject.wait_for_end(TERM_SECONDS):
        raise Violation("It did not end, so what it leaves behind cannot be told.")
    await bench.subject.wait_for_leftovers(LEFTOVER_SECONDS)
    await bench.stop()
    if bench.subject.left_behind:
        raise Violation(f"A second after it had ended, {bench.subject.left_behind} processes that it started went on.")


ENDING_RULES = (
    Rule("shutdown", "Told to shut down, it ends within 2 seconds.", shutdown, must=False, lives=False),
    Rule("sigterm", "On SIGTERM it ends within 3 seconds.", terminate, lives=False),
    Rule("leftovers", "A second after its end, nothing it started goes on.", leaves_nothing, must=False, lives=False),
)
