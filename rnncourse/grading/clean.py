"""Students' Markdown made safe for the instructors' browser.

nbgrader's pages render Markdown with its HTML, and a script in it runs. So it is rendered here, all HTML that could do
something is taken out by bleach, and the result is stored as one HTML block that a second rendering leaves as it is.
"""

from __future__ import annotations

import re

import bleach
from nbconvert.filters import markdown2html

TAGS = frozenset(
    "a abbr b blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup "
    "table tbody td th thead tr ul".split()
)
LINKS = frozenset({"http", "https", "mailto"})
ACTIVE = re.compile(r"[\\`*_{}\[\]()#+!|~$\n]")
MOST = 100_000  # characters of one cell


def markdown(source: str) -> str:
    """Markdown as safe HTML in one line. Pictures and attachments are left out; formulas stay."""
    if not source.strip():
        return ""
    html = bleach.clean(
        markdown2html(source[:MOST]), tags=TAGS, attributes={"a": ["href", "title"]}, protocols=LINKS, strip=True
    )
    pieces = re.split(r"(<[^>]*>)", html)  # bleach escapes every < that opens no tag
    # What Markdown or line breaks could mean the second time is written as character references
    text = [p if k % 2 else ACTIVE.sub(lambda m: f"&#{ord(m[0])};", p) for k, p in enumerate(pieces)]
    return f"<div>{''.join(text)}</div>".replace("\n", "&#10;")
