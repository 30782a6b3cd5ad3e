"""VGGish checkpoints with seeded weights, in the layout of torchvggish's two files.

Names, shapes and kinds are those of the releases v0.1: the network's state dictionary (weight and bias of nine layers)
and the parameters of the post-processing as numpy arrays, both in the format that torch.save wrote in 2019.
"""

import numpy as np
import torch

CONVOLUTIONS = {0: (64, 1), 3: (128, 64), 6: (256, 128), 8: (256, 256), 11: (512, 256), 13: (512, 512)}
DENSE = {0: (4096, 12288), 2: (4096, 4096), 4: (128, 4096)}


def seeded_vggish(seed):
    """Return the state dictionary; He-scaled kernels, so that activations keep their size through nine layers."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {f"features.{index}": (*widths, 3, 3) for index, widths in CONVOLUTIONS.items()}
    shapes |= {f"embeddings.{index}": widths for index, widths in DENSE.items()}
    state = {}
    for name, shape in shapes.items():
        deviation = (2 / np.prod(shape[1:])) ** 0.5
        state[f"{name}.weight"] = torch.empty(shape).normal_(0, deviation, generator=generator)
        state[f"{name}.bias"] = torch.empty(shape[0]).normal_(0, 0.1, generator=generator)
    return state


def seeded_pca(seed):
    """Return the post-processing's parameters: a rotation whose components shrink, and means."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((128, 128)))[0]
    return {"pca_eigen_vectors": rotation * np.geomspace(0.5, 2, 128)[:, None], "pca_means": rng.uniform(0, 1, 128)}


def files_of(path):
    """Return the two files of the checkpoint that is called `path`."""
    return [path, path.with_name(f"{path.name}.pca")]


def write_vggish_checkpoint(path, seed):
    """Write the network to `path` and the principal components beside it (see `files_of`)."""
    for content, file in zip((seeded_vggish(seed), seeded_pca(seed)), files_of(path), strict=True):
        torch.save(content, file, _use_new_zipfile_serialization=False)
