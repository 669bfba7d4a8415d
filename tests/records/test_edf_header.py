from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biosig.errors import RecordError
from biosig.records import read

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"duration": "-1"}, r"expected seconds per data record as a number from 0 to .*, found '-1'"),
        ({"duration": "0"}, r"expected data records longer than 0 s, found 0"),
        ({"duration": "1e-9"}, r"expected data records longer than 0 s"),
        ({"duration": "1,0"}, r"expected seconds per data record .*, found '1,0'"),
        ({"duration": "nan"}, r"expected seconds per data record .*, found 'nan'"),
        ({"records": "0"}, r"expected at least one data record, found 0"),
        ({"records": "-2"}, r"expected number of data records as a whole number from -1 .*, found '-2'"),
        ({"records": "3"}, r"expected at least 536 bytes for the 3 data records .*, found 528 bytes; the file is cut"),
        ({"header_bytes": "256"}, r"expected 512 header bytes for 1 signals, found 256"),
        ({"header_bytes": "768"}, r"expected 512 header bytes for 1 signals, found 768"),
        ({"signals": "0"}, r"expected number of signals as a whole number from 1 to 4096, found '0'"),
        ({"signals": "9", "header_bytes": "2560"}, r"expected a header of 2560 bytes, found 528 bytes"),
        ({"signals": "\u00b2"}, r"expected number of signals"),
    ],
)
def test_an_impossible_header_is_refused(
    write_edf: Write, edf_column: Any, fields: dict[str, str], message: str
) -> None:
    column = edf_column("Cz", np.arange(8).reshape(2, 4))
    with pytest.raises(RecordError, match=rf"/r\.edf: .*{message}|/r\.edf: {message}"):
        read(write_edf([column], **fields))


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"digital": ("5", "5")}, r"expected a digital minimum below the digital maximum, found 5 and 5"),
        ({"digital": ("5", "-5")}, r"expected a digital minimum below the digital maximum, found 5 and -5"),
        ({"digital": ("-1e9", "5")}, r"expected digital minimum as a whole number .*, found '-1e9'"),
        ({"physical": ("7", "7.0")}, r"expected a physical minimum other than the physical maximum, found 7 and 7"),
        ({"physical": ("inf", "7")}, r"expected physical minimum as a number .*, found 'inf'"),
        ({"physical": ("", "7")}, r"expected physical minimum as a number .*, found ''"),
    ],
)
def test_a_damaged_range_is_refused_and_the_signal_named(
    write_edf: Write, edf_column: Any, ranges: dict[str, tuple[str, str]], message: str
) -> None:
    whole = edf_column("Pz", np.arange(8).reshape(2, 4))
    column = edf_column("EEG Cz", np.arange(8).reshape(2, 4), **ranges)
    with pytest.raises(RecordError, match=rf"r\.edf: signal 2 \(EEG Cz\): {message}"):
        read(write_edf([whole, column]))


def test_an_unclosed_recording_has_as_many_records_as_the_file_holds(write_edf: Write, edf_column: Any) -> None:
    path = write_edf([edf_column("Cz", np.arange(8).reshape(2, 4))], records="-1")
    path.write_bytes(path.read_bytes() + b"\1\0\1")
    assert read(path).n_times == 8
    path.write_bytes(path.read_bytes()[:514])
    with pytest.raises(RecordError, match="expected at least one data record, found 0"):
        read(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.edf"
    for content in (b"", b"0       ", b"GIF89a" + bytes(300), bytes(5000)):
        path.write_bytes(content)
        with pytest.raises(RecordError, match=r"r\.edf: expected .*, found"):
            read(path)


def test_a_damaged_annotation_list_is_refused_with_its_record(write_edf: Write, edf_column: Any) -> None:
    timed = [b"+0\x14\x14\0", b"+1\x14\x14\0+1.5\x14nothing closes this\0"]
    path = write_edf([edf_column("Cz", np.arange(8).reshape(2, 4))], timed=timed)
    with pytest.raises(
        RecordError, match=r"r\.edf: data record 2: expected a time-stamped annotation list, found '\+1"
    ):
        read(path)
