"""DAC checkpoints with seeded weights, as the folders descript/dac_16khz, dac_24khz and dac_44khz are.

Names and shapes are those of transformers' own DacModel, whose published files hold plain weights. The decoder is
there, but narrow: it is left out when the file is converted.
"""

import torch
from safetensors.numpy import save_file
from seeded_checkpoints.seeded_convolutions import fill

GAINS = {r"res_unit\d\.conv2": 0.3, r"block\.\d\.conv1": 0.6}
PUBLISHED = {
    "16khz": {"downsampling_ratios": [2, 4, 5, 8], "n_codebooks": 12, "sampling_rate": 16_000},
    "24khz": {"downsampling_ratios": [2, 4, 5, 8], "n_codebooks": 32, "sampling_rate": 24_000},
    "44khz": {"downsampling_ratios": [2, 4, 8, 8], "n_codebooks": 9, "sampling_rate": 44_100},
}
NARROW = 16


def write_dac_checkpoint(folder, seed, model="44khz"):
    """Write config.json and model.safetensors into the new `folder`."""
    from transformers import DacConfig, DacModel

    config = DacConfig(**PUBLISHED[model], decoder_hidden_size=NARROW)
    with torch.device("meta"):
        layout = DacModel(config).state_dict()
    folder.mkdir(parents=True)
    config.save_pretrained(folder)
    shapes = {name: tuple(value.shape) for name, value in layout.items()}
    save_file(fill(shapes, seed, GAINS), folder / "model.safetensors", metadata={"format": "pt"})
    return folder
