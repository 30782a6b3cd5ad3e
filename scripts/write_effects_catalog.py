"""Write `scripts/embedshift/effects_catalog.json`: every processor with its parameters, defaults and ranges.

A developer's command, not a rule: run `python scripts/write_effects_catalog.py` after changing pedalboard's version or
a range below, look at the difference, and commit it. Names, types, defaults and choices are read from the installed
pedalboard; ranges, units and meanings stand here, because pedalboard's own checks are incomplete (a cutoff of -5 Hz
passes) or too wide to be useful (a gain of 1000 dB gives infinities). The tests compare the file with pedalboard.
"""

import inspect
import json
import re
from pathlib import Path

CATALOG = Path(__file__).parent / "embedshift" / "effects_catalog.json"
NOT_PROCESSORS = (
    "Plugin",
    "ExternalPlugin",
    "PluginContainer",
    "Chain",
    "Mix",
    "Pedalboard",
    "IIRFilter",
    "VST3Plugin",
)
HIGHEST_HZ = 96000.0  # half of 192 kHz; the data set's own Nyquist frequency is checked as well where it is known

# A parameter: (lowest, highest, unit, meaning); cutoffs are listed apart, since Nyquist limits them.
MIX = (0, 1, "", "share of the effected signal in the output")
ATTACK = (0, 5000, "ms", "time constant with which the level detector rises")
RELEASE = (0, 10000, "ms", "time constant with which the level detector falls")
CUTOFF = (1, HIGHEST_HZ, "Hz", "corner frequency")
SHELF = {
    "cutoff_frequency_hz": CUTOFF,
    "gain_db": (-60, 60, "dB", "gain in the shelf or at the peak"),
    "q": (0.01, 100, "", "quality factor: the larger, the narrower"),
}
DYNAMICS = {
    "threshold_db": (-120, 20, "dB", "level at which the gain begins to change"),
    "ratio": (1, 1000, "", "input change over output change beyond the threshold, in dB over dB"),
    "attack_ms": ATTACK,
    "release_ms": RELEASE,
}
QUALITY = "the interpolator used both ways"
# JUCE takes -100 dB and less for silence, so gains end above it.
RANGES: dict[str, dict[str, tuple]] = {
    "Bitcrush": {"bit_depth": (1, 32, "bit", "quantised to steps of 2^-bit_depth on a signal of +-1")},
    "BrickwallLimiter": {
        "ceiling_db": (-60, 0, "dB", "highest level let through"),
        "release_ms": (1, 10000, "ms", RELEASE[3]),
        "lookahead_ms": (0.1, 100, "ms", "how far ahead peaks are seen"),
        "true_peak": ("whether peaks between samples count",),
    },
    "Chorus": {
        "rate_hz": (0, 100, "Hz", "frequency of the modulation"),
        "depth": (0, 1, "", "depth of the modulation"),
        "centre_delay_ms": (1, 100, "ms", "mean delay of the modulated copy"),
        "feedback": (-0.99, 0.99, "", "share of the output fed back"),
        "mix": MIX,
    },
    "Clipping": {"threshold_db": (-99, 20, "dB", "level above which samples are clipped")},
    "Compressor": DYNAMICS,
    "Convolution": {
        "impulse_response_filename": ("path of a sound file that holds the impulse response",),
        "mix": MIX,
    },
    "Delay": {
        "delay_seconds": (0, 30, "s", "time until the echo"),
        "feedback": (0, 1, "", "share of the echo fed back"),
        "mix": MIX,
    },
    "Distortion": {"drive_db": (-60, 80, "dB", "gain before tanh")},
    "GSMFullRateCompressor": {"quality": (QUALITY,)},
    "Gain": {"gain_db": (-99, 60, "dB", "gain")},
    "HighShelfFilter": SHELF,
    "HighpassFilter": {"cutoff_frequency_hz": CUTOFF},
    "Invert": {},
    "LadderFilter": {
        "mode": ("low-, high- or band-pass with 12 or 24 dB an octave",),
        "cutoff_hz": CUTOFF,
        "resonance": (0, 1, "", "resonance at the corner"),
        "drive": (1, 100, "", "gain into the saturation"),
    },
    "Limiter": {
        "threshold_db": (-100, 20, "dB", "level at which limiting begins"),
        "release_ms": (1, 10000, "ms", RELEASE[3]),
    },
    "LowShelfFilter": SHELF,
    "LowpassFilter": {"cutoff_frequency_hz": CUTOFF},
    "MP3Compressor": {"vbr_quality": (0, 9.9, "", "LAME's variable bit rate quality, 0 best, 9.9 worst")},
    "NoiseGate": DYNAMICS,
    "PeakFilter": SHELF,
    "Phaser": {
        "rate_hz": (0, 100, "Hz", "frequency of the modulation"),
        "depth": (0, 1, "", "depth of the modulation"),
        "centre_frequency_hz": (20, HIGHEST_HZ, "Hz", "centre of the modulated all-pass filters"),
        "feedback": (-0.99, 0.99, "", "share of the output fed back"),
        "mix": MIX,
    },
    "PitchShift": {"semitones": (-48, 48, "semitones", "shift of the pitch, duration kept")},
    "Resample": {
        "target_sample_rate": (500, 192000, "Hz", "rate to which the sound is resampled before it is brought back"),
        "quality": (QUALITY,),
    },
    "Reverb": {
        "room_size": (0, 1, "", "feedback of the comb filters"),
        "damping": (0, 1, "", "loss of high frequencies in the tail"),
        "wet_level": (0, 1, "", "level of the reverberation (scaled by 3 inside Freeverb)"),
        "dry_level": (0, 1, "", "level of the dry sound (scaled by 2 inside Freeverb)"),
        "width": (0, 1, "", "stereo width of the reverberation"),
        "freeze_mode": (0, 1, "", "0.5 or more keeps the reverberation for ever"),
    },
}
# Where the frequency itself is not what Nyquist limits: the factor between the two.
NYQUIST_FACTORS = {"chebyshev2_lowpass": 1.1}
SAMPLE_RATES_HZ = {"MP3Compressor": [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]}  # what LAME takes
LIMITED_BY_NYQUIST = ("cutoff_frequency_hz", "cutoff_hz", "centre_frequency_hz", "frequency_hz", "low_hz", "high_hz")


def number(default: float | None, lowest: float, highest: float, unit: str, meaning: str) -> dict:
    """Describe a parameter that is a number; without a default it must be given."""
    return {
        "type": "number",
        "default": default,
        "minimum": lowest,
        "maximum": highest,
        "unit": unit,
        "meaning": meaning,
    }


def choice(default: str, choices: list[str], meaning: str) -> dict:
    """Describe a parameter that is one of several words."""
    return {"type": "choice", "default": default, "choices": choices, "meaning": meaning}


def filter_family(name: str, own: dict[str, dict]) -> dict:
    """Describe a scipy filter that is given by kind, order and corner frequencies."""
    corner = "corner frequency, for lowpass and highpass"
    parameters = {
        "kind": choice("lowpass", ["lowpass", "highpass", "bandpass", "bandstop"], "which frequencies pass"),
        "order": {**number(4, 1, 20, "", "order (twice that for bandpass and bandstop)"), "type": "integer"},
        "cutoff_hz": {**number(None, 1, HIGHEST_HZ, "Hz", corner), "optional": True},
        "low_hz": {**number(None, 1, HIGHEST_HZ, "Hz", "lower edge, for bandpass and bandstop"), "optional": True},
        "high_hz": {**number(None, 1, HIGHEST_HZ, "Hz", "upper edge, for bandpass and bandstop"), "optional": True},
    }
    summary = f"{name} filter of scipy.signal: second-order sections, causal, one pass"
    return {"family": "scipy", "summary": summary, "parameters": parameters | own}


def own_processors() -> dict[str, dict]:
    """Describe the processors that embedshift itself provides."""
    ripple = number(1, 0.01, 20, "dB", "ripple in the pass band")
    attenuation = number(60, 10, 200, "dB", "attenuation in the stop band")
    study_a = {
        "frequency_hz": number(None, 10, HIGHEST_HZ, "Hz", "nominal cutoff; pass edge f / 1.1, stop edge 1.1 f"),
        "pass_ripple_db": number(3, 0.01, 20, "dB", "greatest loss up to the pass edge"),
        "stop_attenuation_db": number(80, 10, 200, "dB", "least loss from the stop edge on"),
    }
    norm = choice("phase", ["phase", "delay", "mag"], "what the corner frequency means, as in scipy.signal.bessel")
    return {
        "time_reverse": {"family": "embedshift", "summary": "the clip backwards", "parameters": {}},
        "chebyshev2_lowpass": {
            "family": "scipy",
            "summary": "Chebyshev II low-pass of the smallest order that meets both edges (scipy.signal.cheb2ord)",
            "parameters": study_a,
        },
        "butterworth": filter_family("Butterworth", {}),
        "chebyshev1": filter_family("Chebyshev I", {"ripple_db": ripple}),
        "chebyshev2": filter_family("Chebyshev II", {"attenuation_db": attenuation}),
        "elliptic": filter_family("elliptic", {"ripple_db": ripple, "attenuation_db": attenuation}),
        "bessel": filter_family("Bessel", {"norm": norm}),
    }


def pedalboard_processors() -> dict[str, dict]:
    """Describe every plugin of the installed pedalboard that processes sound and is made from plain values."""
    import pedalboard

    found = {}
    for name, plugin in inspect.getmembers(pedalboard, inspect.isclass):
        if not issubclass(plugin, pedalboard.Plugin) or name in NOT_PROCESSORS or name.startswith("_"):
            continue
        if plugin.__name__ in NOT_PROCESSORS:
            continue
        parameters = {key: parameter(name, key, *of) for key, of in signature(plugin).items()}
        found[name] = {"family": "pedalboard", "summary": summary(plugin), "parameters": parameters}
    return found


def signature(plugin: type) -> dict[str, tuple[type, str, str | None]]:
    """Return (plugin, type, default) of each constructor argument, as pybind11 states them in the docstring."""
    text = re.search(r"__init__\(self: [\w.]+,? ?(.*)\) -> None", plugin.__init__.__doc__).group(1)
    argument = re.compile(r"(\w+): ((?:Union|Optional)\[.*?\](?=, \w+:|, \w+ =| =|$)|[\w.]+)(?: = (<[^>]*>|[^,]+))?")
    return {key: (plugin, kind, default) for key, kind, default in argument.findall(text) if key != "sample_rate"}


def parameter(processor: str, key: str, plugin: type, kind: str, default: str) -> dict:
    """Describe one parameter; a KeyError here means that a range is missing above."""
    *limits, meaning = RANGES[processor][key]
    if kind.startswith("Union"):
        return {"type": "file", "default": None, "meaning": meaning}
    if kind == "bool":
        return {"type": "boolean", "default": default == "True", "meaning": meaning}
    if default.startswith("<"):
        words = list(choices(plugin, kind))
        return choice(re.match(r"<\w+\.(\w+):", default).group(1), words, meaning)
    return number(float(default), *map(float, limits[:2]), limits[2], meaning)


def choices(plugin: type, kind: str) -> dict:
    """Return the members of the enumeration that `kind` names, such as `pedalboard_native.Resample.Quality`."""
    import pedalboard

    owner, enumeration = kind.split(".")[-2:]
    return getattr(getattr(pedalboard, owner), enumeration).__members__


def summary(plugin: type) -> str:
    """Return the first sentence of the plugin's documentation."""
    text = " ".join((inspect.getdoc(plugin) or "").split())
    return re.split(r"(?<=\.)\s", text)[0]


def limit_by_sample_rate(processors: dict[str, dict]) -> None:
    """Mark what depends on the sample rate: the rates that work, and parameters that must stay below Nyquist."""
    for name, processor in processors.items():
        if name in SAMPLE_RATES_HZ:
            processor["sample_rates_hz"] = SAMPLE_RATES_HZ[name]
        for key, described in processor["parameters"].items():
            if key in LIMITED_BY_NYQUIST:
                described["nyquist_factor"] = NYQUIST_FACTORS.get(name, 1.0)


def catalog_text() -> str:
    """Return the text of the catalog for the installed pedalboard."""
    import pedalboard

    processors = pedalboard_processors() | own_processors()
    limit_by_sample_rate(processors)
    catalog = {"pedalboard_version": pedalboard.__version__, "processors": processors}
    return json.dumps(catalog, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    CATALOG.write_text(catalog_text(), encoding="utf-8")
    print(f"wrote {CATALOG}")
