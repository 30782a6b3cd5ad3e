"""One clip as a published study rendered it, without rendering the whole data set: for the sounds of the page.

With `state_leak` a clip holds what rings on from all clips before it. Here it is rendered after one predecessor only,
the clip before it in the order of the files, through fresh plugins: what rings on longer than one clip is missing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.effects import apply_chain
from embedshift.published_rendering import LeakingBoard, as_int16_file, file_order
from embedshift.sharded_audio import ShardedAudio


def predecessor_of(reader: ShardedAudio, row: int, quirks: Sequence[str], manifest: str | Path) -> int | None:
    """Return the row of the clip that is rendered before a clip and sounds on in it; None without `state_leak`.

    Raises
    ------
    UserError
        If the manifest lists other clips than the audio.
    """
    if "state_leak" not in quirks:
        return None
    order = file_order(reader.clip_id, manifest)
    place = order.index(row)
    return order[place - 1] if place else None


def render_example_as_published(
    reader: ShardedAudio, row: int, predecessor: int | None, strength: float, wanted: Mapping[str, Any]
) -> np.ndarray:
    """Return a clip, (n, channels) float32, at one strength with the quirks of `wanted` (chain, tail_s, compatibility).

    `predecessor` is the row of the clip that the plugins hear first, None for the first clip of all.
    """
    rate_hz, quirks = reader.sample_rate_hz, wanted["compatibility"]
    if "state_leak" in quirks:
        board = LeakingBoard(wanted["chain"], rate_hz, strength)
        if predecessor is not None:
            board.run(reader.read(predecessor))
        rendered = board.run(reader.read(row))
    else:
        rendered = apply_chain(reader.read(row), rate_hz, wanted["chain"], strength, wanted["tail_s"])
    return as_int16_file(rendered) if "int16_files" in quirks else rendered
