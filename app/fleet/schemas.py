"""What leaves the fleet concept."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MachineView:
    """A machine that was registered here.

    Attributes:
        name: what Prometheus calls it (its label `instance`).
        url: where its Toru is, such as https://toru.example.com.
        labels: further ones, such as a client's name.
    """

    name: str
    url: str
    labels: Mapping[str, str]
    added_at: str


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """One entry of Prometheus' HTTP service discovery.

    Attributes:
        targets: a host and a port.
        labels: of everything that is scraped there; `__scheme__` is http or https.
    """

    targets: tuple[str, ...]
    labels: Mapping[str, str]
