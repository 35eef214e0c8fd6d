"""How the script that tries widget packages ranks what it has seen; it is run by hand."""

from __future__ import annotations

from widget_packages import Seen


def seen(*failed: str) -> Seen:
    return Seen(dict.fromkeys(failed, "what came instead"))


def test_what_fails_earlier_is_worse_however_much_fails_later() -> None:
    order = [
        seen("install"),
        seen("shown"),
        seen("Python to page"),
        seen("in a loop", "page to Python"),
        seen("in a loop"),
        seen(),
    ]
    ranks = [one.rank for one in order]

    assert ranks == sorted(set(ranks))
    assert seen("Python to page", "in a loop").rank == seen("Python to page").rank
    assert seen("end", "in a loop").rank < seen("install").rank
