from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.records.wfdb_formats import DIFFERENCES, PACKED, Packing

BITS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}
FORMATS = {8: DIFFERENCES, **PACKED}


def unpack(packing: Packing, raw: bytes) -> list[int]:
    padded = raw + bytes(-len(raw) % packing.bytes)
    return packing.decode(np.frombuffer(padded, dtype=np.uint8)).tolist()


@pytest.mark.parametrize("storage", FORMATS)
@settings(deadline=None)
@given(data=st.data())
def test_every_value_of_every_format_comes_back(
    storage: int, packers: dict[int, Callable[[Sequence[int]], bytes]], data: st.DataObject
) -> None:
    limit = 2 ** (BITS[storage] - 1)
    samples = data.draw(st.lists(st.integers(-limit, limit - 1), min_size=1, max_size=12))
    raw = packers[storage](samples)
    assert unpack(FORMATS[storage], raw)[: len(samples)] == samples
    assert FORMATS[storage].size(len(samples)) == len(raw)
    spare = FORMATS[storage].capacity(len(raw)) - len(samples)
    assert spare == (storage == 310 and len(samples) % 3 == 2)  # its third sample hides in the first two's words


@pytest.mark.parametrize(
    ("storage", "raw", "samples"),
    [
        # The bytes are worked out by hand from the bit positions that signal(5) gives.
        (16, b"\x01\x80\xff\xff", [-32767, -1]),
        (24, b"\x01\x00\x80\xfe\xff\xff", [-8388607, -2]),
        (32, b"\x01\x00\x00\x80", [-2147483647]),
        (61, b"\x80\x01\x00\x02", [-32767, 2]),
        (80, b"\x00\x80\xff", [-128, 0, 127]),
        (160, b"\x00\x00\x00\x80\xff\xff", [-32768, 0, 32767]),
        (212, b"\xe3\x33\xf3\x00\x08\x00\xff\x8f\x00", [995, 1011, -2048, 0, -1, -2048]),
        (310, b"\x02\x08\x04\x10\xfe\xff\x00\x00", [1, 2, 65, -1, 0, 31]),
        (311, b"\x01\x08\x30\x00\xff\xff\xff\x3f", [1, 2, 3, -1, -1, -1]),
        (8, b"\x80\x7f\xff", [-128, 127, -1]),
    ],
)
def test_bytes_mean_what_the_format_description_says(storage: int, raw: bytes, samples: list[int]) -> None:
    assert unpack(FORMATS[storage], raw) == samples


def test_the_two_unused_bits_of_format_311_do_not_reach_the_third_sample() -> None:
    third = 600  # -424 in ten bits; wfdb 4.3 masks the last byte with 0x7F instead of 0x3F and reads 600
    for unused in range(4):
        assert unpack(PACKED[311], (third << 20 | unused << 30).to_bytes(4, "little")) == [0, 0, -424]


@pytest.mark.parametrize(
    ("storage", "invalid"),
    [(16, -32768), (24, -8388608), (32, -2147483648), (61, -32768), (80, -128), (160, -32768), (212, -2048),
     (310, -512), (311, -512), (8, None)],
)  # fmt: skip
def test_the_lowest_value_means_not_recorded_except_in_format_8(storage: int, invalid: int | None) -> None:
    assert FORMATS[storage].invalid == invalid


@pytest.mark.parametrize(
    ("storage", "sizes"),
    [(212, [0, 2, 3, 5, 6]), (310, [0, 2, 4, 4, 6]), (311, [0, 2, 3, 4, 6]), (24, [0, 3, 6, 9, 12])],
)
def test_an_incomplete_last_group_needs_only_its_first_bytes(storage: int, sizes: list[int]) -> None:
    assert [FORMATS[storage].size(n) for n in range(5)] == sizes
