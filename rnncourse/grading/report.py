"""What instructors read: results.csv, results.json and the class report, report.html.

Everything that came from a submission is text here and nothing else: escaped in HTML, guarded in CSV.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, median

import jinja2
from markupsafe import Markup, escape

COLUMNS = (
    "student",
    "unit",
    "score",
    "max_score",
    "percent",
    "status",
    "reason",
    "mistakes",
    "manual_points_open",
    "seconds",
    "sandbox",
    "name",
)
TEMPLATE = Path(__file__).with_name("report.html.j2")
# OWASP, "CSV Injection": a cell that begins with one of these may run as a formula; full-width forms count as well
FORMULA = re.compile(r"[' ]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
SEPARATED = re.compile(rf"([;,|\t])(?={FORMULA.pattern})")
GUARDED = re.compile(rf"([;,|\t])'(?={FORMULA.pattern})")
# Control characters, those that turn the direction of text, halves of surrogate pairs
UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
UNKNOWN = "No known mistake recognised."
OTHERS = {  # by trouble
    "blank": "Not written yet.",
    "missing": "There is no function of this name.",
    "forbidden": "Uses what the exercise forbids.",
    "stopped": "Took too long, or ended the process.",
    "raised": "Raises an exception; no known mistake recognised.",
}
MOST_MISTAKES = 6  # listed per function, the rest is counted
MOST_SINGLE_BARS, MOST_WIDE_BARS = 21, 8
# The histogram in units of its viewBox
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 230, 44, 8, 18, 46


def write(output: Path, results: Iterable[dict], run: dict) -> None:
    """Write results.csv, results.json and report.html into the folder `output`, each at once or not at all.

    `results` may be a generator: the notebooks in it are not kept. `run` (seed, units, started, versions, sandbox) is
    shown in the report's footer; its units get a section even without a submission. The same results give the same
    bytes, in whatever order they come.
    """
    rows = sorted(
        ({k: v for k, v in result.items() if k != "notebook"} for result in results),
        key=lambda r: (r["unit"], r["student"]),
    )
    output.mkdir(parents=True, exist_ok=True)
    write_whole(output / "results.csv", csv_text(rows))
    write_whole(output / "results.json", json_text(rows))
    write_whole(output / "report.html", html(rows, run))


def write_whole(path: Path, text: str) -> None:
    """Replace the file `path` in one step, so that a killed run leaves the old file or the new one.

    File names that are not UTF-8 reach Python as lone surrogates. They are written as \\udcXX, which JSON reads back.
    """
    scratch = path.with_name(f".{path.name}.tmp")
    with scratch.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(text)
    os.replace(scratch, path)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A CSV table as text; commas, quotes and line breaks are quoted as in RFC 4180, lines end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def csv_text(rows: list[dict]) -> str:
    """results.csv as text: one line a result."""
    return table(COLUMNS, ([_cell(r, column) for column in COLUMNS] for r in rows))


def json_text(rows: list[dict]) -> str:
    """results.json as text: a list, one line a result, every field but the notebook; text is unguarded."""
    return "[\n" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + "\n]\n" if rows else "[]\n"


def _cell(result: dict, column: str) -> str:
    match column:
        case "percent":
            return percent(result)
        case "mistakes":
            return guard(mistakes(result))
        case "seconds":
            return "" if result["seconds"] is None else f"{result['seconds']:.2f}"
        case "name":  # as it came; the id may be another spelling
            return guard((result["platform"] or {}).get("name") or result["student"])
        case "score" | "max_score" | "manual_points_open":
            return number(result[column])
    return guard(result[column])


def guard(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula: a single quote in front of =, +, -, @, tab and newline.

    The same after a character at which a spreadsheet may split: many split at semicolons, whatever the quotes.

    That is OWASP's advice. `unguard` gives back every text exactly, so that a student id can still be matched; other
    texts, and so almost all ids, stay as they are. results.json holds the ids untouched.
    """
    text = SEPARATED.sub(r"\1'", text)
    return f"'{text}" if FORMULA.match(text) else text


def unguard(cell: str) -> str:
    """The text that `guard` made `cell` of."""
    return GUARDED.sub(r"\1", cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell)


def number(value: float | None) -> str:
    """A number of points, without the noise of binary fractions: 0.1 + 0.2 is 0.3, 12.0 is 12."""
    return "" if value is None else f"{value + 0.0:.10g}"


def percent(result: dict) -> str:
    """Points as percent with one digit; empty where there is nothing to reach."""
    return f"{100 * result['score'] / result['max_score']:.1f}" if result["max_score"] else ""


def mistakes(result: dict) -> str:
    """Known mistakes of one submission: "leaky_step: no_bias, no_tanh; unroll: zeros"."""
    return "; ".join(f"{n}: {', '.join(f['mistakes'])}" for n, f in result["functions"].items() if f["mistakes"])


def wrong(result: dict) -> str:
    """Functions that are not right yet, with the known mistakes: "leaky_step (no_bias), unroll"."""
    missed = ((n, f["mistakes"]) for n, f in result["functions"].items() if not f["passed"])
    return ", ".join(f"{n} ({', '.join(names)})" if names else n for n, names in missed)


def html(rows: list[dict], run: dict) -> str:
    """The class report as text: one file, no script, nothing fetched from elsewhere."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "percent": percent, "wrong": wrong, "shown": shown, "hinted": hinted}
    # last come files of which no unit could be told: their unit is empty
    names = sorted({*run.get("units", ()), *(r["unit"] for r in rows)}, key=lambda unit: (not unit, unit))
    by_unit = {unit: [] for unit in names}
    for r in rows:
        by_unit[r["unit"]].append(r)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        units=[summary(unit, some) for unit, some in by_unit.items()],
        run=run,
        unsafe=sum(r["sandbox"] == "none" for r in rows),
    )


def shown(text: str) -> str:
    """`text` with a replacement character for each that a page cannot show, or that makes a text look like another."""
    return UNSHOWABLE.sub("\ufffd", text)


def hinted(hint: str) -> Markup:
    """A hint as HTML: escaped, with `names in backticks` as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(shown(hint)))))


def summary(unit: str, rows: list[dict]) -> dict:
    """What the report says of one unit.

    Mean, median, distribution, functions and mistakes are of the submissions that were graded: the points of one that
    needs a person are not known yet.
    """
    graded = [r for r in rows if r["status"] != "needs_person"]
    scores = [r["score"] for r in graded]
    max_score = max((r["max_score"] for r in rows), default=0)
    return {
        "name": unit or "No unit recognised",
        "rows": rows,
        "graded": len(graded),
        "max_score": max_score,
        "mean": fmean(scores) if scores else None,
        "median": median(scores) if scores else None,
        "histogram": histogram(scores, max_score) if scores else None,
        "functions": [_function(name, graded) for name in dict.fromkeys(n for r in graded for n in r["functions"])],
        "needs_person": [r for r in rows if r["status"] == "needs_person"],
        "problems": [r for r in rows if r["status"] == "graded_with_problems"],
        "to_read": sum(r["manual_points_open"] > 0 for r in rows),
        "open": sum(r["manual_points_open"] for r in rows),
    }


def _function(name: str, graded: list[dict]) -> dict:
    """How a class did in one function; mistakes as (submissions, name, hint), the commonest first."""
    outcomes = [r["functions"][name] for r in graded if name in r["functions"]]
    counts = Counter(pair for o in outcomes for pair in zip(o["mistakes"], o["hints"], strict=True))
    known = sorted(((n, *pair) for pair, n in counts.items()), key=lambda m: (-m[0], m[1:]))
    right = sum(o["passed"] for o in outcomes)
    unnamed = [o for o in outcomes if not o["passed"] and not o["mistakes"]]
    return {
        "name": name,
        "max_points": max(o["max_points"] for o in outcomes),
        "all": len(outcomes),
        "right": right,
        "wrong": len(outcomes) - right,
        "share": 100 * right / len(outcomes),
        "mistakes": known[:MOST_MISTAKES],
        "rarer": known[MOST_MISTAKES:],
        "others": Counter(OTHERS.get(o.get("trouble"), UNKNOWN) for o in unnamed).most_common(),
    }


def histogram(scores: list[float], max_score: float) -> dict:
    """Bars, ticks and words of the score distribution; a bar a point, or wider ones where there are many points."""
    whole = math.floor(max_score) + 1
    width = 1 if whole <= MOST_SINGLE_BARS else math.ceil(whole / MOST_WIDE_BARS)
    counts = [0] * math.ceil(whole / width)
    for score in scores:
        counts[min(max(int(score // width), 0), len(counts) - 1)] += 1
    step = _step(max(counts))
    top = step * math.ceil(max(counts) / step)
    slot = (WIDTH - LEFT - RIGHT) / len(counts)
    high = HEIGHT - TOP - BOTTOM
    bars = []
    for k, count in enumerate(counts):
        first, last = k * width, min((k + 1) * width, whole) - 1
        bars.append(
            {
                "label": f"{first}" if first == last else f"{first}\u2013{last}",
                "count": count,
                "x": round(LEFT + k * slot + 0.08 * slot, 2),
                "width": round(0.84 * slot, 2),
                "centre": round(LEFT + (k + 0.5) * slot, 2),
                "y": round(TOP + high * (1 - count / top), 2),
                "height": round(high * count / top, 2),
            }
        )
    ticks = [{"count": n, "y": round(TOP + high * (1 - n / top), 2)} for n in range(0, top + 1, step)]
    words = "; ".join(f"{b['label']}: {b['count']}" for b in bars if b["count"])
    return {"bars": bars, "ticks": ticks, "words": f"Points: submissions. {words}.", "box": (WIDTH, HEIGHT)}


def _step(most: int) -> int:
    """Distance of the ticks of an axis of counts from 0 to `most`: 1, 2 or 5 times a power of ten, at most 5 steps."""
    return next(n * 10**k for k in range(20) for n in (1, 2, 5) if n * 10**k * 5 >= most)
