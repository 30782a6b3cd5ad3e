"""The estimate of a study's cost as plain text: jobs, hours, disk."""

from collections.abc import Iterable, Mapping, Sequence

from embedshift.cost_counts import DONE, SHARED, TO_DO, DatasetCount, EmbeddingFile
from embedshift.cost_disk import DiskUse, total
from embedshift.cost_time import Hours
from embedshift.disk_space import free_bytes, mount_point, size_text


def counts_text(datasets: Mapping[str, DatasetCount], files: Sequence[EmbeddingFile], to_render: Sequence) -> str:
    """Return what there is to do: clips x conditions x models, and how many files are there already."""
    conditions = len({file.condition for file in files})
    models = len({file.model for file in files})
    rows = [
        (f"data set {name}", f"{count.clips} clips of {count.length_s:.3g} s, {_prepared(count)}")
        for name, count in datasets.items()
    ]
    states = {state: sum(file.state == state for file in files) for state in (DONE, SHARED, TO_DO)}
    clips = sum(count.clips for count in datasets.values())
    rows += [
        (
            "clips x conditions x models",
            f"{clips} x {conditions} x {models} = {clips * conditions * models} embeddings",
        ),
        ("embedding files", f"{states[DONE]} done, {states[SHARED]} shared by others, {states[TO_DO]} to compute"),
        ("audio files to render", str(len(to_render))),
    ]
    return _columns(rows)


def hours_text(hours: Sequence[Hours], cores: int) -> str:
    """Return the time left, by kind of work."""
    rows = [("", "jobs", "time")]
    rows += [
        (entry.kind, str(entry.jobs), "not measured" if entry.hours is None else _time(entry.hours)) for entry in hours
    ]
    known = sum(entry.hours or 0.0 for entry in hours)
    least = "at least " if any(entry.hours is None and entry.jobs for entry in hours) else ""
    rows.append(("total", str(sum(entry.jobs for entry in hours)), f"{least}{_time(known)}"))
    return f"{_columns(rows)}\nOn this machine, {cores} cores; without analyses, figures and report."


def disk_text(uses: Sequence[DiskUse]) -> str:
    """Return the disk by kind, and whether it is there."""
    rows = [("", "now", "finished", "at most")]
    rows += [
        (use.kind, size_text(use.now), size_text(use.finished), size_text(use.peak)) for use in [*uses, total(uses)]
    ]
    return "\n".join([_columns(rows), *_verdicts(uses)])


def _verdicts(uses: Iterable[DiskUse]) -> list[str]:
    """Return a line for each file system: what is free there, what is written at most, and whether it fits."""
    more: dict[str, int] = {}
    for use in uses:
        place = str(mount_point(use.place))
        more[place] = more.get(place, 0) + max(0, use.peak - use.now)
    lines = []
    for place, bytes_more in more.items():
        free = free_bytes(place)
        verdict = "it fits" if bytes_more < free else f"IT DOES NOT FIT: {size_text(bytes_more - free)} are missing"
        lines.append(f"{place} has {size_text(free)} free and gets {size_text(bytes_more)} more at most: {verdict}.")
    return lines


def _prepared(count: DatasetCount) -> str:
    return "to prepare (some may turn out unusable)" if count.unprepared else "prepared"


def _time(hours: float) -> str:
    if hours * 3600 < 100:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 3 else f"{hours:.3g} h"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
