"""Machines that ours is not: figures for pages to draw, sent in place of the server's."""

import json
from typing import Any

from playwright.async_api import Page, WebSocketRoute

LACKING: dict[str, Any] = {
    "cpu_percent": None,
    "cpu_cores": [],
    "memory_percent": None,
    "memory_used": None,
    "memory_total": None,
    "swap_used": None,
    "swap_total": None,
    "uptime_seconds": None,
    "disks": [],
    "network": [],
    "process_count": None,
    "system_name": None,
    "kernel_version": None,
    "os_version": None,
    "host_name": None,
    "architecture": None,
    "cpu_model": None,
    "load_average": None,
    "network_received_rate": None,
    "network_transmitted_rate": None,
    "tick": 5,
    "sampled_at": "2026-11-22T12:00:05.000Z",
}
"""A machine that shows nothing at all."""

TEBI = 2**40
LARGE: dict[str, Any] = LACKING | {
    "cpu_percent": 42.4,
    "cpu_cores": [{"name": f"cpu{number}", "usage": number * 100 / 127} for number in range(128)],
    "memory_percent": 91.5,
    "memory_used": int(0.915 * TEBI),
    "memory_total": TEBI,
    "swap_used": 0,
    "swap_total": 0,
    "uptime_seconds": 412 * 86400 + 6 * 3600,
    "disks": [
        {
            "name": f"/dev/mapper/vg--storage--{number:02}-lv--production--database",
            "mount_point": f"/srv/storage/a/very/long/path/to/volume-{number:02}-production-database",
            "filesystem": "xfs",
            "total_space": 18 * TEBI,
            "available_space": 2 * TEBI,
            "used_space": 16 * TEBI,
            "usage_percent": 88.9,
        }
        for number in range(24)
    ],
    "network": [
        {
            "name": f"vethabcdef{number:04x}",
            "received": 900 * TEBI,
            "transmitted": 900 * TEBI,
            "received_rate": 9.9e8,
            "transmitted_rate": 9.9e8,
        }
        for number in range(60)
    ],
    "process_count": 31_337,
    "host_name": "a-very-long-host-name-that-nobody-would-choose.production.eu-central-1.example.internal",
    "system_name": "Red Hat Enterprise Linux Server Extended Edition",
    "os_version": "10.2",
    "kernel_version": "6.18.44-generic-extremely-long-flavour-of-2026.x86_64",
    "cpu_model": "Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz",
    "load_average": [127.11, 99.5, 3.25],
    "network_received_rate": 9.9e10,
    "network_transmitted_rate": 9.9e10,
}
"""A machine with much of everything and long names for it."""


async def show_machine(page: Page, sample: dict[str, Any]) -> None:
    """Has the page believe that it is on another machine; call it before the page is opened."""
    history = {"start": "2026-11-22T12:00:00.000Z", "tick": 0, "interval": 1}
    past = {name: [sample["cpu_percent"]] * 5 for name in ("cpu", "memory", "disk", "received", "transmitted")}

    def connected(socket: WebSocketRoute) -> None:
        socket.send(json.dumps(sample))

    await page.route_web_socket("**/api/ws/monitor", connected)
    await page.route("**/api/resources/history*", lambda route: route.fulfill(json=history | past))
