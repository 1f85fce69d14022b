"""Expected failures: each has an HTTP status and a sentence that a person can act on."""


class ToruError(Exception):
    """Base of everything that may go wrong by design; `str(error)` is the sentence shown to people."""

    status = 400


class BadValue(ToruError):
    """A value is understood but not acceptable."""

    status = 400


class NotSignedIn(ToruError):
    """Nobody is acting, or the session is gone."""

    status = 401


class SecondFactorNeeded(NotSignedIn):
    """The password is right; what is missing is a code of the second factor."""


class Forbidden(ToruError):
    """The actor's role does not allow this."""

    status = 403


class StepUpNeeded(Forbidden):
    """Allowed as soon as the actor has proved the second factor once more."""


class NotFound(ToruError):
    """What was named does not exist (or does not exist for this actor)."""

    status = 404


class Conflict(ToruError):
    """The state of things does not allow this now."""

    status = 409


class TooLarge(ToruError):
    """More bytes than the door accepts."""

    status = 413


class Malformed(ToruError):
    """The request cannot be understood."""

    status = 422


class Limited(ToruError):
    """Too many tries or too much work waiting.

    Args:
        sentence: what to tell the person.
        retry_after: whole seconds until another try makes sense.
    """

    status = 429

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(ToruError):
    """Something we depend on does not answer right now."""

    status = 503
    retry_after = 5
    """Whole seconds until another try makes sense."""


class DiskFull(Unavailable):
    """There is no room for what should be kept."""

    status = 507


def retry_after(error: ToruError) -> dict[str, str] | None:
    """The HTTP header that says when another try makes sense, None where waiting does not help."""
    return {"Retry-After": str(error.retry_after)} if isinstance(error, (Limited, Unavailable)) else None
