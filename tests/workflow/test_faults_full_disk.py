"""A full disk at each stage that fills it: told in words, nothing half-written, and the same tables in the end."""

import copy
import shutil

from small_disk import resize, small_disk
from workflow.working_copy import SMALL_STUDY, WorkingCopy

TABLES = ("--until", "tabulate_sensitivity")
CLEAN = "embeddings/tones/timbre/clean.h5"


def told_of_a_full_disk(study, disk, log, *arguments):
    """Run, and check that the run fails with the message in `log` and leaves no half-written file."""
    done = study.run(*arguments, check=False)
    assert done.returncode == 1
    text = (study.folder / "logs" / log).read_text()
    for word in (f"the file system at {disk} has", "free", "needed are", "start the same command again"):
        assert word in text, text
    assert "Traceback" not in text
    assert list(disk.rglob("*.tmp")) == []
    assert [path for path in disk.rglob("*.h5") if path.stat().st_size == 0] == []


def test_every_stage_tells_it_and_goes_on_where_it_was(finished_study, tmp_path):
    study = WorkingCopy.create(tmp_path / "copy")
    with small_disk(tmp_path / "disk", 1024) as disk:
        study.write_config({**copy.deepcopy(SMALL_STUDY), "results_folder": str(disk)})
        told_of_a_full_disk(study, disk, "prepare_clips/tones.log", "--until", "prepare_clips")
        resize(disk, 4096)
        told_of_a_full_disk(study, disk, "apply_effect/tones/gain/-20.log", f"{disk}/effected/tones/gain/-20.h5")
        (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - 8192))
        told_of_a_full_disk(study, disk, "embed_clips/tones/timbre/clean.log", f"{disk}/{CLEAN}")
        (disk / "filler").unlink()
        resize(disk, 40960)
        study.run(*TABLES)
        table = (disk / "studies/small/tables/sensitivity.csv").read_text()
        assert table == finished_study.tables()["sensitivity.csv"]
        assert list(disk.glob("effected/*/*/*.h5")) == []
