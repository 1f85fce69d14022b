"""QR codes, drawn by the server as SVG."""

from nicegui import ui


def qr(svg: str, label: str) -> ui.element:
    """A QR code on its own white ground, in both modes.

    Args:
        svg: made by ourselves; it is put into the page as it is.
        label: what it is, for those who cannot see it.
    """
    made = ui.html(svg, sanitize=False).classes("t-qr").props("role=img")
    made.props["aria-label"] = label
    return made
