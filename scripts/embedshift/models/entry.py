"""What is known of an adapter without loading it: one `Entry` each, in `entries/<adapter>.py`.

Imported by the Snakefile: standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Option:
    """One option of an adapter: one of `choices`, a number within `low` and `high` (inclusive), or a free text.

    The choices may depend on the value of another option: `depends_on` names it, `choices_by` maps its values.
    `whole` asks for a whole number; `free_text` takes any text (a path, a revision).
    """

    description: str
    default: Any = None
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    depends_on: str = ""
    choices_by: Mapping[Any, tuple[Any, ...]] = field(default_factory=dict)
    whole: bool = False
    free_text: bool = False


@dataclass(frozen=True)
class Requirement:
    """Where all in `when` (options, or `backend`) have the values there, `option` must be `value`, because `why`."""

    when: Mapping[str, Any]
    option: str
    value: Any
    why: str


@dataclass(frozen=True)
class Entry:
    """What is known of an adapter, for the config's checks, the jobs' identity and the table of models.

    Attributes
    ----------
    sample_rate_hz : rate, or `{value of rate_option: rate}`; None where only the loaded model knows
    dim : `{value of dim_option: dimension}`, `{None: dimension}`, or `{}` where only the loaded model knows; where
        several options decide, `dim_option` names them and the keys are their values with a space between
    files : library files whose code decides the numbers, relative to the package
    source : where the official weights live
    weights : name of the weights, a template of the options (`openl3_{input_repr}_{content}`); empty for none
    tokenizers : `{value of tokenizer_option: name}` of what a text tower's tokenizer reads
    backends : who does the work; `official` runs the published package in an environment of its own
    takes_specification : written `name:specification` in the config, for plug-ins
    requirements : which options do not work together
    free_options : any option is handed on to the user's own class
    bfloat16_cosine : lowest cosine to float32 seen on real clips, with seeded weights where published ones were not at
        hand; None where not measured
    checked : what was held against what, and the error seen
    """

    description: str
    sample_rate_hz: int | Mapping[Any, int] | None
    dim: Mapping[Any, int]
    files: tuple[str, ...]
    licence_code: str
    licence_weights: str
    citation: str
    source: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    precisions: tuple[str, ...] = ("float32",)
    dim_option: str | tuple[str, ...] = ""
    rate_option: str = ""
    weights: str = ""
    tokenizers: Mapping[Any, str] = field(default_factory=dict)
    tokenizer_option: str = ""
    backends: tuple[str, ...] = ("embedshift",)
    takes_specification: bool = False
    free_options: bool = False
    requirements: tuple[Requirement, ...] = ()
    runs_on_gpu: bool = True
    channel_rule: str = "mean of the channels"
    length_rule: str = ""
    frames: str = ""
    pooling: str = "mean over frames"
    bfloat16_cosine: float | None = None
    checked: str = ""
