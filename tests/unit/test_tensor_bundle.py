"""The reader of TensorFlow checkpoints: a bundle written by hand from the format's description, and a published one."""

import struct
import zipfile

import numpy as np
import pytest
from published_weights import FOLDER, published_weights

from embedshift.errors import UserError
from embedshift.models.tensor_bundle import TABLE_MAGIC, parse_tensor_bundle


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def block(entries):
    """Return a table block whose keys share their beginnings, as LevelDB writes them, and its trailer."""
    body, last = b"", b""
    for key, value in entries:
        shared = next((i for i, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), min(len(key), len(last)))
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return body + struct.pack("<II", 0, 1) + b"\x00" + b"crc!"


def bundle(arrays, data_type=1):
    data, entries = b"", [(b"", b"\x08\x01")]
    for name in sorted(arrays):
        content = arrays[name].tobytes()
        dims = b"".join(
            b"\x12" + varint(len(size)) + size for n in arrays[name].shape for size in [b"\x08" + varint(n)]
        )
        value = b"\x08" + varint(data_type) + b"\x12" + varint(len(dims)) + dims
        value += b"\x20" + varint(len(data)) + b"\x28" + varint(len(content)) + b"\x35" + b"\0\0\0\0"
        entries.append((name.encode(), value))
        data += content
    first = block(entries)
    handle = varint(0) + varint(len(first) - 5)
    meta, index = block([]), block([(b"z", handle)])
    footer = varint(len(first)) + varint(len(meta) - 5) + varint(len(first) + len(meta)) + varint(len(index) - 5)
    return first + meta + index + footer.ljust(40, b"\0") + struct.pack("<Q", TABLE_MAGIC), data


def test_a_bundle_comes_back_as_it_was_written(rng):
    arrays = {
        "dense/kernel": rng.standard_normal((300, 7)).astype("<f4"),
        "dense/bias": rng.standard_normal(7).astype("<f4"),
        "step": np.array(3.5, dtype="<f4"),
    }
    found = parse_tensor_bundle(*bundle(arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == array.shape


def test_damage_is_told(rng):
    arrays = {"bias": rng.standard_normal(7).astype("<f4")}
    index, data = bundle(arrays)
    with pytest.raises(UserError, match="no table footer"):
        parse_tensor_bundle(index[:-1], data)
    with pytest.raises(UserError, match="bias.*does not fit the data of 27 bytes"):
        parse_tensor_bundle(index, data[:-1])
    with pytest.raises(UserError, match="type 7"):
        parse_tensor_bundle(*bundle(arrays, data_type=7))
    compressed = bytearray(index)
    compressed[index.index(b"crc!") - 1] = 1
    with pytest.raises(UserError, match="compressed"):
        parse_tensor_bundle(bytes(compressed), data)


@pytest.mark.parametrize(
    ("checkpoint", "variables", "numbers"), [("MTT_musicnn", 150, 792_079), ("MSD_vgg", 86, 607_030)]
)
def test_a_published_checkpoint_has_the_published_number_of_weights(checkpoint, variables, numbers):
    published_weights(f"musicnn_{checkpoint}")
    wheel = FOLDER / "wheels" / "musicnn-0.1.0-py3-none-any.whl"
    if not wheel.exists():
        pytest.skip(f"{wheel} was deleted after conversion")
    with zipfile.ZipFile(wheel) as archive:
        prefix = f"musicnn/{checkpoint}/"
        found = parse_tensor_bundle(archive.read(prefix + ".index"), archive.read(prefix + ".data-00000-of-00001"))
    assert len(found) == variables
    model = {name: array for name, array in found.items() if "/Adam" not in name and "_power" not in name}
    assert sum(array.size for array in model.values()) == numbers
    assert all((array >= 0).all() for name, array in model.items() if name.endswith("moving_variance"))
