import pytest

from biosig.errors import RecordError
from biosig.records.channel_names import choose, common_grid, plain_name, unique_names


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("EEG Fp1-Ref", "Fp1"),
        ("EEG FP1-LE", "Fp1"),
        ("EEG Fpz-Cz", "Fpz-Cz"),
        ("EEG  F3 - A2", "F3-A2"),
        ("FP1-F7", "Fp1-F7"),
        ("Fc5.", "FC5"),
        ("C5..", "C5"),
        ("T10.", "T10"),
        ("Afz.", "AFz"),
        ("cz", "Cz"),
        ("POL T1", "T1"),
        ("EEG A2-A1", "A2-A1"),
        ("m1", "M1"),
        ("AFF5H", "AFF5h"),
        ("nz", "Nz"),
        ("C3_REF", "C3"),
        ("ECG ECG", "ECG"),
        ("ECG ECG1", "ECG1"),
        ("EOG VEOG_I", "VEOG_I"),
        ("EOG horizontal", "EOG horizontal"),
        ("EMG submental", "EMG submental"),
        ("EEG 001", "EEG 001"),
        ("EEG", "EEG"),
        ("POL $A1", "POL $A1"),
        ("Resp  oro-nasal", "Resp oro-nasal"),
        ("Fp1-F7-T3", "Fp1-F7-T3"),
        ("", ""),
    ],
)
def test_electrodes_are_spelt_one_way_and_other_labels_left(label: str, name: str) -> None:
    assert plain_name(label) == name
    assert plain_name(name) == name


def test_a_name_that_comes_again_gets_a_number() -> None:
    assert unique_names(["A", "A", "A (2)", "A", "B"]) == ("A", "A (2)", "A (2) (2)", "A (3)", "B")


def test_the_name_itself_wins_over_an_alias_and_a_label() -> None:
    assert choose("r", ["T3", "T7"], ["T7", "T3"]) == [1, 0]
    assert choose("r", ["P7", "x"], ["T5"]) == [0]
    assert choose("r", ["a", "b"], ["b"], labels=["b", "c"]) == [1]
    with pytest.raises(RecordError, match=r"r: expected lead 'T5', found T3; name one of these"):
        choose("r", ["T3"], ["T5"])
    for wrong in ("T3", []):
        with pytest.raises(ValueError, match="channels must be a list"):
            choose("r", ["T3"], wrong)


def test_the_grid_is_the_least_on_which_all_samples_fall() -> None:
    assert common_grid("r", [1000, 128]) == 16000
    assert common_grid("r", []) == 1
    with pytest.raises(RecordError, match="read channels of one rate"):
        common_grid("r", [500, 512])
