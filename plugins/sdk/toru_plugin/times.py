"""Times as Toru writes them: ISO 8601 in UTC."""

import time


def now() -> str:
    """The time, such as `2030-01-01T00:00:00.000Z`; what a chart's points take."""
    seconds, fraction = divmod(time.time(), 1)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(fraction * 1000):03}Z"
