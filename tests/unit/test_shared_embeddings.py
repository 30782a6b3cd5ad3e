"""Embeddings that several results folders share are copies, whole, each under the name of its origin."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedshift.row_cache import KeptRows
from embedshift.shared_embeddings import share, shared_file
from embedshift.store import Embeddings, read_embeddings, write_embeddings

ORIGIN = "0123456789abcdef" * 4
MADE_FROM = {"origin": ORIGIN, "manifest_sha256": "m"}


def embeddings(fill=1.0):
    values = np.full((3, 4), fill, np.float32)
    return Embeddings(["a", "b", "c"], ["k1", "k2", "k3"], values, np.zeros(3, bool), attributes=dict(MADE_FROM))


def test_each_origin_has_a_place_of_its_own():
    output = "results/embeddings/tones/timbre/gain/-20.h5"
    assert shared_file("/pool", output, "results", ORIGIN) == Path(f"/pool/tones/timbre/gain/-20/{ORIGIN[:32]}.h5")
    assert shared_file("/pool", output, "results", "f" * 64) != shared_file("/pool", output, "results", ORIGIN)


def test_what_one_shared_another_takes(tmp_path, caplog):
    caplog.set_level("INFO", "embedshift")
    mine, yours, pool = tmp_path / "mine/clean.h5", tmp_path / "yours/clean.h5", tmp_path / "pool/x.h5"
    write_embeddings(mine, embeddings())
    assert share(mine, pool) is True
    assert share(mine, pool) is False
    kept = KeptRows(yours, "clean")
    assert kept.restore(MADE_FROM) is False
    assert "cannot be put back" not in caplog.text, "a first run has nothing to put back, and nothing to say of it"
    assert kept.restore(MADE_FROM, pool) is True
    np.testing.assert_array_equal(read_embeddings(yours).embedding, embeddings().embedding)
    assert pool.stat().st_nlink == 1
    assert kept.restore(MADE_FROM) is True


@pytest.mark.parametrize("content", [b"", b"not HDF5", None])
def test_what_is_damaged_or_of_other_origin_is_not_taken(tmp_path, content):
    pool, yours = tmp_path / "pool.h5", tmp_path / "yours/clean.h5"
    write_embeddings(pool, embeddings())
    if content is not None:
        pool.write_bytes(content)
    wanted = MADE_FROM if content is not None else MADE_FROM | {"manifest_sha256": "other clips"}
    assert KeptRows(yours, "clean").restore(wanted, pool) is False
    assert not yours.exists()


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    write_embeddings(tmp_path / "mine.h5", embeddings())
    (tmp_path / "file").write_text("a file where the folder should be")
    assert share(tmp_path / "mine.h5", tmp_path / "file" / "x.h5") is False


def test_many_writers_at_once_leave_one_whole_file(tmp_path):
    program = (
        "import sys; from embedshift.shared_embeddings import share\n"
        "sys.stdin.readline(); share(sys.argv[1], sys.argv[2])\n"
    )
    write_embeddings(tmp_path / "mine.h5", embeddings())
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "scripts")}
    command = [sys.executable, "-c", program, str(tmp_path / "mine.h5"), str(tmp_path / "pool/x.h5")]
    many = [subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) for _ in range(5)]
    for one in many:
        one.communicate(json.dumps("go").encode() + b"\n")
    assert [one.returncode for one in many] == [0] * 5
    assert (tmp_path / "pool/x.h5").read_bytes() == (tmp_path / "mine.h5").read_bytes()
    assert [path.name for path in (tmp_path / "pool").iterdir()] == ["x.h5"]
