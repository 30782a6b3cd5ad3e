"""EnCodec checkpoints with seeded weights, as the folders facebook/encodec_24khz and facebook/encodec_48khz are.

Names and shapes are those of transformers' own EncodecModel, quantiser and decoder included; normalised weights have
the names of those files (weight_g, weight_v).
"""

import torch
from safetensors.numpy import save_file
from seeded_checkpoints.seeded_convolutions import fill

PUBLISHED_NAMES = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


def published_config(model):
    """Return transformers' configuration with the values of the published config.json."""
    from transformers import EncodecConfig

    if model == "24khz":
        return EncodecConfig()
    return EncodecConfig(
        target_bandwidths=[3.0, 6.0, 12.0, 24.0],
        sampling_rate=48_000,
        audio_channels=2,
        use_causal_conv=False,
        norm_type="time_group_norm",
        normalize=True,
        chunk_length_s=1.0,
        overlap=0.01,
    )


def write_encodec_checkpoint(folder, seed, model="24khz"):
    """Write config.json and model.safetensors into the new `folder`."""
    from transformers import EncodecModel

    config = published_config(model)
    with torch.device("meta"):
        layout = EncodecModel(config).state_dict()
    shapes = {}
    for name, value in layout.items():
        for new, old in PUBLISHED_NAMES.items():
            name = name.replace(new, old)
        shapes[name] = tuple(value.shape)
    folder.mkdir(parents=True)
    config.save_pretrained(folder)
    save_file(fill(shapes, seed), folder / "model.safetensors", metadata={"format": "pt"})
    return folder
