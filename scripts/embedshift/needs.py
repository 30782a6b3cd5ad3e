"""What the measures of directions need: one place for the analysis, the figures and the page."""

FEWEST_STRENGTHS = 2
FEWEST_GROUPS = 2


def why_missing(strengths: int, *, fitted: bool = False) -> str:
    """Return why there is no direction; where one is `fitted`, why none could be held out."""
    if strengths < FEWEST_STRENGTHS:
        return f"needs at least {FEWEST_STRENGTHS} strengths"
    return f"needs at least {FEWEST_GROUPS} groups" if fitted else "not in the table"
