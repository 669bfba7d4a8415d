import pytest

from biosig.records.units import eeg_channels, layout_unit


@pytest.mark.parametrize(
    ("unit", "millivolt"),
    [
        ("mV", 1),
        ("V", 1000),
        ("uV", 1e-3),
        ("\u00b5V", 1e-3),
        ("\u03bcV", 1e-3),
        ("MV", 1),
        ("nV", 1e-6),
        ("microvolts", 1e-3),
    ],
)
def test_voltages_become_millivolts_and_those_of_eeg_microvolts(unit: str, millivolt: float) -> None:
    assert layout_unit(unit, eeg=False) == ("mV", pytest.approx(millivolt))
    assert layout_unit(unit, eeg=True) == ("uV", pytest.approx(1000 * millivolt))


@pytest.mark.parametrize("unit", ["mmHg", "NU", "bpm", "%", "mV/s", "Ohm", ""])
def test_other_units_stay_as_they_are(unit: str) -> None:
    assert layout_unit(unit, eeg=True) == (unit, 1.0)


def test_eeg_is_told_from_ecg_by_the_names() -> None:
    assert eeg_channels(["EEG Fpz-Cz", "ECG", "C4-A1", "Resp"]) == (True, False, True, False)
    assert eeg_channels(["I", "II", "aVF", "V1", "MLII", "T", "C", ""]) == (False,) * 8
    assert eeg_channels(["Fp1", "C3", "T7", "ECG"]) == (True, True, True, False)


def test_c1_to_c6_are_chest_leads_unless_another_channel_is_surely_eeg() -> None:
    assert eeg_channels(["C1", "C2", "C3"]) == (False,) * 3
    assert eeg_channels(["C1", "C2", "O1"]) == (True,) * 3
