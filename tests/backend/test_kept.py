"""What is kept in memory stays within its weight."""

from backend.kept import Kept


def test_the_values_used_last_are_kept() -> None:
    kept = Kept[str](2)
    kept.put("a", "1")
    kept.put("b", "2")
    assert kept.get("a") == "1"
    kept.put("c", "3")
    assert [kept.get(key) for key in "abc"] == ["1", None, "3"]


def test_weights_are_summed_and_a_value_that_is_put_again_counts_once() -> None:
    kept = Kept[str](10, len)
    for _ in range(5):
        kept.put("a", "1234")
    kept.put("b", "1234")
    assert kept.get("a") == "1234"
    kept.put("c", "12345")
    assert [kept.get(key) for key in "abc"] == ["1234", None, "12345"]


def test_a_value_that_is_too_heavy_is_kept_until_the_next() -> None:
    kept = Kept[str](3, len)
    kept.put("a", "12345")
    assert kept.get("a") == "12345"
    kept.put("b", "1")
    assert [kept.get(key) for key in "ab"] == [None, "1"]
