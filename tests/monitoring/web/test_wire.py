"""What is packed comes out again, and what is none of ours is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from biosig.monitoring.web.wire import Acknowledge, Pause, Ping, Show, number, pack, parse, unpack

plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(plain | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=6)


@given(st.dictionaries(st.text(), values, max_size=4), arrays(np.float32, array_shapes(max_dims=2, max_side=9)))
def test_a_message_comes_out_as_it_was_packed(header, samples):
    header = {**header, "kind": "wave", "shape": list(samples.shape)}
    message = pack(header, samples)
    found, flat = unpack(message)
    assert found == header
    assert np.array_equal(flat.reshape(found["shape"]), samples, equal_nan=True)


@given(st.text())
def test_samples_begin_at_a_multiple_of_four_bytes(name):
    """A browser's Float32Array can lie nowhere else."""
    message = pack({"kind": "status", "patient": name})
    assert len(message) % 4 == 0
    assert unpack(message)[1].size == 0


def test_the_bytes_are_these():
    """Written out by hand: length 15 filled up to 16, header, one space, and 1.0 and NaN as little-endian float32."""
    message = pack({"kind": "wave"}, np.array([[1.0], [math.nan]]))
    assert message == b'\x10\x00\x00\x00{"kind":"wave"} \x00\x00\x80\x3f\x00\x00\xc0\x7f'


@pytest.mark.parametrize(
    "message", [b"", b"\x01\x00", b"\xff\xff\xff\xff{}", b"\x04\x00\x00\x00{ }\n123", b"\x02\x00\x00\x00[]"]
)
def test_what_is_no_message_is_refused(message):
    with pytest.raises(ValueError, match=r"message|header"):
        unpack(message)


def test_a_number_that_json_does_not_know_is_refused_and_number_makes_it_none():
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack({"kind": "status", "heart_rate": math.nan})
    assert [number(value) for value in (math.nan, math.inf, None, 1.23456)] == [None, None, None, 1.235]


def test_what_a_page_asks_is_read():
    assert parse('{"do":"show","id":1,"patients":["a"]}') == Show(do="show", id=1, patients=["a"], trends=False)
    assert parse('{"do":"ping","id":2}') == Ping(do="ping", id=2)
    assert parse('{"do":"acknowledge","id":3,"patient":"a","alarm":"pause","who":"KN"}') == Acknowledge(
        do="acknowledge", id=3, patient="a", alarm="pause", who="KN"
    )
    assert parse('{"do":"pause","id":4,"patient":"a","for_s":120}') == Pause(do="pause", id=4, patient="a", for_s=120.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Invalid JSON"),
        ("[]", "should be an object"),
        ('{"do":"format","id":1}', "does not match any of the expected tags"),
        ('{"do":"ping"}', "id: Field required"),
        ('{"do":"ping","id":1,"more":2}', "Extra inputs are not permitted"),
        ('{"do":"pause","id":1,"patient":"a","for_s":601}', "less than or equal to 600"),
        ('{"do":"pause","id":1,"patient":"a","for_s":-1}', "greater than or equal to 0"),
        ('{"do":"pause","id":1,"patient":"a","for_s":NaN}', "for_s"),
        ('{"do":"acknowledge","id":1,"patient":7}', "valid string"),
        ('{"do":"acknowledge","id":1,"patient":"a","who":"' + "x" * 41 + '"}', "at most 40"),
    ],
)
def test_what_no_page_asks_is_refused_in_one_line(text, told):
    with pytest.raises(ValueError, match=r".") as error:
        parse(text)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
