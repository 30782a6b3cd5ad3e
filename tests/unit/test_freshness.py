"""An embedding is up to date when everything that led to it is what it was."""

import pytest

from embedshift.freshness import forget_origin, is_up_to_date, kept_file, origin_of, write_origin


def test_the_origin_follows_every_step_and_their_order():
    first = origin_of("sounds", "settings", "code")
    assert origin_of("sounds", "settings", "code") == first
    assert origin_of("sounds", "settings", "other code") != first
    assert origin_of("settings", "sounds", "code") != first
    assert origin_of("soundssettings", "", "code") != first


@pytest.mark.parametrize("condition", ["clean", "reverb/0.49"])
def test_output_link_and_record_must_all_be_there_and_agree(tmp_path, condition):
    output = tmp_path / "model" / f"{condition}.h5"
    write_origin(output, condition, "o")
    assert not is_up_to_date(output, condition, "o")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("")
    assert not is_up_to_date(output, condition, "o")
    kept_file(output, condition, "h5").write_text("")
    assert is_up_to_date(output, condition, "o")
    assert not is_up_to_date(output, condition, "another")
    forget_origin(output, condition)
    assert not is_up_to_date(output, condition, "o")


def test_conditions_do_not_share_a_record(tmp_path):
    for condition in ("clean", "gain/5", "gain/0.5"):
        write_origin(tmp_path / "model" / f"{condition}.h5", condition, condition)
    assert len(list((tmp_path / "model/.kept").iterdir())) == 3
