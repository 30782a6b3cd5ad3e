"""Two users, two working folders, one folder of embeddings, both at work at once."""

import copy
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from workflow.working_copy import SMALL_STUDY, WorkingCopy, environment

from embedshift.store import read_embeddings
from embedshift.study import effected_folder

TABLES = ("--until", "tabulate_sensitivity")


def study_in(folder, shared, **more):
    config = copy.deepcopy(SMALL_STUDY)
    del config["effects"]["lowpass"]
    return WorkingCopy.create(folder, {**config, "shared_embeddings": str(shared), **more})


def rows_of_gain(table):
    return [line for line in table.splitlines() if ",gain," in line]


@pytest.fixture(scope="module")
def two_users(tmp_path_factory):
    """Return two working copies after both ran at once, the folder they share, and the parts of scratch they used."""
    folder = tmp_path_factory.mktemp("users")
    users = [study_in(folder / name, folder / "pool", effected_folder=str(folder / "scratch")) for name in ("a", "b")]
    runs = [
        subprocess.Popen(
            user.command("--quiet", "all", *TABLES, cores=1),
            cwd=user.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for user in users
    ]
    seen = set()
    while any(run.poll() is None for run in runs):
        seen |= {path.relative_to(folder / "scratch").parts[0] for path in folder.glob("scratch/*/*/gain/*.h5")}
        time.sleep(0.02)
    told = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    return [*users, folder / "pool", seen]


def test_both_end_with_the_right_tables(two_users, finished_study):
    expected = rows_of_gain(finished_study.tables()["sensitivity.csv"])
    assert expected
    for user in two_users[:2]:
        assert rows_of_gain(user.tables()["sensitivity.csv"]) == expected


def test_every_embedding_is_whole_and_there_once(two_users):
    shared = sorted(two_users[2].rglob("*.h5"))
    assert len(shared) == 4, "one file a condition: clean and three strengths"
    assert all(read_embeddings(path).embedding.shape[0] == 12 for path in shared)
    assert list(two_users[2].rglob(".*.tmp")) == []


def test_rendered_audio_was_on_the_scratch_disk_and_is_gone(two_users):
    own = {Path(effected_folder(user.folder / "results", "")).name for user in two_users[:2]}
    assert len(own) == 2
    assert set() < two_users[3] <= own, "who is far behind finds all shared and renders nothing"
    assert list(two_users[2].with_name("scratch").rglob("*.h5")) == []
    assert not (two_users[0].folder / "results/effected").exists()


def test_a_third_user_renders_and_embeds_nothing(two_users, tmp_path):
    third = study_in(tmp_path / "third", two_users[2])
    assert "apply_effect" not in third.planned_rules(*TABLES)
    third.run("--until", "embed_clips")
    log = (third.folder / "logs/embed_clips/tones/timbre/gain/-20.log").read_text()
    assert "it was put back" in log
    ours, theirs = (user.folder / "results/embeddings/tones/timbre/gain/-20.h5" for user in (third, two_users[0]))
    assert (read_embeddings(ours).embedding == read_embeddings(theirs).embedding).all()


def test_the_folder_may_be_named_changed_or_left_out_at_any_time(two_users):
    user = two_users[0]
    config = {key: value for key, value in study_config(user).items() if key != "shared_embeddings"}
    user.write_config(config)
    assert "embed_clips" not in user.planned_rules(*TABLES)
    assert "measure_sensitivity" not in user.planned_rules(*TABLES)


def study_config(user):
    return yaml.safe_load((user.folder / "study.yaml").read_text())
