"""What leaves the settings concept."""

from dataclasses import dataclass

from app.settings.catalog import Setting


@dataclass(frozen=True, slots=True)
class SettingView:
    """A setting and its value now."""

    setting: Setting
    value: str

    @property
    def key(self) -> str:
        """The setting's name."""
        return self.setting.key
