"""DICOM frames as a viewer shows them; the expected levels follow PS3.3's formulas by hand."""

from pathlib import Path

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.imaging.dicom import windowed
from biosig.imaging.images import read_picture

pydicom = pytest.importorskip("pydicom", reason="needs the extra imaging")

VALUES = np.array([[0, 100, 200], [300, 400, 1000]], dtype=np.uint16)


def written(path: Path, pixels: np.ndarray = VALUES, **tags) -> Path:
    """A secondary capture with these pixels and tags."""
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, data.file_meta.MediaStorageSOPInstanceUID
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    data.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def test_without_a_window_the_whole_range_is_shown(tmp_path):
    levels = read_picture(written(tmp_path / "a.dcm"), 1)[0]
    np.testing.assert_allclose(levels, VALUES / 1000 * 255, atol=0.5)


def test_dark_is_dark_whatever_way_round_it_is_stored(tmp_path):
    levels = read_picture(written(tmp_path / "a.dcm", PhotometricInterpretation="MONOCHROME1"), 1)[0]
    np.testing.assert_allclose(levels, 255 - VALUES / 1000 * 255, atol=0.6)


def test_slope_intercept_and_window_are_applied_in_this_order(tmp_path):
    path = written(tmp_path / "a.dcm", RescaleSlope=2, RescaleIntercept=-400, WindowCenter=0.5, WindowWidth=401)
    # real values -400 -200 0 200 400 1600; the window runs from -200 to 200
    assert read_picture(path, 1)[0].ravel().tolist() == [0, 0, 128, 255, 255, 255]


def test_of_several_windows_the_first_counts(tmp_path):
    path = written(tmp_path / "a.dcm", WindowCenter=[200.5, 9], WindowWidth=[201, 9])
    assert read_picture(path, 1)[0].ravel().tolist() == [0, 0, 128, 255, 255, 255]


def test_signed_values_are_read(tmp_path):
    levels = read_picture(written(tmp_path / "a.dcm", np.array([[-1000, 0, 1000]], dtype=np.int16)), 1)[0]
    assert levels.ravel().tolist() == [0, 128, 255]


def test_colours_are_read(tmp_path):
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    pixels[..., 2] = 77
    levels = read_picture(written(tmp_path / "a.dcm", pixels), 3)
    assert levels[:, 0, 0].tolist() == [0, 0, 77]


@pytest.mark.parametrize(
    ("function", "expected"),
    [("LINEAR", [0, 0, 128, 255]), ("LINEAR_EXACT", [0, 0, 127, 255]), ("SIGMOID", [5, 30, 126, 250])],
)
def test_windows_follow_the_standards_formulas(function, expected):
    # centre 2048 and width 4096 give 0 at 0 and 255 at 4095 (PS3.3, C.11.2.1.2.1, the standard's example, scaled)
    values = np.array([[-2000.0, 0.0, 2040.0, 4095.0]]) if function != "SIGMOID" else None
    if function == "SIGMOID":
        values = 2048 + 4096 / 4 * np.log(np.array([[5, 30, 126, 250]]) / (255 - np.array([[5, 30, 126, 250]])))
        assert windowed(values, 2048, 4096, function)[0].tolist() == expected
        return
    levels = windowed(values, 2048, 4096, function)[0].tolist()
    assert levels[:2] == expected[:2]
    assert levels[3] == expected[3]
    assert abs(levels[2] - expected[2]) <= 1


def test_a_window_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="at least 1 wide"):
        windowed(np.zeros((1, 1)), 0, 0.5)
    with pytest.raises(ValueError, match="must be LINEAR, LINEAR_EXACT or SIGMOID, got 'ROUND'"):
        windowed(np.zeros((1, 1)), 0, 5, "ROUND")


def test_files_that_hold_no_single_picture_are_named(tmp_path):
    path = written(tmp_path / "a.dcm", NumberOfFrames=2, PixelData=VALUES.tobytes() * 2)
    with pytest.raises(RecordError, match=r"a\.dcm: expected one frame, found 2"):
        read_picture(path, 1)
    whole = written(tmp_path / "b.dcm").read_bytes()
    for n, said in ((0, "not a DICOM file"), (100, "not a DICOM file"), (len(whole) - 6, "cannot be decoded")):
        (tmp_path / "b.dcm").write_bytes(whole[:n])
        with pytest.raises(RecordError, match=said) as caught:
            read_picture(tmp_path / "b.dcm", 1)
        assert str(caught.value).startswith(str(tmp_path / "b.dcm"))
        assert "\n" not in str(caught.value)
    with pytest.raises(RecordError, match=r"c\.dcm: .*pixels, expected 1 to"):
        read_picture(written(tmp_path / "c.dcm", Rows=40000, Columns=40000), 1)
