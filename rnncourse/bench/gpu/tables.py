"""A record, or one of its rows, as plain text."""

from __future__ import annotations

from rnncourse.bench.gpu.roofline import PRECISIONS


def said(row: dict) -> str:
    """A row as one line of text."""
    sizes = ", ".join(f"{k} {row[k]}" for k in "TBH" if k in row)
    name = ", ".join(str(row[k]) for k in ("what", "variant", "way", "precision", "task") if k in row)
    if "failed" in row:
        return f"{name} ({sizes}): {row['failed']}"
    told = (
        ("kernels", "operations", "busy") if row["what"] == "profile" else ("ms", "of_floor", "tokens_per_s", "peak_mb")
    )
    numbers = {k: row[k] for k in told if k in row}
    return f"{name} ({sizes}): " + ", ".join(f"{k} {v:,}" if v is not None else f"{k} ?" for k, v in numbers.items())


def table(record: dict) -> str:
    """The layers of a record as plain text: milliseconds by precision, and the share of the floor that they reach."""
    device, rows = record["device"], [row for row in record["results"] if row["what"] == "layer"]
    precisions = [name for name in PRECISIONS if any(row["precision"] == name for row in rows)]
    lines = [
        f"{device['name']}, torch {record['versions']['torch']}; {record['measured'].partition(',')[0]}",
        f"floors from {record['floors_from']} figures; starting an operation takes {record['launch_us']:.1f} µs",
    ]
    found = {(row["T"], row["B"], row["H"], row["task"], row["variant"], row["precision"]): row for row in rows}
    for T, B, H, task in dict.fromkeys(key[:4] for key in found):
        lines.append(f"T {T}, B {B}, H {H}, {task}")
        lines.append(f"{'':<16}" + "".join(f"{name + ' ms':>10}{'of floor':>9}" for name in precisions))
        for variant in dict.fromkeys(key[4] for key in found if key[:4] == (T, B, H, task)):
            cells = [found.get((T, B, H, task, variant, name), {}) for name in precisions]
            lines.append(f"  {variant:<14}" + "".join(map(cell, cells)))
    lines += [said(row) for row in rows if "failed" in row]
    if not record["complete"]:
        lines.append("The time was up, or somebody stopped it: not everything was measured.")
    return "\n".join(lines)


def cell(row: dict) -> str:
    """A time and its share of the floor; "-" for what was not measured, or has no floor."""
    ms = f"{row['ms']:.2f}" if "ms" in row else "-"
    share = f"{row['of_floor']:.1%}" if "of_floor" in row else "-"
    return f"{ms:>10}{share:>9}"
