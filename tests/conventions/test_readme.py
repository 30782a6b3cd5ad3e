"""The README's tables are those of their sources."""

from pathlib import Path

import pytest
import write_readme_tables

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"


@pytest.mark.parametrize("page", write_readme_tables.TABLES)
def test_tables_are_up_to_date(page):
    text = (REPOSITORY / page).read_text()
    assert write_readme_tables.with_tables(text, page) == text, "run: python scripts/write_readme_tables.py"


def test_no_placeholder_is_left():
    for word in ("MODELS_CHECKED", "SPEED\n", "CHECKED\n", "BENCH\n"):
        assert word not in README.read_text()
