"""The commands as a user types them, and the same from Python, end to end on the shipped sample."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer

import biosig
from biosig.cli import app

SAMPLE = Path(biosig.__file__).parent / "datasets" / "samples" / "mitdb"
TINY_SETTINGS = (
    "train.epochs=1",
    "train.members=1",
    "train.refit=false",
    "train.burn_in=0",
    "train.virtual.rhythms=[]",
    "windows.context=8",
    "model.options.context_hidden=8",
)
TINY = [word for setting in TINY_SETTINGS for word in ("--set", setting)]


Command = Callable[..., Any]
"""The fixture of that name."""
Trained = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands see the shipped sample, whatever databases this machine has."""
    monkeypatch.delenv("BIOSIG_DATA", raising=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A bundle trained by the command line, once for all tests, and what the command said."""
    folder = tmp_path_factory.mktemp("trained") / "bundle"
    environment = {key: value for key, value in os.environ.items() if key != "BIOSIG_DATA"}
    words = [sys.executable, "-m", "biosig", "train", "ecg", "--out", str(folder), *TINY]
    return folder, subprocess.run(
        words, check=False, capture_output=True, text=True, env=environment, cwd=folder.parent
    )


def copy_of(bundle: Path, folder: Path) -> Path:
    """The bundle somewhere it may be damaged."""
    return Path(shutil.copytree(bundle, folder / "bundle"))


def modules_after(code: str) -> set[str]:
    """Names of the modules a fresh interpreter holds after running ``code``."""
    show = f"{code}\nimport sys; print('MODULES', *sys.modules)"
    ended = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    return set(ended.stdout.rpartition("MODULES ")[2].split())


HEAVY = {"torch", "rich", "mne", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "wfdb", "pydantic"}


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['biosig', '--help']\ntry:\n    import biosig.cli; biosig.cli.main()\n"
    assert not modules_after(code + "except SystemExit as ended:\n    assert ended.code == 0") & HEAVY


def test_import_loads_nothing_heavy_until_it_is_used() -> None:
    assert not modules_after("import biosig") & HEAVY
    assert not modules_after("import biosig; biosig.read") & {"torch", "mne", "sklearn", "matplotlib", "wfdb"}


def test_every_public_name_is_there() -> None:
    assert {name for name in biosig.__all__ if getattr(biosig, name, None) is None} == set()
    assert set(biosig.__all__) <= set(dir(biosig))


def all_commands() -> list[str]:
    """Every command and group of commands; the program itself is the empty one."""
    groups = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    inner = [f"{name} {one}" for name, group in groups.items() for one in getattr(group, "commands", ())]
    return ["", *groups, *inner]


@pytest.mark.parametrize("words", all_commands())
def test_every_command_explains_itself(words: str, command: Command) -> None:
    ended = command(*words.split(), "--help")
    assert ended.code == 0
    assert f"Usage: biosig {words}".strip() in ended.out
    assert ended.err == ""


def test_train_writes_a_bundle_and_says_that_it_used_the_sample(
    trained: Trained,
) -> None:
    folder, ended = trained
    assert ended.returncode == 0, ended.stderr
    assert "no --data given: using the sample" in ended.stderr.splitlines()[0]
    assert "biosig data get mitdb DIR" in ended.stderr.splitlines()[0]
    assert "macro-F1" in ended.stdout
    names = {path.name for path in folder.iterdir()} - {"tensorboard"}
    assert names == {"recipe.toml", "weights.safetensors", "manifest.json", "MODEL_CARD.md", "history.json"}
    assert json.loads((folder / "history.json").read_text())[0]["epoch"] == 1


def test_evaluate_writes_figures_and_report(trained: Trained, tmp_path: Path, command: Command) -> None:
    ended = command("evaluate", trained[0], "--out", tmp_path / "figures")
    assert ended.code == 0, ended.err
    metrics = json.loads((tmp_path / "figures" / "metrics.json").read_text())
    for figures in (metrics, metrics["detected"]):
        assert set(figures["classes"]) == {"N", "S", "V", "F"}
        assert {"sensitivity", "ppv", "f1", "support"} <= set(figures["classes"]["V"])
    assert metrics["classes"]["V"]["support"] == 332  # V and E marks of 205, 207, 220 and 223 in the sample
    assert {"macro_f1", "accuracy", "subjects"} <= set(metrics)
    html = (tmp_path / "figures" / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "not a test" in ended.err
    assert "End to end" in ended.out


def trained_on_also(names: Sequence[int], bundle: Path) -> Path:
    """The bundle, saying that it was trained on these records' subjects too."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["provenance"]["subjects"] += [f"mitdb-{name}" for name in names]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


@pytest.mark.parametrize("part", ["test", "validation"])
def test_evaluate_warns_where_every_subject_was_trained_on(
    part: str, trained: Trained, tmp_path: Path, command: Command
) -> None:
    bundle = trained_on_also((205, 207, 220, 223), copy_of(trained[0], tmp_path))
    ended = command("evaluate", bundle, "--split", part)
    assert ended.code == 0, ended.err
    assert "caution: the bundle was trained on every one of these subjects" in ended.err
    assert "caution" in json.loads((bundle / "evaluation" / "metrics.json").read_text())["protocol"]
    head = (bundle / "evaluation" / "report.html").read_text().partition("Figures per class")[0]
    assert "this is not a test" in head


def test_evaluate_gives_all_figures_without_a_subject_seen_in_training_too(
    trained: Trained, tmp_path: Path, command: Command
) -> None:
    bundle = trained_on_also((205,), copy_of(trained[0], tmp_path))
    ended = command("evaluate", bundle)
    assert ended.code == 0, ended.err
    assert "Without mitdb/205" in ended.out
    assert "End to end without mitdb/205" in ended.out
    metrics = json.loads((bundle / "evaluation" / "metrics.json").read_text())
    rest = metrics["without_shared_subjects"]
    assert rest["left_out"] == ["mitdb/205"]
    for every, fewer in ((metrics, rest), (metrics["detected"], rest["detected"])):
        of_205 = every["subjects"]["mitdb-205"]["classes"]["N"]["support"]
        assert fewer["classes"]["N"]["support"] == every["classes"]["N"]["support"] - of_205
    assert (bundle / "evaluation" / "report.html").read_text(encoding="utf-8").count("Given positions beside") == 2


def test_evaluate_names_a_record_without_annotations(trained: Trained, tmp_path: Path, command: Command) -> None:
    database = Path(shutil.copytree(SAMPLE, tmp_path / "mitdb"))
    (database / "205.atr").unlink()
    ended = command("evaluate", trained[0], "--data", database, "--split", "validation")
    assert ended.code == 2
    assert "mitdb/205: no annotated beats" in ended.err.splitlines()[-1]


def test_cross_validate_keeps_subjects_apart(tmp_path: Path, command: Command) -> None:
    ended = command("cross-validate", "ecg", "--folds", 2, "--out", tmp_path, *TINY)
    assert ended.code == 0, ended.err
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    first, second = (set(fold) for fold in metrics["folds"])
    assert len(first | second) == 12
    assert not first & second
    assert set(metrics["spread"]["V"]) >= {"mean", "sd"}
    assert "All folds together" in ended.out


def test_beats_and_bxb_find_the_beats_of_a_quiet_record(tmp_path: Path, command: Command) -> None:
    ended = command("beats", SAMPLE / "118", "--lead", "MLII", "--out", tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "118.qrs").is_file()
    ended = command("bxb", SAMPLE / "118.atr", tmp_path / "118.qrs", "--start", 0, "--json", tmp_path / "118.json")
    assert ended.code == 0, ended.err
    qrs = json.loads((tmp_path / "118.json").read_text())["qrs"]
    assert qrs["sensitivity"] > 0.99
    assert qrs["positive_predictivity"] > 0.99


def test_inspect_prints_draws_and_gives_json(tmp_path: Path, command: Command) -> None:
    picture = tmp_path / "106.png"
    ended = command("inspect", SAMPLE / "106", "--plot", picture, "--start", 30)
    assert ended.code == 0, ended.err
    assert "MLII" in ended.out
    assert "480.0 s at 360 Hz" in ended.out
    assert picture.read_bytes()[:4] == b"\x89PNG"
    summary = json.loads(command("inspect", SAMPLE / "106", "--json").out)
    assert summary["n_beats"] == 590


def test_list_names_recipes_and_parts(command: Command) -> None:
    ended = command("list")
    assert ended.code == 0
    for name in ("ecg", "mitbih", "recurrent", "BandPass", "beats"):
        assert name in ended.out


def test_a_recipe_lead_that_no_record_has_is_one_line(tmp_path: Path, command: Command) -> None:
    ended = command("train", "ecg", "--out", tmp_path, *TINY, "--set", 'data.channels=["V9"]')
    assert ended.code == 2
    assert "expected lead 'V9', found MLII" in ended.err.splitlines()[-1]


def test_a_recipe_in_another_unit_than_the_records_is_one_line(tmp_path: Path, command: Command) -> None:
    ended = command("train", "ecg", "--out", tmp_path, *TINY, "--set", "data.unit=uV", "--resume")
    assert ended.code == 2
    assert "MLII is in mV, recipe 'ecg' says data.unit='uV'" in ended.err.splitlines()[-1]
    assert f"nothing to resume in {tmp_path}" in ended.err


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def change_one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["recipe.toml", "weights.safetensors", "manifest.json"])
@pytest.mark.parametrize("damage", [cut_short, change_one_byte, Path.unlink])
def test_a_damaged_bundle_is_one_line(
    name: str,
    damage: Callable[[Path], None],
    trained: Trained,
    tmp_path: Path,
    command: Command,
) -> None:
    bundle = copy_of(trained[0], tmp_path)
    if name == "manifest.json" and damage is change_one_byte:
        (bundle / name).write_text('{"format": 1, "sha256": []}')
    else:
        damage(bundle / name)
    ended = command("evaluate", bundle)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert str(bundle) in ended.err


EPOCHS = ["--set", "train.epochs=3"]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was killed after its first complete epoch."""
    folder = tmp_path_factory.mktemp("killed") / "bundle"
    arguments = [sys.executable, "-m", "biosig", "train", "ecg", "--out", str(folder), *TINY, *EPOCHS]
    environment = {key: value for key, value in os.environ.items() if key != "BIOSIG_DATA"}
    with (folder.parent / "log").open("w") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
        while not list(folder.glob("checkpoint-*.pt")) and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL, (folder.parent / "log").read_text()
    return folder


def test_a_killed_training_leaves_a_checkpoint_and_no_bundle(killed: Path, command: Command) -> None:
    assert len(list(killed.glob("checkpoint-*.pt"))) == 1
    assert "no bundle here" in command("evaluate", killed).err


@pytest.mark.parametrize("other", [["--seed", "8"], ["--set", "signal.BandPass.low_hz=1"]], ids=["seed", "filter"])
def test_resume_with_other_settings_is_refused(other: list[str], killed: Path, command: Command) -> None:
    ended = command("train", "ecg", "--out", killed, "--resume", *TINY, *EPOCHS, *other)
    assert ended.code == 2
    assert "belongs to a training with other settings or data; delete it" in ended.err.splitlines()[-1]
    assert list(killed.glob("checkpoint-*.pt"))


def test_a_killed_training_resumes_to_the_same_weights(killed: Path, tmp_path: Path, command: Command) -> None:
    shutil.copytree(killed, tmp_path / "resumed")
    resumed = command("train", "ecg", "--out", tmp_path / "resumed", "--resume", *TINY, *EPOCHS)
    assert resumed.code == 0, resumed.err
    whole = command("train", "ecg", "--out", tmp_path / "whole", *TINY, *EPOCHS)
    assert whole.code == 0, whole.err
    histories = [json.loads((tmp_path / name / "history.json").read_text()) for name in ("resumed", "whole")]
    losses = [[row["loss"] for row in history] for history in histories]
    assert len(losses[0]) == 3
    assert losses[0] == losses[1]
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("resumed", "whole")]
    assert weights[0] == weights[1]


def test_resume_leaves_a_finished_training_as_it_is(trained: Trained, tmp_path: Path, command: Command) -> None:
    bundle = copy_of(trained[0], tmp_path)
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    ended = command("train", "ecg", "--out", bundle, "--resume", *TINY)
    assert ended.code == 0
    assert ended.err.splitlines()[-1] == (
        f"{bundle}: training is finished, nothing to resume; leave --resume away to train anew"
    )
    other = command("train", "ecg", "--out", bundle, "--resume", *TINY, "--seed", "8")
    assert other.code == 2
    assert "the bundle there is finished and of other settings" in other.err.splitlines()[-1]
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def test_a_bundle_trained_anew_does_not_keep_the_report_of_the_one_before(
    trained: Trained, tmp_path: Path, command: Command
) -> None:
    bundle = copy_of(trained[0], tmp_path)
    (bundle / "evaluation").mkdir()
    for name in ("evaluation/metrics.json", "evaluation/report.html", "evaluation/notes.txt", "metrics.json"):
        (bundle / name).write_text("{}")
    (bundle / "tensorboard" / "old").mkdir(parents=True)
    ended = command("train", "ecg", "--out", bundle, *TINY)
    assert ended.code == 0, ended.err
    assert f"removed {bundle / 'evaluation' / 'metrics.json'} and {bundle / 'evaluation' / 'report.html'}" in ended.err
    assert f"removed {bundle / 'metrics.json'}: of the bundle that was there before" in ended.err
    assert ended.err.splitlines()[-1] == f"bundle written to {bundle}"
    left = {str(path.relative_to(bundle)) for path in bundle.rglob("*")}
    kept = {"evaluation/notes.txt", "manifest.json", "history.json"}
    assert kept <= left
    assert not left & {"evaluation/metrics.json", "evaluation/report.html", "metrics.json", "tensorboard/old"}


def test_python_reads_draws_and_tabulates_a_recording() -> None:
    recording = biosig.read(SAMPLE / "208")
    frame = recording.to_frame()
    assert list(frame.columns) == ["MLII", "V1"]
    assert frame.index[360] == 1.0
    assert np.array_equal(frame["MLII"].to_numpy(), recording.data[0])
    assert recording.plot(10, 20).to_png()[:4] == b"\x89PNG"


def test_python_trains_as_the_command_does_and_scores_a_recording(trained: Trained, tmp_path: Path) -> None:
    bundle = biosig.train("ecg", out=tmp_path / "bundle", settings=TINY_SETTINGS, progress=False)
    loaded = biosig.load(trained[0])
    recording = biosig.read(SAMPLE / "205")
    scores = bundle.score(recording)
    assert isinstance(scores, pd.DataFrame)
    assert list(scores.columns) == ["time_s", "ready_s", "good", "usable", "label", "p_N", "p_S", "p_V", "p_F"]
    assert np.allclose(scores.filter(like="p_").sum(axis=1), 1, atol=1e-5)
    assert (scores["ready_s"] > scores["time_s"]).all()
    n_beats = json.loads((trained[0] / "manifest.json").read_text())["metrics"]["classes"]["N"]["support"]
    assert 0 < len(scores) < n_beats
    pd.testing.assert_frame_equal(scores, loaded.score(recording))


def test_python_refuses_a_recording_without_the_lead(trained: Trained) -> None:
    recording = biosig.read(SAMPLE / "208", channels=["V1"])
    with pytest.raises(biosig.BundleError, match="needs lead MLII"):
        biosig.load(trained[0]).score(recording)
