"""What tests share: commands, the folder of real recordings, where there is one, a bundle, and how Hypothesis runs."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

# No test depends on time passing: a slow machine must not fail an example.
settings.register_profile("biosig", deadline=None)
settings.load_profile("biosig")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of database folders named by BIOSIG_DATA; the test is skipped where there is none."""
    folder = os.environ.get("BIOSIG_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs BIOSIG_DATA, a folder of database folders")
    return Path(folder)


class Ended(NamedTuple):
    """How a command ended: exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs ``biosig ARGUMENTS`` in this process."""
    from biosig.cli import main

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["biosig", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def bundle():
    """The shipped recipe with drawn weights, the last layer loud enough to tell beats apart.

    Its labels are chance, its beats and their times are not.
    """
    import numpy as np
    import torch

    import biosig
    from biosig.bundle import Bundle
    from biosig.datasets.mitbih import SAMPLE
    from biosig.models.contract import InputShape
    from biosig.models.registry import build_model
    from biosig.recipe import load_recipe
    from biosig.windows.stream import cut_recording

    recipe = load_recipe("ecg", ["windows.context=4", "train.burn_in=0"])
    recording = biosig.read(SAMPLE / "119").crop(0, 40).pick(recipe.data.channels)
    windows = cut_recording(recording, recipe.chain, recipe.cutter)
    shape = InputShape(windows.n_channels, windows.length, windows.features.shape[1], recipe.windows.context)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(recipe.model.name, recipe.model.options, shape, 4).eval()
    model.fit_scale(torch.from_numpy(windows.features))
    model.head.weight.data *= 5.0
    return Bundle(recipe, [model], shape, np.array([0.0, 0.5, 0.0, -0.5]))


SLEEP_CHANNELS = {  # as in SC4001E0-PSG.edf: label -> rate in Hz, unit
    "EEG Fpz-Cz": (100, "uV"),
    "EEG Pz-Oz": (100, "uV"),
    "EOG horizontal": (100, "uV"),
    "Resp oro-nasal": (1, ""),
    "EMG submental": (1, "uV"),
    "Temp rectal": (1, "DegC"),
    "Event marker": (1, ""),
}
SLEEP_STAGES = (  # minutes and text: the day, a short night with everything a hypnogram can hold, the next day
    (33.0, "Sleep stage W"),
    (2.0, "Sleep stage 1"),
    (6.0, "Sleep stage 2"),
    (0.5, "Movement time"),
    (2.0, "Sleep stage 3"),
    (2.0, "Sleep stage 4"),
    (1.0, "Sleep stage W"),
    (4.0, "Sleep stage R"),
    (31.5, "Sleep stage W"),
    (2.0, "Sleep stage ?"),
)
STAGE_HZ = {"W": 20.0, "1": 7.0, "2": 13.0, "3": 1.5, "4": 1.5, "R": 4.5, "?": 30.0, "e": 30.0}
SLEEP_NIGHTS = (("SC4001E0", "C"), ("SC4002E0", "C"), ("SC4011E0", "H"), ("SC4022F0", "J"), ("SC4041G0", "W"))


@pytest.fixture(scope="session")
def sleep_edf_folder(tmp_path_factory) -> Path:
    """Five nights of four people in the layout of Sleep-EDF Expanded, each stage with a rhythm of its own."""
    import datetime

    import edfio
    import numpy as np

    folder = tmp_path_factory.mktemp("sleep-edf") / "sleep-cassette"
    folder.mkdir()
    begin = {"starttime": datetime.time(16, 13), "recording": edfio.Recording(startdate=datetime.date(1989, 4, 24))}
    for number, (name, scorer) in enumerate(SLEEP_NIGHTS):
        generator = np.random.default_rng(number)
        rhythm = np.repeat([STAGE_HZ[text[-1]] for _, text in SLEEP_STAGES], [round(m * 6000) for m, _ in SLEEP_STAGES])
        wave = 40 * np.sin(2 * np.pi * np.cumsum(rhythm) / 100)
        signals = []
        for label, (fs, unit) in SLEEP_CHANNELS.items():
            noise = generator.normal(scale=15, size=len(wave) * fs // 100)
            values = np.clip(noise + (wave if fs == 100 else 0), -200, 200)
            signals.append(
                edfio.EdfSignal(values, fs, label=label, physical_dimension=unit, physical_range=(-200, 200))
            )
        edfio.Edf(signals, data_record_duration=30, **begin).write(folder / f"{name}-PSG.edf")
        end = 60 * np.cumsum([minutes for minutes, _ in SLEEP_STAGES])
        marks = [
            edfio.EdfAnnotation(stop - 60 * minutes, 60 * minutes, text)
            for stop, (minutes, text) in zip(end.tolist(), SLEEP_STAGES, strict=True)
        ]
        edfio.Edf([], annotations=marks, **begin).write(folder / f"{name[:7]}{scorer}-Hypnogram.edf")
    return folder.parent


CHB_LABELS = (  # the 23 of most files: T8-P8 stands twice, and P7-T7 is T7-P7 upside down
    *[
        "FP1-F7",
        "F7-T7",
        "T7-P7",
        "P7-O1",
        "FP1-F3",
        "F3-C3",
        "C3-P3",
        "P3-O1",
        "FP2-F4",
        "F4-C4",
        "C4-P4",
        "P4-O2",
        "FP2-F8",
        "F8-T8",
        "T8-P8",
        "P8-O2",
    ],
    *["FZ-CZ", "CZ-PZ", "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "T8-P8"],
)
CHB_SECONDS = 240
CHB_FILES = {  # record -> seizures in s; chb05 is the fifth subject, who tests
    "chb01_03": ((100, 150),),
    "chb01_04": (),
    "chb02_16+": ((30, 60), (160, 200)),
    "chb05_06": ((120, 180),),
    "chb05_07": (),
    "chb17a_03": ((60, 110),),
    "chb21_19": ((20, 70),),
}
CHB_SUMMARY = """Data Sampling Rate: 256 Hz
*************************

Channels in EDF Files:
**********************
Channel 1: FP1-F7
Channel 2: F7-T7

"""


def _chb_entry(record: str, seizures) -> str:
    """What a summary says of a file; cases up to 4 number no seizure, the others do (chb09 wrongly)."""
    times = "".join(
        f"Seizure{number} Start Time: {start} seconds\nSeizure{number} End Time: {stop} seconds\n"
        for (start, stop), number in zip(seizures, ["", ""] if record < "chb05" else [" 1", " 2"], strict=False)
    )
    return (
        f"File Name: {record}.edf\nFile Start Time: 23:59:04\nFile End Time: 24:03:04\n"
        f"Number of Seizures in File: {len(seizures)}\n{times}\nChannels changed:\nChannel 1: FP1-F7\n\n"
    )


@pytest.fixture(scope="session")
def chbmit_folder(tmp_path_factory) -> Path:
    """Seven files of four children in the layout of CHB-MIT: spikes and waves at 3 Hz while a seizure lasts."""
    import edfio
    import numpy as np

    folder = tmp_path_factory.mktemp("chbmit")
    time_s = np.arange(256 * CHB_SECONDS) / 256
    for number, (record, seizures) in enumerate(CHB_FILES.items()):
        case = folder / record[:5]
        case.mkdir(exist_ok=True)
        generator = np.random.default_rng(number)
        ictal = np.zeros(len(time_s), dtype=bool)
        for start, stop in seizures:
            ictal |= (time_s >= start) & (time_s < stop)
        wave = 150 * np.sin(2 * np.pi * 3 * time_s) * ictal
        gain = {label: generator.uniform(0.5, 1.5) for label in CHB_LABELS}
        noise = {label: generator.normal(scale=20, size=len(time_s)) for label in CHB_LABELS}
        signals = [
            edfio.EdfSignal(
                np.clip(gain[label] * wave + noise[label], -800, 800),
                256,
                label=label,
                physical_dimension="uV",
                physical_range=(-800, 800),
                digital_range=(-2048, 2047),
            )
            for label in CHB_LABELS
        ]
        edfio.Edf(signals, data_record_duration=1).write(case / f"{record}.edf")
        summary = case / f"{record[:5]}-summary.txt"
        text = summary.read_text() if summary.is_file() else CHB_SUMMARY
        summary.write_text(text + _chb_entry(record, seizures))
    return folder


@pytest.fixture(scope="session")
def eegmmidb_folder(tmp_path_factory) -> Path:
    """Run 3 of five people in the layout of EEGMMIDB, three of its channels: the side of the cue is the loud one."""
    import edfio
    import numpy as np

    folder = tmp_path_factory.mktemp("eegmmidb")
    cues = [("T0", 8.3), ("T1", 4.1), ("T0", 4.1), ("T2", 4.1), ("T0", 4.1), ("T2", 4.1), ("T0", 4.1)]
    cues += [("T1", 4.1), ("T0", 4.1), ("T1", 4.1), ("T0", 4.1), ("T2", 4.1), ("T0", 4.1)]
    for subject in range(1, 6):
        generator = np.random.default_rng(subject)
        marks, loud, onset_s = [], {"T1": np.zeros(160 * 60), "T2": np.zeros(160 * 60)}, 0.0
        for cue, seconds in cues:
            marks.append(edfio.EdfAnnotation(round(onset_s, 1), seconds, cue))
            if cue in loud:
                loud[cue][round(160 * onset_s) : round(160 * (onset_s + seconds))] = 1.0
            onset_s += seconds
        mu = 30 * np.sin(2 * np.pi * 11 * np.arange(160 * 60) / 160)
        signals = [
            edfio.EdfSignal(
                generator.normal(scale=8, size=160 * 60) + mu * loud.get(cue, 0.0),
                160,
                label=label,
                physical_dimension="uV",
                physical_range=(-8092, 8092),
                digital_range=(-8092, 8092),
            )
            for label, cue in (("C3..", "T1"), ("Cz..", ""), ("C4..", "T2"))
        ]
        place = folder / f"S{subject:03d}"
        place.mkdir()
        edfio.Edf(signals, data_record_duration=1, annotations=marks).write(place / f"S{subject:03d}R03.edf")
        (place / f"S{subject:03d}R03.edf.event").write_bytes(b"")
    return folder


@pytest.fixture(scope="session")
def rhythm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve excerpts of the shipped sample laid out as CinC 2017 published its recordings, 10 to 32 s long.

    The labels are dealt out in turn, so there is nothing to learn from them; the beats are real.
    """
    import numpy as np

    import biosig
    from biosig.datasets.mitbih import SAMPLE, SAMPLE_TRAIN

    folder = tmp_path_factory.mktemp("cinc2017")
    lines = []
    for number in range(12):
        name = f"A{number + 1:05}"
        start_s = 40.0 * (number // len(SAMPLE_TRAIN))
        recording = biosig.read(SAMPLE / SAMPLE_TRAIN[number % len(SAMPLE_TRAIN)]).pick(["MLII"])
        lead = recording.crop(start_s, start_s + 10.0 + 2 * number).data[0]
        samples = np.rint(1000 * lead).astype("<i2")
        header = np.array([30, 1, len(samples), 0, 4], dtype="<i4").tobytes() + b"val\0"
        (folder / f"{name}.mat").write_bytes(header + samples.tobytes())
        (folder / f"{name}.hea").write_text(
            f"{name} 1 300 {len(samples)} 05:05:15 1/05/2014 \n{name}.mat 16+24 1000/mV 16 0 {samples[0]} 0 0 ECG \n"
        )
        lines.append(f"{name},{'NAO~'[number % 4]}\n")
    (folder / "REFERENCE-v3.csv").write_text("".join(lines))
    return folder
