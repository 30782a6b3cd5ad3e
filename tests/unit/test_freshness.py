"""An embedding is up to date when everything that led to it is what it was."""

from embedshift.freshness import is_up_to_date, origin_of, write_record


def test_the_origin_follows_the_listing_and_every_step(tmp_path):
    listing = tmp_path / "listing.csv"
    listing.write_text("a.wav\n")
    first = origin_of(listing, "settings", "code")
    assert origin_of(listing, "settings", "code") == first
    assert origin_of(listing, "settings", "other code") != first
    assert origin_of(listing, "settingscode", "") != first
    listing.write_text("a.wav\nb.wav\n")
    assert origin_of(listing, "settings", "code") != first


def test_a_missing_listing_has_an_origin_of_its_own(tmp_path):
    assert origin_of(tmp_path / "none.csv", "x") != origin_of(tmp_path / "none.csv", "y")


def test_output_and_record_must_both_be_there_and_agree(tmp_path):
    output = tmp_path / "0.49.h5"
    assert not is_up_to_date(output, "o")
    write_record(output, "o")
    assert not is_up_to_date(output, "o")
    output.write_text("")
    assert is_up_to_date(output, "o")
    assert not is_up_to_date(output, "another")
    write_record(tmp_path / "0.5.h5", "another")
    assert is_up_to_date(output, "o")
