"""Students' words in texts of ours: marked as theirs, cut, with nothing in them that could act or hide."""

from __future__ import annotations

import unicodedata

TEXT = 2000  # characters of a message
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode categories of characters that show nothing
LONGEST_REASON = 600  # characters


def quoted(text: str) -> str:
    """A student's words as such: every line marked, cut, with nothing in it that could act or hide."""
    return "\n".join(f"  | {visible(line)}" for line in text[:TEXT].split("\n")[:20])


def visible(text: str) -> str:
    """`text` with control characters, and those that hide or turn the direction of text, as their codes."""
    return "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in HIDDEN and c != "\t" else c for c in text)


def one_line(text: str) -> str:
    """A reason as tables have it: one line, cut, every character visible."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."
