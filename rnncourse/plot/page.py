"""How the book shows a figure to drag (a web component around its picture) and a sound (a player below its waveform).

myst-nb finds `Renderer` by the entry point in pyproject.toml; `_ext/course.py` puts the picture inside and gives a
sound a file of its own.
"""

import html
import json

from rnncourse.plot.interactive import MIME
from rnncourse.plot.sound import SOUND, player


def element(data: dict) -> tuple[str, str]:
    """The component's start, with its data, and its end."""
    name = f"rnn-{data['kind']}"
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    label = html.escape(data["label"], quote=True)
    return f'<{name} aria-label="{label}"><script type="application/json">{text}</script>', f"</{name}>"


class Renderer:
    """A plugin of myst-nb for two kinds of output."""

    mime_priority_overrides = (("html", MIME, 0), ("html", SOUND, 0))

    @staticmethod
    def handle_mime(renderer, data, inline):
        """The nodes of an interactive figure or a sound; None for any other output."""
        if data.mime_type not in (MIME, SOUND):
            return None
        from docutils import nodes

        content = data.content if isinstance(data.content, dict) else json.loads(data.content)
        start, end = element(content) if data.mime_type == MIME else ('<div class="sound">', player(content) + "</div>")
        return [nodes.raw("", start, format="html"), nodes.raw("", end, format="html")]
