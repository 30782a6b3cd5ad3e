"""Captions: reStructuredText with Jinja, as `snakemake --report` reads it, turned into HTML for the page."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docutils.core import publish_parts
from docutils.utils import SystemMessage
from jinja2 import Environment, StrictUndefined, TemplateError

from embedshift.errors import UserError

SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": 2,
    "warning_stream": False,
    "report_level": 5,
    "initial_header_level": 3,
}


def read_captions(paths: Iterable[str | Path], config: Mapping[str, Any]) -> dict[str, str]:
    """Return the HTML of each caption by the stem of its file.

    Captions see the config as `snakemake.config`, the name that it has in Snakemake's own report.

    Raises
    ------
    UserError
        If a caption names a config key that does not exist, or is no valid reStructuredText.
    """
    return {Path(path).stem: _caption_html(Path(path), config) for path in paths}


def _caption_html(path: Path, config: Mapping[str, Any]) -> str:
    # autoescape would put HTML entities into reStructuredText; docutils escapes what it writes
    environment = Environment(undefined=StrictUndefined, autoescape=False)
    try:
        text = environment.from_string(path.read_text(encoding="utf-8")).render(
            snakemake=SimpleNamespace(config=config)
        )
        return publish_parts(text, writer="html5", settings_overrides=SETTINGS)["body"]
    except (TemplateError, SystemMessage) as error:
        raise UserError(f"The caption {path} cannot be rendered: {error}. Mend the file and run again.") from error
