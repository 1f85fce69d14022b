"""API tokens in a table, the same for one's own and for those of others."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.core.permissions import ADMIN, READ, RUN
from app.tokens.schemas import TokenView
from ui.components.table import Action, Column, DataTable, OnAction, data_table

COLUMNS: Final = (
    Column("name", "Name", "strong"),
    Column("scopes", "May", classes="grow"),
    Column("last_used_at", "Last used", "time", classes="labelled", none="never"),
    Column("expires_at", "Expires", "date", classes="labelled", none="never"),
    Column("actions", "", "actions"),
)


def token_table(tokens: Sequence[TokenView], actions: Mapping[str, str], *, on_action: OnAction) -> DataTable:
    """The tokens, each with a button `revoke`; `actions` has the names of quick actions by id."""
    return data_table(COLUMNS, [_row(token, actions) for token in tokens], caption="API tokens", on_action=on_action)


def scope_words(scope: str, actions: Mapping[str, str]) -> str:
    """What a scope allows, in words."""
    if scope == ADMIN:
        return "everything"
    if scope == READ:
        return "read"
    return f"run {actions.get(scope.removeprefix(RUN), 'an action that is gone')}"


def _row(token: TokenView, actions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "key": token.id,
        "name": token.name,
        "scopes": ", ".join(scope_words(scope, actions) for scope in token.scopes),
        "last_used_at": token.last_used_at,
        "expires_at": token.expires_at,
        "actions": [Action("revoke", "trash-2", f"Revoke {token.name}", classes="bad")],
    }
