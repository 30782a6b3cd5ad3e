"""What every figure of a study is laid out by: data sets and models as rows, effects as columns, strengths as axes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNIT_OF_SUFFIX = {"hz": "Hz", "db": "dB", "s": "s", "ms": "ms", "seconds": "s", "semitones": "semitones"}
FIGURE_SETTINGS = {"width_inches": "width_in", "dpi": "dpi", "colour_map": "colour_map"}


@dataclass(frozen=True)
class StrengthAxis:
    """The strengths of one effect, weakest first, and how to draw them.

    Attributes
    ----------
    effect, parameter, unit : names; `parameter` is empty for an effect that has no swept parameter
    texts : the strengths as they stand in the tables
    values : the same as numbers, in the unit of the parameter
    spacing : `linear` or `geometric`
    neutral : the value at which the effect changes nothing, or None
    """

    effect: str
    parameter: str
    unit: str
    texts: tuple[str, ...]
    values: tuple[float, ...]
    spacing: str = "linear"
    neutral: float | None = None

    @property
    def neutral_position(self) -> float | None:
        """Return where the neutral value lies on the axis, None where it lies outside."""
        if self.neutral is None or self.kind == "ordinal":
            return None
        return self.neutral if min(self.values) <= self.neutral <= max(self.values) else None

    @property
    def kind(self) -> str:
        """Return `log`, `linear`, or `ordinal` where the values go neither up nor down all the way."""
        steps = [later - earlier for earlier, later in zip(self.values, self.values[1:], strict=False)]
        if not steps or not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
            return "ordinal"
        return "log" if self.spacing == "geometric" and min(self.values) > 0 else "linear"

    @property
    def positions(self) -> tuple[float, ...]:
        """Return where each strength lies on the axis: its value, or its place in the order."""
        return tuple(float(place) for place in range(len(self.texts))) if self.kind == "ordinal" else self.values

    @property
    def label(self) -> str:
        """Return the axis title: the parameter in words and its unit."""
        name, unit = self._name_and_unit()
        return f"{name} ({unit})" if unit else name

    def _name_and_unit(self) -> tuple[str, str]:
        words = (self.parameter or "applied").split("_")
        if len(words) > 1 and words[-1] in UNIT_OF_SUFFIX:
            return " ".join(words[:-1]), self.unit or UNIT_OF_SUFFIX[words[-1]]
        return " ".join(words), self.unit

    def with_unit(self, text: str) -> str:
        """Return the text of a strength with its unit and a proper minus, such as `−20 dB`."""
        text, unit = text.replace("-", "\N{MINUS SIGN}"), self._name_and_unit()[1]
        return f"{text} {unit}" if unit else text


@dataclass(frozen=True)
class StudyLayout:
    """Names and axes of a study, in the order of the config, and how its figures are drawn."""

    study: str
    datasets: tuple[str, ...]
    models: tuple[str, ...]
    effects: Mapping[str, StrengthAxis]
    width_in: float = 7.0
    dpi: int = 200
    colour_map: str = "viridis"

    @property
    def grid_rows(self) -> list[tuple[str, str]]:
        """Return `(dataset, model)` for each row of a model x effect grid."""
        return [(dataset, model) for dataset in self.datasets for model in self.models]

    def row_name(self, dataset: str, model: str) -> str:
        """Return the name of a grid row; the data set is said only where there are several."""
        return model if len(self.datasets) == 1 else f"{model} · {dataset}"


def read_layout(settings: str) -> StudyLayout:
    """Return the layout from the JSON text that the figure rules get as their settings."""
    parsed = json.loads(settings)
    order = parsed.get("effect_order", list(parsed["effects"]))  # canonical JSON has sorted the keys of `effects`
    effects = {name: _axis(name, parsed["effects"][name]) for name in order}
    names = {key: tuple(parsed[key]) for key in ("datasets", "models")}
    figures = dict(parsed.get("figures") or {})
    drawn = {field: figures[key] for key, field in FIGURE_SETTINGS.items() if key in figures}
    return StudyLayout(study=parsed["study"], effects=effects, **names, **drawn)


def _axis(name: str, effect: Mapping[str, Any]) -> StrengthAxis:
    return StrengthAxis(
        effect=name,
        parameter=effect.get("parameter") or "",
        unit=effect.get("unit") or "",
        texts=tuple(str(text) for text in effect["strengths"]),
        values=tuple(float(value) for value in effect["values"]),
        spacing=effect.get("spacing") or "linear",
        neutral=effect.get("neutral"),
    )
