"""The embedding job: right rows, only missing ones computed, the same bits after a kill and with any threads."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from embedshift import embedding
from embedshift.atomic import write_atomically
from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.store import AudioWriter, read_embeddings

RATE_HZ = 8000


class Moments(Adapter):
    """Two frames a clip: the mean, the mean square and the peak of each half; at the data set's own rate."""

    sample_rate_hz, dim, frame_dim, frame_hop_s = RATE_HZ, 3, 3, 0.05
    length_rule = "clips shorter than 100 samples are repeated"
    minimum_samples = 100

    def embed_checked(self, batch):
        halves = np.stack([batch[:, : batch.shape[1] // 2], batch[:, batch.shape[1] // 2 :]], axis=1)
        return np.stack([halves.mean(axis=2), (halves**2).mean(axis=2), halves.max(axis=2)], axis=2)


class Network(Adapter):
    """A seeded torch network whose numbers depend a little on which clips share a batch, as real ones may.

    The dependence is put in by hand (1e-6), so that it does not hang on the kernels of the machine.
    """

    sample_rate_hz, dim, frame_dim, frame_hop_s = 16_000, 40, 40, None
    length_rule = "any length"

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.first = torch.randn(753, 200, generator=generator) / 27
        self.second = torch.randn(200, 40, generator=generator) / 14

    def embed_checked(self, batch):
        with torch.inference_mode():
            hidden = torch.tanh(torch.from_numpy(batch[:, :753]) @ self.first)
            return (hidden @ self.second + 1e-6 * hidden[:, :40].mean(dim=0))[:, None, :].numpy()


class Study:
    """A small data set with one model, run like Snakemake runs it: the outputs are deleted first."""

    def __init__(self, folder, monkeypatch, adapter=Moments):
        self.folder, self.adapter_class = folder, adapter
        self.output = folder / "embeddings" / "demo" / "toy" / "gain" / "-6.h5"
        self.kept = folder / "embeddings" / "demo" / "toy" / ".kept"
        monkeypatch.setattr(embedding, "load_adapter", lambda *_: self.adapter)

    def write_clips(self, clips, silent=()):
        (self.folder / "manifest.csv").write_text("clip_id\n" + "".join(f"{name}\n" for name in clips))
        with (
            write_atomically(self.folder / "audio.h5") as path,
            AudioWriter(path, sample_rate_hz=RATE_HZ, channels=next(iter(clips.values())).shape[1]) as writer,
        ):
            for name, samples in clips.items():
                lufs = {"loudness_before_lufs": -23.0, "loudness_after_lufs": -23.0}
                writer.append(name, samples, **lufs, silent=name in silent)

    def run(self, adapter=None, *, frames=False, code="code", **choices):
        self.adapter = adapter or self.adapter_class()
        self.output.unlink(missing_ok=True)
        settings = {"dataset": "demo", "model": "toy", "condition": "gain/-6", "adapter": "toy", "options": {}}
        embedding.embed_clips(
            manifest=self.folder / "manifest.csv",
            weights=None,
            receipt=None,
            output=self.output,
            settings=json.dumps(settings | {"precision": "float32", "frames": frames}),
            code=code,
            **({"audio": self.folder / "audio.h5", "device": "cpu", "threads": 2} | choices),
        )
        return read_embeddings(self.output)


@pytest.fixture
def study(tmp_path, monkeypatch):
    return Study(tmp_path, monkeypatch)


@pytest.fixture
def network(tmp_path, monkeypatch):
    return Study(tmp_path, monkeypatch, Network)


def some_clips(rng, number, n_samples=400, channels=1, start=0):
    clips = rng.normal(0, 0.1, (number, n_samples, channels)).astype(np.float32)
    return {f"clip{start + index:03d}": clip for index, clip in enumerate(clips)}


def reorder(clips, rng):
    return {name: clips[name] for name in rng.permutation(list(clips))}


def moments_of(samples):
    mono = samples.mean(axis=1)
    frames = [[half.mean(), (half**2).mean(), half.max()] for half in np.array_split(mono, 2)]
    return np.array(frames)


def test_every_clip_gets_its_own_embedding_whatever_lengths_are_mixed(study, rng):
    clips = {}
    for index, length in enumerate(rng.choice([300, 400, 500], 30)):
        clips |= some_clips(rng, 1, length, channels=2, start=index)
    study.write_clips(clips, silent={"clip003"})
    found = study.run(frames=True, batch_size=4)
    assert found.clip_id == list(clips)
    for index, samples in enumerate(clips.values()):
        frames = found.frames[found.frame_offset[index] : found.frame_offset[index + 1]]
        np.testing.assert_allclose(frames, moments_of(samples), atol=1e-6)
        np.testing.assert_allclose(found.embedding[index], moments_of(samples).mean(axis=0), atol=1e-6)
    assert found.silent.sum() == 1
    assert found.silent[3]


def test_a_clip_shorter_than_the_model_takes_is_repeated(study, rng):
    clips = some_clips(rng, 3, 30)
    study.write_clips(clips)
    expected = [moments_of(np.resize(samples, (100, 1))).mean(axis=0) for samples in clips.values()]
    np.testing.assert_allclose(study.run().embedding, expected, atol=1e-6)


def test_the_file_says_what_made_it(study, rng, tmp_path):
    study.write_clips(some_clips(rng, 5))
    attributes = study.run().attributes
    assert attributes["clips_embedded"] == 5
    assert attributes["weights_sha256"] == ""
    assert (attributes["model"], attributes["adapter"], attributes["condition"]) == ("toy", "toy", "gain/-6")
    assert (attributes["code"], attributes["device"], attributes["frame_hop_s"]) == ("code", "cpu", 0.05)
    assert json.loads(attributes["settings"])["precision"] == "float32"
    assert attributes["numpy_version"] == np.__version__
    assert 0 < attributes["seconds"] < 60


def test_ten_more_clips_cost_ten_network_passes(study, rng):
    clips = some_clips(rng, 40)
    study.write_clips(clips)
    before = study.run()
    assert study.adapter.clips_embedded == 40
    clips |= some_clips(rng, 10, start=40)
    study.write_clips(reorder(clips, rng))
    after = study.run()
    assert study.adapter.clips_embedded == after.attributes["clips_embedded"] == 10
    rows = dict(zip(after.clip_id, after.embedding, strict=True))
    for name, row in zip(before.clip_id, before.embedding, strict=True):
        np.testing.assert_array_equal(rows[name], row)


def test_reordered_clips_cost_nothing_and_keep_their_bits(network, rng):
    clips = some_clips(rng, 30, 800)
    network.write_clips(clips)
    before = network.run()
    network.write_clips(reorder(clips, rng))
    after = network.run()
    assert network.adapter.calls == 0
    order = [before.clip_id.index(name) for name in after.clip_id]
    np.testing.assert_array_equal(after.embedding, before.embedding[order])
    assert after.row_key == [before.row_key[row] for row in order]


def test_clips_with_the_same_audio_are_embedded_once(study, rng):
    clips = some_clips(rng, 4)
    clips |= {f"silent{index}": np.zeros((400, 1), np.float32) for index in range(6)}
    study.write_clips(clips)
    found = study.run()
    assert study.adapter.clips_embedded == 5
    np.testing.assert_array_equal(found.embedding[4:], np.zeros((6, 3)))


@pytest.mark.parametrize("change", [{"code": "other code"}, {"frames": True}])
def test_other_code_or_frames_asked_for_embeds_anew(study, rng, change):
    study.write_clips(some_clips(rng, 6))
    study.run()
    found = study.run(**change)
    assert study.adapter.clips_embedded == 6
    assert (found.frames is not None) == ("frames" in change)


def test_deleting_or_damaging_what_is_kept_is_harmless(network, rng, caplog):
    network.write_clips(some_clips(rng, 20, 800))
    expected = network.run()
    link = network.kept / "gain__-6.h5"
    link.unlink()
    link.write_bytes(b"not HDF5")
    found = network.run()
    assert network.adapter.clips_embedded == 20
    assert "Passing over" in caplog.text
    np.testing.assert_array_equal(found.embedding, expected.embedding)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_any_number_of_threads_gives_the_same_bits(network, rng, threads):
    network.write_clips(some_clips(rng, 60, 800))
    expected = network.run(threads=3)
    network.output.unlink()
    (network.kept / "gain__-6.h5").unlink()
    found = network.run(threads=threads)
    assert found.attributes["clips_embedded"] == 60
    np.testing.assert_array_equal(found.embedding, expected.embedding)


class CountsThreads(Network):
    """Notes how many threads torch would use inside each batch."""

    def __init__(self):
        super().__init__()
        self.threads = set()

    def embed_checked(self, batch):
        self.threads.add(torch.get_num_threads())
        return super().embed_checked(batch)


def test_each_batch_runs_single_threaded(network, rng):
    network.write_clips(some_clips(rng, 60, 800))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        network.run(CountsThreads(), threads=2)
        assert network.adapter.threads == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_other_batch_sizes_agree_within_the_stated_tolerance(network, rng, batch_size):
    network.write_clips(some_clips(rng, 40, 800))
    expected = network.run()
    (network.kept / "gain__-6.h5").unlink()
    np.testing.assert_allclose(network.run(batch_size=batch_size).embedding, expected.embedding, atol=1e-5)


class Killed(BaseException):
    """Stands for a signal that ends the job at once."""


class Mortal(Network):
    """A network that is killed in place of its n-th batch."""

    def __init__(self, lives):
        super().__init__()
        self.lives = lives

    def embed_checked(self, batch):
        if self.calls > self.lives:
            raise Killed
        return super().embed_checked(batch)


def test_a_job_killed_again_and_again_goes_on_and_gives_the_same_bits(network, rng, monkeypatch):
    """Lengths are mixed and clips repeated, so that batches have many sizes; 10 clips come from an older output."""
    clips = {}
    for index, length in enumerate(rng.choice([700, 800, 900], 70)):
        clips |= some_clips(rng, 1, length, start=index)
    clips["clip069"] = clips["clip002"]
    network.write_clips(dict(list(clips.items())[::7]))
    network.run()
    network.write_clips(clips)
    monkeypatch.setattr(embedding, "PART_CLIPS", 6)
    older = (network.kept / "gain__-6.h5").read_bytes()
    undisturbed = network.run(batch_size=5, threads=1)
    (network.kept / "gain__-6.h5").unlink()
    (network.kept / "gain__-6.h5").write_bytes(older)
    embedded = 0
    for lives in range(1, 40):
        try:
            found = network.run(Mortal(3), batch_size=5, threads=1 + lives % 2)
            break
        except Killed:
            embedded += network.adapter.clips_embedded
            assert (network.kept / "gain__-6.h5").read_bytes() == older
            assert not network.output.exists()
    assert lives > 3
    assert network.adapter.clips_embedded < 20
    np.testing.assert_array_equal(found.embedding, undisturbed.embedding)
    assert not (network.kept / "parts" / "gain__-6").exists()


SLOW_JOB = """
import sys, time
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from pathlib import Path
import pytest
from unit.test_embedding import Network, Study, embedding

class Slow(Network):
    def embed_checked(self, batch):
        time.sleep(0.05)
        return super().embed_checked(batch)

embedding.PART_CLIPS = 4
with pytest.MonkeyPatch.context() as patch:
    Study(Path(sys.argv[3]), patch, Slow).run(batch_size=3, threads=2)
"""


def test_kill_9_leaves_what_the_next_run_goes_on_from(network, rng, repository):
    network.write_clips(some_clips(rng, 120, 800))
    undisturbed = network.run(batch_size=3)
    network.output.unlink()
    (network.kept / "gain__-6.h5").unlink()
    arguments = [repository / "scripts", repository / "tests", network.folder]
    job = subprocess.Popen([sys.executable, "-c", SLOW_JOB, *map(str, arguments)], env=os.environ)
    parts = network.kept / "parts" / "gain__-6"
    deadline_s = time.monotonic() + 30
    while len(list(parts.glob("*.h5"))) < 3 and job.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    assert not network.output.exists()
    found = network.run(batch_size=3)
    assert 0 < network.adapter.clips_embedded <= 120 - 3 * 4
    np.testing.assert_array_equal(found.embedding, undisturbed.embedding)


def test_killed_after_the_output_but_before_the_link_costs_nothing(network, rng, monkeypatch):
    network.write_clips(some_clips(rng, 20, 800))
    monkeypatch.setattr(embedding, "PART_CLIPS", 1)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(embedding.KeptRows, "renew", lambda _: (_ for _ in ()).throw(Killed))
        network.run()
    expected = read_embeddings(network.output).embedding
    found = network.run()
    assert network.adapter.calls == 0
    np.testing.assert_array_equal(found.embedding, expected)


def test_parts_are_written_in_time_even_when_clips_are_slow(network, rng, monkeypatch):
    network.write_clips(some_clips(rng, 40, 800))
    monkeypatch.setattr(embedding, "PART_INTERVAL_S", 0.0)
    with pytest.raises(Killed):
        network.run(Mortal(6), batch_size=4, threads=1)
    assert len(list((network.kept / "parts" / "gain__-6").glob("*.h5"))) >= 3


class Cramped(Moments):
    """Memory for three clips."""

    def embed_checked(self, batch):
        if len(batch) > 3:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().embed_checked(batch)


def test_out_of_memory_halves_the_batch_and_the_job_goes_on(study, rng, caplog):
    clips = some_clips(rng, 50)
    study.write_clips(clips)
    found = study.run(Cramped())
    np.testing.assert_allclose(found.embedding, [moments_of(clip).mean(axis=0) for clip in clips.values()], atol=1e-6)
    assert found.attributes["clips_embedded"] == 50
    assert "going on with 2" in caplog.text


class Exploding(Moments):
    """Infinite where a clip is loud."""

    def embed_checked(self, batch):
        frames = super().embed_checked(batch)
        frames[batch.max(axis=1) > 5] = np.inf
        return frames


def test_an_embedding_that_is_not_finite_names_clip_model_and_condition(study, rng):
    clips = some_clips(rng, 12)
    clips["clip007"][:] = 10
    study.write_clips(clips)
    with pytest.raises(UserError, match=r"clip007 by model toy at condition gain/-6 of data set demo"):
        study.run(Exploding())
    assert not study.output.exists()


def test_the_gpu_stream_gives_the_rows_of_the_cpu_one(study, rng, monkeypatch):
    """The order of work on a GPU, with its calls to CUDA left out, in blocks of nine clips."""
    clips = some_clips(rng, 40)
    study.write_clips(clips)
    expected = study.run()
    (study.kept / "gain__-6.h5").unlink()
    monkeypatch.setattr(embedding, "choose_device", lambda _: "cuda")
    monkeypatch.setattr(embedding, "exact_float32", lambda _: None)
    monkeypatch.setattr(embedding, "_name_of", lambda _: "cuda")
    monkeypatch.setattr("embedshift.batching.BLOCK_CLIPS", 9)
    monkeypatch.setattr("embedshift.batching.FIRST_BLOCK_CLIPS", 9)
    found = study.run(batch_size=4)
    np.testing.assert_array_equal(found.embedding, expected.embedding)
    assert study.adapter.calls == 4 * 3 + 1


def test_a_model_that_knows_no_gpu_keeps_all_cores(study, rng, monkeypatch):
    study.write_clips(some_clips(rng, 40))
    monkeypatch.setattr(embedding, "choose_device", lambda _: "cuda")
    monkeypatch.setattr(embedding, "exact_float32", lambda _: None)
    monkeypatch.setattr(Moments, "runs_on_gpu", False, raising=False)
    assert study.run().attributes["device"] == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_real_gpu_takes_the_job_and_chooses_its_batch_size(network, rng):
    network.write_clips(some_clips(rng, 40, 800))
    expected = network.run()
    (network.kept / "gain__-6.h5").unlink()
    found = network.run(device="cuda")
    assert found.attributes["device"].startswith("cuda (")
    np.testing.assert_allclose(found.embedding, expected.embedding, atol=1e-5)


@pytest.mark.parametrize("manifest", [["clip000", "clip002", "clip001"], ["clip000"], ["clip000", "clip001", "x", "y"]])
def test_audio_of_other_clips_is_refused(study, rng, manifest):
    study.write_clips(some_clips(rng, 3))
    (study.folder / "manifest.csv").write_text("\n".join(["clip_id", *manifest]))
    with pytest.raises(UserError, match="hold other clips: row [12] is clip"):
        study.run()


def test_a_shard_may_be_without_clips(study, rng):
    study.write_clips(some_clips(rng, 3))
    with write_atomically(study.folder / "audio.h5") as path:
        AudioWriter(path, sample_rate_hz=RATE_HZ, channels=1).__exit__(None, None, None)
    (study.folder / "manifest.csv").write_text("clip_id\n")
    found = study.run()
    assert found.clip_id == []
    assert found.embedding.shape == (0, 0)


def test_a_finished_output_with_the_same_origin_is_put_back_without_its_audio(study, rng):
    study.write_clips(some_clips(rng, 12))
    expected = study.run(origin="o")
    found = study.run(origin="o", audio=None)
    np.testing.assert_array_equal(found.embedding, expected.embedding)
    assert found.attributes == expected.attributes


@pytest.mark.parametrize("harm", ["another origin", "no link", "damaged link", "other clips"])
def test_what_cannot_be_put_back_is_told_and_forgotten(study, rng, harm):
    study.write_clips(some_clips(rng, 12))
    study.run(origin="o")
    link = study.kept / "gain__-6.h5"
    if harm == "no link":
        link.unlink()
    elif harm == "damaged link":
        study.output.unlink()
        link.write_bytes(link.read_bytes()[:3000])
    elif harm == "other clips":
        study.write_clips(some_clips(rng, 11))
    with pytest.raises(UserError, match="start the same command again"):
        study.run(origin="another" if harm == "another origin" else "o", audio=None)
    assert not (study.kept / "gain__-6.origin").exists()
