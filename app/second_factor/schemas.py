"""What leaves the concept of second factors."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FactorState:
    """How it stands with one's own second factor.

    Attributes:
        created_at: since when there is one, None without.
        recovery_left: how many recovery codes are still good.
        required: whether the administrator demands one of everybody.
    """

    enabled: bool
    created_at: str | None
    recovery_left: int
    required: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor that waits for its first code; shown once, to its user.

    Attributes:
        secret: to be typed into an authenticator, in groups of four.
        uri: the same as an `otpauth://` address.
        svg: the same as a QR code, to be put into a page as it is.
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    svg: str = field(repr=False)
