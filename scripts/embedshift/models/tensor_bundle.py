"""TensorFlow checkpoints (tensor bundles) read without TensorFlow.

A bundle is an index (a LevelDB table of names to entries) and data files. Formats: tensorflow/core/lib/io/table,
tensorflow/core/protobuf/tensor_bundle.proto.
"""

import struct

import numpy as np

from embedshift.errors import UserError

TABLE_MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES = 48
DATA_TYPES = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 9: np.dtype("<i8")}


def parse_tensor_bundle(index: bytes, data: bytes) -> dict[str, np.ndarray]:
    """Return the arrays by name of the one-shard bundle with the contents `index` and `data` of its two files.

    Raises
    ------
    UserError
        If it is not a bundle, is cut short, is compressed, or holds a data type other than float and integer.
    """
    tensors = {}
    for key, value in _table_entries(index).items():
        if key:  # the empty key is the bundle's header
            tensors[key.decode()] = _tensor(key.decode(), value, data)
    return tensors


def _tensor(name: str, entry: bytes, data: bytes) -> np.ndarray:
    fields = _message(entry)
    kind, shard, offset, size = (fields.get(number, [0])[0] for number in (1, 3, 4, 5))
    shape = [_message(dim).get(1, [0])[0] for dim in _message(fields.get(2, [b""])[0]).get(2, [])]
    if kind not in DATA_TYPES or shard != 0:
        raise UserError(
            f"TensorFlow checkpoint: tensor {name} has type {kind} in shard {shard}; known are floats and integers in "
            "one shard."
        )
    if offset + size > len(data) or size != DATA_TYPES[kind].itemsize * int(np.prod(shape)):
        raise UserError(
            f"TensorFlow checkpoint: tensor {name} {shape} does not fit the data of {len(data)} bytes; fetch it again."
        )
    return np.frombuffer(data, DATA_TYPES[kind], offset=offset, count=int(np.prod(shape))).reshape(shape).copy()


def _table_entries(table: bytes) -> dict[bytes, bytes]:
    footer = table[-FOOTER_BYTES:]
    if len(footer) < FOOTER_BYTES or struct.unpack("<Q", footer[-8:])[0] != TABLE_MAGIC:
        raise UserError("This is not the index of a TensorFlow checkpoint (no table footer); fetch it again.")
    _, position = _handle(footer, 0)  # the meta index
    index_block, _ = _handle(footer, position)
    entries = {}
    for handle in _block_entries(table, index_block).values():
        entries.update(_block_entries(table, _handle(handle, 0)[0]))
    return entries


def _block_entries(table: bytes, handle: tuple[int, int]) -> dict[bytes, bytes]:
    """Return the keys and values of one block; each key shares a stated number of bytes with the one before."""
    offset, size = handle
    block = table[offset : offset + size]
    if len(table) < offset + size + 5 or table[offset + size] != 0:
        raise UserError("TensorFlow checkpoint: the index is cut short or compressed, which this reader does not know.")
    restarts = struct.unpack("<I", block[-4:])[0]
    position, end = 0, len(block) - 4 * (restarts + 1)
    entries, key = {}, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        entries[key] = block[position : position + length]
        position += length
    return entries


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _message(data: bytes) -> dict[int, list]:
    """Return a protocol buffer's fields by number: integers, or bytes for what is nested."""
    fields: dict[int, list] = {}
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(data, position)
        elif wire_type == 2:
            length, position = _varint(data, position)
            value, position = data[position : position + length], position + length
        else:  # fixed 64 or 32 bits: the checksum, not needed because whole files are checked by SHA-256
            width = 8 if wire_type == 1 else 4
            value, position = int.from_bytes(data[position : position + width], "little"), position + width
        fields.setdefault(number, []).append(value)
    return fields
