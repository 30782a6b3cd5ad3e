"""One self-contained HTML page from results/*.json: every figure with its target, and the curves of bench_scale."""

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; } th, td { padding: .2rem .8rem .2rem 0; text-align: left; }
th { border-bottom: 1px solid #999; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.missed td { color: #a00; } svg { max-width: 100%; height: auto; } p.note { color: #666; }
"""
POINTS = ("curve", "size", "CPU s", "s of the clock", "load before", "GB, largest job", "GB, Snakemake", "GB on disk",
          "files", "measured", "commit")  # fmt: skip


def build_page(results: Path = RESULTS) -> Path:
    """Write report.html beside the results and return its path."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    rows = [row for bench in found.values() for row in bench]
    targets = [row for row in rows if row["target"] != "-"]
    met = sum(row["met"] for row in targets)
    parts = [f"<h1>Benchmarks of embedshift</h1><p>{met} of {len(targets)} figures with a target meet it.</p>"]
    parts += [f"<h2>{html.escape(name)}</h2>{curves_of(name, results)}{table_of(found[name])}" for name in found]
    page = results / "report.html"
    document = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Benchmarks</title><style>{STYLE}</style>'
    page.write_text(f"{document}{''.join(parts)}</html>\n", encoding="utf-8")
    return page


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    """Return a bench's figures: those that miss their target are marked in words, not by colour alone."""
    lines = [
        table_row(
            [row["name"], f"{row['value']:.3g}", row["unit"], row["target"], said(row)],
            numbers=(1,),
            missed=not row["met"],
        )
        for row in rows
    ]
    return table(("figure", "value", "unit", "target", ""), lines)


def said(row: dict[str, Any]) -> str:
    if row["target"] == "-":
        return ""
    return "met" if row["met"] else "NOT MET"


def curves_of(name: str, results: Path) -> str:
    """Return the drawn curves of a bench and the points behind them; nothing where it has none."""
    drawing, points = results / f"{name}.svg", results / "points" / f"{name}.json"
    if not drawing.exists():
        return ""
    svg = drawing.read_text(encoding="utf-8")
    note = '<p class="note">Slopes are those between the two largest sizes; the grey line has slope 1.</p>'
    lines = [point_row(point) for point in json.loads(points.read_text())] if points.exists() else []
    return svg[svg.index("<svg") :] + note + table(POINTS, lines)


def point_row(point: dict[str, Any]) -> str:
    cells = [
        point["curve"],
        f"{point['size']:,}",
        f"{point['cpu_s']:.1f}",
        f"{point['wall_s']:.0f}",
        f"{point['load_before']:.1f}",
        gigabytes(point.get("largest_job_bytes")),
        gigabytes(point["main_memory_bytes"]),
        gigabytes(point.get("disk_bytes")),
        f"{point['files']:,}" if "files" in point else "",
        point["measured"],
        point["commit"],
    ]
    return table_row(cells, numbers=range(1, 9))


def gigabytes(size_bytes: float | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / 1e9:.3g}"


def table(head: Sequence[str], rows: Sequence[str]) -> str:
    return f"<table><tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>{''.join(rows)}</table>"


def table_row(cells: Sequence[str], numbers: Sequence[int] = (), missed: bool = False) -> str:
    classes = ["number" if place in numbers else "text" for place in range(len(cells))]
    inner = "".join(f'<td class="{k}">{html.escape(cell)}</td>' for k, cell in zip(classes, cells, strict=True))
    return f'<tr class="missed">{inner}</tr>' if missed else f"<tr>{inner}</tr>"


if __name__ == "__main__":
    print(build_page())
