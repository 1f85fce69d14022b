"""Form fields: a label above, the control, and a line below for help or what is wrong."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.element import Element

from ui.components.button import button
from ui.components.icon import icon_source
from ui.components.text import Text, paragraph

OnChange = Callable[[Any], Awaitable[None] | None]


class Field(Element):
    """A labelled text control.

    Args:
        label: what it is.
        hint: what it does or takes.
        props: more props of Quasar's input, such as `type=password` or `inputmode=numeric`.
    """

    def __init__(self, label: str, value: str, *, hint: str = "", props: str = "", placeholder: str = "") -> None:
        super().__init__("div")
        self.classes("t-field")
        self.label = label
        with self:
            self.name = Text(label, "label")
            self.input = ui.input(value=value, placeholder=placeholder).props(
                f"outlined dense hide-bottom-space {props}"
            )
            self.input.classes("t-control")
            self._hint = paragraph(hint, classes="t-hint")
        self.name.props["for"] = self._control_id
        self._hint.props["id"] = f"{self._control_id}-hint"
        self.input.props["for"] = self._control_id
        self.help = hint
        self.say("")

    @property
    def _control_id(self) -> str:
        return f"f{self.id}"

    @property
    def value(self) -> str:
        """What stands in the field."""
        return str(self.input.value or "")

    @value.setter
    def value(self, text: str) -> None:
        self.input.value = text

    def say(self, problem: str) -> None:
        """Shows what is wrong with the value; an empty text takes it back."""
        self._hint.set_text(problem or self.help)
        self._hint.set_visibility(bool(problem or self.help))
        self._hint.classes(add="bad") if problem else self._hint.classes(remove="bad")
        if problem or self.help:
            self.input.props["aria-describedby"] = f"{self._control_id}-hint"
        if problem:
            self.input.props["aria-invalid"] = "true"
        else:
            self.input.props.pop("aria-invalid", None)
        self.input.update()


class Form(Element):
    """A stack of fields that Enter submits."""

    def __init__(self) -> None:
        super().__init__("form")
        self.classes("t-stack").props("novalidate")

    def on_submit(self, handler: OnChange) -> None:
        """Has `handler(event)` called when the form is sent, by its button or by Enter."""
        self.on("submit.prevent", handler, [])


def form() -> Form:
    """A form, to be used with `with`; it ends with a `submit_button`."""
    return Form()


def submit_button(label: str) -> ui.button:
    """The button that sends the form around it."""
    return button(label, kind="primary", icon="check").props("type=submit")


def text_field(
    label: str, value: str = "", *, hint: str = "", placeholder: str = "", mono: bool = False, max_length: int = 500
) -> Field:
    """A line of text."""
    made = Field(
        label,
        value,
        hint=hint,
        placeholder=placeholder,
        props=f"maxlength={max_length} autocomplete=off spellcheck=false",
    )
    return made.classes("mono") if mono else made


def number_field(label: str, value: int | str, *, hint: str = "", unit: str = "") -> Field:
    """A whole number; `value` stays text until the service has judged it."""
    made = Field(label, str(value), hint=hint, props="inputmode=numeric autocomplete=off")
    if unit:
        made.input.props["suffix"] = unit
    return made


def password_field(label: str, *, hint: str = "", new: bool = False) -> Field:
    """A password, the current one or a new one (password managers tell them apart)."""
    return Field(label, "", hint=hint, props=f"type=password autocomplete={'new' if new else 'current'}-password")


def search_field(label: str, on_change: OnChange, *, value: str = "") -> ui.input:
    """A search box; `on_change(event)` comes 250 ms after the last key, with the text as `event.value`."""
    made = ui.input(value=value, placeholder=label, on_change=on_change)
    made.props("outlined dense clearable debounce=250 type=search autocomplete=off spellcheck=false")
    made.props["aria-label"] = label
    made.props["clear-icon"] = icon_source("x")
    made.classes("t-control t-search")
    with made.add_slot("prepend"):
        ui.icon(icon_source("search")).classes("t-icon")
    return made


class Select(Element, component="native_select.js"):
    """A choice, made with the browser's own control (on phones the system's picker)."""

    def __init__(self, label: str, options: Mapping[str, str], value: str, *, show_label: bool, hint: str) -> None:
        super().__init__()
        self.classes("t-field")
        self.props["label"] = label
        self.props["showLabel"] = show_label
        self.props["hint"] = hint
        self.set_options(options, value)

    @property
    def value(self) -> str:
        """The key of what is chosen."""
        return str(self.props["value"])

    @value.setter
    def value(self, key: str) -> None:
        self.props["value"] = key
        self.update()

    def say(self, problem: str) -> None:
        """Shows what is wrong with the choice; an empty text takes it back."""
        self.props["problem"] = problem
        self.update()

    def set_options(self, options: Mapping[str, str], value: str) -> None:
        """Offers other options."""
        self.props["options"] = [{"key": key, "text": text} for key, text in options.items()]
        self.props["value"] = value
        self.update()


def select_field(
    label: str,
    options: Mapping[str, str],
    value: str,
    on_change: Callable[[str], Any] | None = None,
    *,
    show_label: bool = True,
    hint: str = "",
) -> Select:
    """A choice of one of `options` (key → words); `on_change(key)`."""
    made = Select(label, options, value, show_label=show_label, hint=hint)

    def changed(event: Any) -> Any:
        key = str(event.args)
        if key not in options:
            return None
        made.props["value"] = key
        return on_change(key) if on_change is not None else None

    made.on("change", changed)
    return made
