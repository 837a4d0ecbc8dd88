"""Dialogues from a file of the reader's own: nothing is downloaded."""

import json
from pathlib import Path
from typing import NamedTuple


class Dialogue(NamedTuple):
    """Turns in order, each a pair (speaker, text), and the labels of the whole dialogue by name."""

    turns: list[tuple[str, str]]
    labels: dict[str, str]


def dialogues(path: str | Path) -> list[Dialogue]:
    """The dialogues of a JSON-lines file, in the order of the file; empty lines are skipped.

    path: one JSON object a line, say
    {"turns": [{"speaker": "agent", "text": "Hello."}, ...], "labels": {"intent": "bill"}}; "labels" may be missing.
    White space within a text becomes one space; neighbouring turns of one speaker stay apart.

    Raises ValueError, with the number of the line, for a line that is not such an object, a dialogue without turns and
    a text without words; and for a file without dialogues.
    """
    found = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            try:
                found.append(_dialogue(json.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                raise ValueError(
                    f'{path}, line {number}: {said}; expected {{"turns": [{{"speaker": ..., "text": ...}}, ...], '
                    '"labels": {"name": "value"}}'
                ) from None
    if not found:
        raise ValueError(f"{path} holds no dialogue: expected one JSON object a line")
    return found


def _dialogue(item: dict) -> Dialogue:
    turns = [(turn["speaker"], " ".join(turn["text"].split())) for turn in item["turns"]]
    if not turns:
        raise ValueError("the dialogue has no turns")
    for speaker, text in turns:
        if not isinstance(speaker, str) or not text:
            raise ValueError(f"a turn of {speaker!r} has the text {text!r}")
    return Dialogue(turns, {str(name): str(value) for name, value in item.get("labels", {}).items()})
