"""Students' Markdown and stored outputs made safe for the instructors' browser.

nbgrader's pages render Markdown with its HTML, and a script in it runs. So it is rendered here, all HTML that could do
something is taken out by bleach, and the result is stored as one HTML block that a second rendering leaves as it is.
"""

from __future__ import annotations

import base64
import binascii
import html
import re

import bleach
from nbconvert.filters import markdown2html

TAGS = frozenset(
    "a abbr b blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup "
    "table tbody td th thead tr ul".split()
)
LINKS = frozenset({"http", "https", "mailto"})
ACTIVE = re.compile(r"[\\`*_{}\[\]()#+!|~$\n]")
MOST_OUTPUT = 20_000  # characters of one stored text output
MOST_PICTURE = 2_000_000  # characters of one picture
MOST = 8_000  # characters of one cell that are rendered: the time grows with their square
ATTACHED = re.compile(r"(!\[[^\]\n]*\])\(attachment:[^)\n]*\)")  # a pasted picture: its name is shown
LINK = re.compile(r"(https?://|mailto:)", re.I)


def markdown(source: str) -> str:
    """Markdown as safe HTML in one line. Pictures and attachments are left out; formulas stay."""
    if not source.strip():
        return ""
    if len(source) > MOST:
        return escaped(source)
    try:
        rendered = markdown2html(ATTACHED.sub(r"\1", source))
    except Exception:  # whatever the renderer trips over: a copy for people costs nobody points
        return escaped(source)
    safe = bleach.clean(rendered, tags=TAGS, attributes={"a": _harmless}, protocols=LINKS, strip=True)
    if not re.sub(r"<[^>]*>", "", safe).strip():  # only a comment or a picture: people see that something is there
        return escaped(source)
    pieces = re.split(r"(<[^>]*>)", safe)  # bleach escapes every < that opens no tag
    # What Markdown or line breaks could mean the second time is written as character references
    text = [p if k % 2 else ACTIVE.sub(lambda m: f"&#{ord(m[0])};", p) for k, p in enumerate(pieces)]
    return f"<div>{''.join(text)}</div>".replace("\n", "&#10;")


def escaped(source: str) -> str:
    """Any text as it stands, as safe HTML in one line."""
    return f"<pre>{ACTIVE.sub(lambda m: f'&#{ord(m[0])};', html.escape(source, quote=False))}</pre>"


def _harmless(tag: str, name: str, value: str) -> bool:
    return name == "title" or (name == "href" and bool(LINK.match(value)))


def outputs(stored: list) -> list:
    """Of stored outputs what cannot do anything: text, and pictures that are PNG."""
    kept = []
    for output in stored[:50]:
        if not isinstance(output, dict):
            continue
        data = output.get("data") if isinstance(output.get("data"), dict) else {}
        if output.get("output_type") == "stream":
            kept.append(stream(_joined(output.get("text"))))
            continue
        safe = {"text/plain": _joined(data["text/plain"])} if "text/plain" in data else {}
        picture = _picture(data.get("image/png"))
        if picture:
            safe["image/png"] = picture
        if safe:
            kept.append({"output_type": "display_data", "data": safe, "metadata": {}})
    return kept


def _joined(text) -> str:
    if isinstance(text, list):
        text = "".join(t for t in text if isinstance(t, str))
    return as_text(text)[:MOST_OUTPUT] if isinstance(text, str) else ""


def _picture(coded) -> str | None:
    coded = _joined_raw(coded)
    if not coded or len(coded) > MOST_PICTURE:
        return None
    try:
        raw = base64.b64decode("".join(coded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.b64encode(raw).decode() if raw[:8] == b"\x89PNG\r\n\x1a\n" else None


def _joined_raw(text) -> str:
    if isinstance(text, list):
        text = "".join(t for t in text if isinstance(t, str))
    return text if isinstance(text, str) else ""


def stream(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": text}


def as_text(text: str) -> str:
    """Text that can be written as UTF-8: JSON allows halves of surrogate pairs, files do not."""
    return text.encode("utf-8", "replace").decode("utf-8")
