"""Random draws: the same everywhere, addressed rather than consumed."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from worker.training.draws import Stream, below, permutations, raw, uniform

SEEDS = st.integers(0, 2**31 - 1)


def test_raw_draws_are_these_numbers_on_every_platform() -> None:
    assert raw(0, Stream.ORDER, 0, 3).tolist() == [
        15644229821003411714,
        10776519837584043164,
        7041179000288718462,
    ]
    assert permutations(raw(7, Stream.SHUFFLED_PIXELS, 0, 8)).tolist() == [0, 4, 3, 2, 5, 6, 1, 7]


def test_another_process_draws_the_same() -> None:
    code = (
        "from worker.training.draws import *;"
        "print(raw(5, Stream.TRAIN_PIXELS, 17, 100).sum(), permutations(raw(5, 6, 1, 9)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    here = (raw(5, Stream.TRAIN_PIXELS, 17, 100).sum(), permutations(raw(5, Stream(6), 1, 9)))
    assert answer.stdout.strip() == f"{here[0]} {here[1]}"


@given(SEEDS, st.sampled_from(Stream), st.integers(0, 2**40), st.integers(1, 50))
def test_a_draw_does_not_depend_on_how_many_follow(
    seed: int, stream: Stream, index: int, count: int
) -> None:
    longer = raw(seed, stream, index, count + 7)
    assert (longer[:count] == raw(seed, stream, index, count)).all()


@given(SEEDS, st.sampled_from(Stream), st.integers(0, 10**6))
def test_draws_differ_between_seeds_streams_and_indices(
    seed: int, stream: Stream, index: int
) -> None:
    here = raw(seed, stream, index, 4).tolist()
    other_stream = Stream(stream % len(Stream) + 1)
    assert here != raw(seed + 1, stream, index, 4).tolist()
    assert here != raw(seed, other_stream, index, 4).tolist()
    assert here != raw(seed, stream, index + 1, 4).tolist()


@given(SEEDS, st.integers(1, 3000), st.integers(1, 3))
def test_permutations_hold_every_position_once(seed: int, length: int, rows: int) -> None:
    bits = raw(seed, Stream.TRAIN_PIXELS, 0, rows * length).reshape(rows, length)
    assert (np.sort(permutations(bits)) == np.arange(length)).all()


def test_permutations_put_every_value_in_every_place_equally_often() -> None:
    bits = raw(3, Stream.TRAIN_PIXELS, 0, 60_000 * 6).reshape(-1, 6)
    drawn = permutations(bits)
    counts = np.stack([np.bincount(drawn[:, place], minlength=6) for place in range(6)])
    # 10,000 expected in each cell with standard deviation 91.
    assert np.abs(counts - 10_000).max() < 5 * 91


@given(SEEDS, st.integers(1, 1000))
def test_bounded_integers_stay_below_their_bound(seed: int, bound: int) -> None:
    values = below(raw(seed, Stream.REPLACEMENT_LABEL, 0, 200), bound)
    assert ((values >= 0) & (values < bound)).all()


def test_extreme_bits_stay_in_range() -> None:
    extremes = np.array([0, 2**64 - 1], dtype=np.uint64)
    assert (uniform(extremes) >= 0).all()
    assert (uniform(extremes) < 1).all()
    assert below(extremes, 10).tolist() == [0, 9]
