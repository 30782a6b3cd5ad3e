"""The sections of the page on robustness and erasure: their titles, panels, keys and claims."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from embedshift.published_overlay import PublishedOverlay
from embedshift.report.claims import Claim
from embedshift.report.erasure_tables import PROBE_COLUMNS, REMOVAL_COLUMNS, PageTable, probe_rows, removal_rows
from embedshift.report.panels import Panel
from embedshift.report.published_panels import KEY as PUBLISHED_KEY
from embedshift.report.published_panels import published_panels, why_no_published_curve
from embedshift.report.robustness_claims import robustness_claims
from embedshift.report.robustness_panels import (
    decodability_panels,
    eraser_key,
    erasure_overview_panels,
    erasure_panels,
    robustness_class_panels,
    robustness_panels,
)
from embedshift.robustness_index import WAYS, ErasureNames, RobustnessIndex, read_names
from embedshift.study_layout import StudyLayout
from embedshift.tables import read_table

Panels = Callable[[], Sequence[Panel]]


@dataclass(frozen=True)
class Robustness:
    """The table robustness.csv, how the study is laid out, and the names of its erasers."""

    table: RobustnessIndex
    layout: StudyLayout
    names: ErasureNames
    published: PublishedOverlay

    @classmethod
    def read(cls, path: str, published: Sequence[str], settings: str, layout: StudyLayout) -> "Robustness":
        """Read the table of a study and files of published curves; settings: JSON text with the key `robustness`."""
        names = read_names(settings)
        table = RobustnessIndex(read_table(path), names.augmentation)
        return cls(table, layout, names, PublishedOverlay(published))

    def sections(self) -> Iterator[tuple[str, str, Panels, Panels]]:
        """Yield (name, title, panels, panels by class) of each section; panels are made when they are called for."""
        of = (self.table, self.layout, self.names)
        no_classes: Panels = tuple
        yield "robustness", "Robustness", partial(robustness_panels, *of), partial(robustness_class_panels, *of)
        if self._has_published():
            panels = partial(published_panels, self.table, self.layout, self.published)
            yield "published_curves", "Published curves over ours", panels, no_classes
        yield "erasure", "Change by erasing", partial(erasure_panels, *of), no_classes
        yield "erasure_overview", "Erasing at a glance", partial(erasure_overview_panels, *of), no_classes
        yield "decodability", "Is it erased?", partial(decodability_panels, *of), no_classes

    def table_of(self, section: str) -> PageTable | None:
        """Return the table below the panels of a section."""
        of = (self.table, self.layout, self.names)
        if section == "robustness":
            return PageTable("Every probe", "probes", PROBE_COLUMNS, probe_rows(*of))
        if section == "erasure_overview":
            return PageTable("What is taken away", "removals", REMOVAL_COLUMNS, removal_rows(*of))
        return None

    def note_of(self, section: str) -> str:
        """Return what a section has to say beside its caption: that no published curve belongs to the study."""
        if section != "robustness" or self._has_published():
            return ""
        return why_no_published_curve(self.published)

    def _has_published(self) -> bool:
        return bool(self.published.panels(self.table, self.layout))

    def key_of(self, section: str) -> list[tuple[str, str, str]]:
        """Return (name, CSS colour, CSS border style) of the curves of a section."""
        if section == "decodability":
            return [("linear probe", "var(--series0)", "solid"), ("probe that is not linear", "var(--second)", "solid")]
        if section == "published_curves":
            return list(PUBLISHED_KEY)
        if section == "erasure_overview":
            return []
        styles = zip(WAYS.values(), ("solid", "dashed"), strict=True)
        shown = eraser_key(self.names)[0 if section == "robustness" else 1 :]
        return [*((name, colour, "solid") for name, colour in shown), *((way, "currentColor", s) for way, s in styles)]

    def claims(self) -> list[Claim]:
        """Return the published claims on erasing beside what the table says."""
        return robustness_claims(self.table, self.layout, self.names)
