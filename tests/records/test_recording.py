"""A part of a recording, and the marks in it."""

import numpy as np

from biosig.records.recording import Annotations, Layout, Recording


def test_a_part_keeps_what_lies_inside_of_marks_that_last():
    marks = Annotations.at(
        np.array([0.0, 2.0, 4.0, 5.0, 6.0, 9.0]),
        ["before", "into it", "instant", "within", "out of it", "after"],
        duration_s=np.array([1.0, 2.5, 0.0, 0.5, 3.0, 1.0]),
    )
    recording = Recording.from_array(np.zeros((1, 1000)), Layout(("A",), 100.0, ("uV",)), annotations=marks)
    part = recording.crop(3.0, 7.0).annotations
    assert part.label == ("into it", "instant", "within", "out of it")
    np.testing.assert_allclose(part.onset_s, [0, 1, 2, 3])
    np.testing.assert_allclose(part.duration_s, [1.5, 0, 0.5, 1])


def test_a_mark_that_ends_where_the_part_begins_is_not_in_it():
    marks = Annotations.at(np.array([0.0, 7.0]), ["a", "b"], duration_s=np.array([3.0, 1.0]))
    recording = Recording.from_array(np.zeros((1, 1000)), Layout(("A",), 100.0, ("uV",)), annotations=marks)
    assert recording.crop(3.0, 7.0).annotations.label == ()


def test_it_says_in_one_line_what_it_is():
    layout = Layout(("Fp1", "Fp2", "C3", "C4", "O1", "ECG"), 250.0, (*["uV"] * 5, "mV"))
    shown = repr(Recording.from_array(np.zeros((6, 400)), layout, name="a/1"))
    assert shown == "<Recording 'a/1': 6 channels (Fp1, Fp2, C3, C4, ...) in uV and mV, 250 Hz, 1.6 s, 0 annotations>"
