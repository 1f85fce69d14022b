"""What somebody shows to prove who it is, a password or a code: checked, and how it went is kept as an attempt."""

from app.auth.attempts import CODE_WANTED, Attempt, Attempts
from app.auth.lockout import session_bucket
from app.core.errors import NotSignedIn, SecondFactorNeeded
from app.core.passwords import PasswordHasher
from app.core.permissions import Actor
from app.second_factor.factors import Factors
from app.users.schemas import Account, UserView

WRONG_CODE = "This code is wrong, or was used already."
REFUSED_CODE = "Wrong code of the second factor"
STEP_UP = "second_factor.step_up"


class Proofs:
    """Checks them."""

    def __init__(self, attempts: Attempts, hasher: PasswordHasher, factors: Factors) -> None:
        self._attempts = attempts
        self._hasher = hasher
        self._factors = factors

    async def fits(self, attempt: Attempt, password: str, account: Account | None) -> bool:
        """Whether the password fits and the account is active; always one hash check, whoever there is."""
        fits = await self._hasher.verify(password, account.password_hash if account else None)
        if fits and account is not None and account.user.is_active:
            return True
        failure = "Account is deactivated" if fits else "Wrong user name or password"
        await self._attempts.end(attempt, failure)
        return False

    async def second(self, attempt: Attempt, user: UserView, code: str | None) -> str | None:
        """Since when there is the second factor that was proved, None without one. Raises SecondFactorNeeded."""
        since = self._factors.since(user.id)
        if since is None:
            return None
        if not code:
            await self._attempts.end(attempt, CODE_WANTED)
            raise SecondFactorNeeded("Type the code of your second factor.")
        actor = Actor(user.id, user.username, user.display_name, user.role, address=attempt.who.address)
        if not await self._factors.check(actor, code):
            await self._attempts.end(attempt, REFUSED_CODE)
            raise SecondFactorNeeded(WRONG_CODE)
        return since

    async def code_again(self, actor: Actor, code: str) -> None:
        """A code within a session.

        Wrong ones lock this session, as they would lock a browser that is known: strangers who guess at the name
        keep nobody from what is dangerous.

        Raises:
            NotSignedIn: the code is wrong.
            Limited: locked.
        """
        attempt = await self._attempts.begin(actor, session_bucket("code", actor.session_id), STEP_UP)
        if not await self._factors.check(actor, code):
            await self._attempts.end(attempt, REFUSED_CODE)
            raise NotSignedIn(WRONG_CODE)
        await self._attempts.end(attempt, None)

    async def password_again(self, actor: Actor, account: Account | None, password: str, what: str) -> None:
        """The own password within a session.

        Wrong ones lock this session, too, but apart from its codes: knowing the one must not forgive guesses at the
        other.

        Args:
            what: what the audit calls a wrong one.

        Raises:
            NotSignedIn: it is wrong.
            Limited: locked.
        """
        attempt = await self._attempts.begin(actor, session_bucket("password", actor.session_id), what)
        if not await self.fits(attempt, password, account):
            raise NotSignedIn("The current password is wrong.")
        await self._attempts.end(attempt, None)
