"""What the preparation of clips met, as sentences for the report: exclusions with their reasons, and remarks."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from embedshift.indexed_clips import IndexedClip


@dataclass
class Tally:
    """Counts of clips, gathered while they stream by.

    Attributes
    ----------
    indexed, lost : clips by label, of the index, and those of them that are left out
    kinds : clips that are left out, by the kind of reason
    remarks : clips that are kept, by what was remarked of them
    """

    indexed: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)

    def counted(self, clips: Iterable[IndexedClip]) -> Iterator[IndexedClip]:
        """Yield the clips of the index and count them."""
        for clip in clips:
            self.indexed[clip.label] += 1
            yield clip

    def leave_out(self, clip: IndexedClip, reason: str) -> None:
        """Count a clip that is left out; the kind is what stands before the colon of the reason."""
        self.lost[clip.label] += 1
        self.kinds[reason.split(": ")[0]] += 1

    def sentences(self) -> list[str]:
        """Return sentences for the report: how many clips were excluded and why, and what was met in the others."""
        total, lost = self.indexed.total(), self.lost.total()
        notes = [f"{count} of {total} clips: {kind}." for kind, count in sorted(self.remarks.items())]
        if lost:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
            notes.append(f"{lost} of {total} clips are excluded, each with its reason in excluded.csv: {kinds}.")
        gone = sorted(label for label, clips in self.indexed.items() if self.lost[label] == clips)
        if gone:
            notes.append(f"Classes of which no clip is left: {', '.join(gone)}.")
        return notes
