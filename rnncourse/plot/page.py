"""How the book shows a figure to drag: as a web component around its picture.

myst-nb finds `Renderer` by the entry point in pyproject.toml; `_ext/course.py` puts the picture inside.
"""

import html
import json

from rnncourse.plot.interactive import MIME


def element(data: dict) -> tuple[str, str]:
    """The component's start, with its data, and its end."""
    name = f"rnn-{data['kind']}"
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    label = html.escape(data["label"], quote=True)
    return f'<{name} aria-label="{label}"><script type="application/json">{text}</script>', f"</{name}>"


class Renderer:
    """A plugin of myst-nb for one kind of output."""

    mime_priority_overrides = (("html", MIME, 0),)

    @staticmethod
    def handle_mime(renderer, data, inline):
        """The nodes of an interactive figure; None for any other output."""
        if data.mime_type != MIME:
            return None
        from docutils import nodes

        start, end = element(data.content if isinstance(data.content, dict) else json.loads(data.content))
        return [nodes.raw("", start, format="html"), nodes.raw("", end, format="html")]
