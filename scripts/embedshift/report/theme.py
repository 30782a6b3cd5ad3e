"""Light and dark: the palettes that specs of plots refer to by name, and the plotly template of each."""

from dataclasses import asdict, dataclass
from typing import Any

import matplotlib
from matplotlib.colors import to_hex

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
SCALE_STEPS = 12


@dataclass(frozen=True)
class Palette:
    """Colours of one theme; `series` are Okabe and Ito's, lightened where the ground is dark."""

    ground: str
    ink: str
    soft: str
    grid: str
    accent: str
    second: str
    series: tuple[str, ...]
    scale_range: tuple[float, float]


LIGHT = Palette(
    ground="#ffffff",
    ink="#1f2328",
    soft="#6b7178",
    grid="#e6e8eb",
    accent="#0072B2",
    second="#C24E00",
    series=("#0072B2", "#D55E00", "#009E73", "#B8578F", "#2C8FC7", "#B87D00", "#5B5B5B"),
    scale_range=(0.0, 0.88),
)
DARK = Palette(
    ground="#171a1f",
    ink="#e4e6e9",
    soft="#9aa1aa",
    grid="#2c3138",
    accent="#5AB1E6",
    second="#F08A4B",
    series=("#5AB1E6", "#F08A4B", "#3CC79F", "#E29CC4", "#A7D8F5", "#F2C14E", "#B0B0B0"),
    scale_range=(0.22, 1.0),
)
PALETTES = {"light": LIGHT, "dark": DARK}


def themes(colour_map: str) -> dict[str, Any]:
    """Return, for `light` and `dark`, colours by name, the colour scale of strength and the plotly template."""
    return {
        name: {**asdict(palette), "strength": strength_scale(palette, colour_map), "template": _template(palette)}
        for name, palette in PALETTES.items()
    }


def strength_scale(palette: Palette, colour_map: str) -> list[list[Any]]:
    """Return a plotly colour scale, weak to strong, without the end that the ground would swallow."""
    low, high = palette.scale_range
    colours = matplotlib.colormaps[colour_map]
    steps = [step / (SCALE_STEPS - 1) for step in range(SCALE_STEPS)]
    return [[round(step, 4), to_hex(colours(low + (high - low) * step))] for step in steps]


def css_colours(name: str, colour_map: str) -> str:
    """Return the colours that page and plots share as CSS variables; `--strength` is a gradient, weak to strong."""
    palette = PALETTES[name]
    gradient = ", ".join(colour for _, colour in strength_scale(palette, colour_map))
    series = "".join(f" --series{number}: {colour};" for number, colour in enumerate(palette.series))
    return f"--strength: linear-gradient(to right, {gradient}); --second: {palette.second};{series}"


def _template(palette: Palette) -> dict[str, Any]:
    axis = {
        "gridcolor": palette.grid,
        "linecolor": palette.soft,
        "tickcolor": palette.soft,
        "zerolinecolor": palette.grid,
        "showline": True,
        "ticks": "outside",
        "ticklen": 3,
        "zeroline": False,
        "automargin": False,
        "title": {"standoff": 6, "font": {"size": 12}},
        "tickfont": {"size": 11, "color": palette.soft},
    }
    layout = {
        "font": {"family": FONT, "size": 12, "color": palette.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"bgcolor": palette.ground, "bordercolor": palette.soft, "font": {"color": palette.ink}},
        "xaxis": axis,
        "yaxis": axis,
    }
    return {"layout": layout}
