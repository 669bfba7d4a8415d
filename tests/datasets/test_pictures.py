"""Collections of labelled pictures: who is in which part, and what each picture is."""

import numpy as np
import pytest

from biosig.datasets.pictures import MedNist, Pictures, PneumoniaMnist
from biosig.errors import DatasetError, RecordError
from biosig.windows.picture import Picture

Image = pytest.importorskip("PIL.Image", reason="needs the extra imaging")

GREY = {"channels": ("grey",), "labels": ("normal", "pneumonia"), "cut": Picture(16)}


def save(path, seed, side=20):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def parted(tmp_path):
    """train/, val/ and test/, two classes, two pictures each; one of the test pictures stands in train, too."""
    for number, part in enumerate(("train", "val", "test")):
        for kind in ("NORMAL", "PNEUMONIA"):
            for copy in range(2):
                save(tmp_path / part / kind / f"{copy}.png", 100 * number + 10 * len(kind) + copy)
    save(tmp_path / "train" / "NORMAL" / "again.png", 200 + 60)
    return tmp_path


def test_the_parts_of_a_folder_are_kept_and_no_picture_is_in_two(parted):
    corpus = Pictures.open(parted)
    split = corpus.split("default")
    assert split.train == tuple(f"train/{kind}/{n}.png" for kind in ("NORMAL", "PNEUMONIA") for n in range(2))
    assert (len(split.validation), len(split.test)) == (4, 4)
    assert split.note == "Left out of their part: 1 pictures that stand in a later one, too."


def test_a_picture_becomes_one_window_with_its_class(parted):
    corpus = Pictures.open(parted)
    windows = corpus.pictures(corpus.split("default").test, **GREY | {"cut": Picture(20)})
    assert windows.signals[0].dtype == np.uint8
    assert (windows.n_channels, windows.length, len(windows)) == (1, 400, 4)
    assert windows.label.tolist() == [0, 0, 1, 1]
    assert windows.names[0] == "pictures/test/NORMAL/0.png"
    expected = np.random.default_rng(260).integers(0, 256, (20, 20), dtype=np.uint8)
    assert (windows.gather(np.array([0]))[0] == expected.reshape(1, -1)).all()
    coloured = corpus.pictures(corpus.split("default").test, **GREY | {"channels": ("red", "green", "blue")})
    assert coloured.n_channels == 3


def test_a_folder_without_parts_is_divided_by_subject(tmp_path):
    rows = ["file,subject"]
    for kind in ("normal", "pneumonia"):
        for number in range(30):
            save(tmp_path / kind / f"{number}.png", 1000 * len(kind) + number)
            rows.append(f"{kind}/{number}.png,{kind[0]}{number // 3}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    split = Pictures.open(tmp_path).split("default")
    corpus = Pictures.open(tmp_path)
    who = {part: {corpus.subject_of(name) for name in getattr(split, part)} for part in ("train", "test")}
    assert not who["train"] & who["test"]
    assert len(who["test"]) == 4
    assert Pictures.open(tmp_path).split("default") == split
    assert "a fifth of the subjects was drawn for testing" in split.note


def test_arrays_in_medmnists_form_are_read_with_their_parts(tmp_path):
    generator = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 6), ("val", 2), ("test", 3)):
        arrays[f"{part}_images"] = generator.integers(0, 256, (n, 28, 28, 3), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(n, dtype=np.uint8)[:, None] % 2
    np.savez(tmp_path / "x.npz", **arrays)
    corpus = Pictures.open(tmp_path / "x.npz")
    split = corpus.split("default")
    assert [len(names) for names in (split.train, split.validation, split.test)] == [6, 2, 3]
    windows = corpus.pictures(split.test, channels=("red", "green", "blue"), labels=("a", "b"), cut=Picture(28))
    assert windows.label.tolist() == [0, 1, 0]
    assert (windows.signals[1].reshape(3, 28, 28) == arrays["test_images"][1].transpose(2, 0, 1)).all()
    with pytest.raises(DatasetError, match=r"train/00001 has label 1, the recipe has 1 labels: a"):
        corpus.pictures(split.train, channels=("grey",), labels=("a",), cut=Picture(28))


def test_a_broken_file_of_arrays_is_named(tmp_path):
    images, labels = np.zeros((3, 8, 8), np.uint8), np.zeros((3, 1), np.uint8)
    broken = {
        "nothing.npz": ({"x": images}, "expected MedMNIST's train_images"),
        "float.npz": ({"train_images": images.astype(float), "train_labels": labels}, "must be uint8"),
        "few.npz": ({"train_images": images, "train_labels": labels[:2]}, "one whole number for each of 3 pictures"),
    }
    for name, (arrays, said) in broken.items():
        np.savez(tmp_path / name, **arrays)
        with pytest.raises(RecordError, match=said) as caught:
            Pictures.open(tmp_path / name).split("default")
        assert name in str(caught.value)
    whole = (tmp_path / "few.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordError, match=r"cut\.npz: damaged or cut short"):
        Pictures.open(tmp_path / "cut.npz").split("default")


def test_what_does_not_fit_a_recipe_says_what_to_pass(parted):
    corpus = Pictures.open(parted)
    names = corpus.split("default").train
    with pytest.raises(DatasetError, match=r"pass --set 'data\.labels=\[\"NORMAL\", \"PNEUMONIA\"\]'"):
        corpus.pictures(names, **GREY | {"labels": ("healthy", "ill")})
    with pytest.raises(DatasetError, match="the channels of pictures are grey or red, green, blue, got"):
        corpus.pictures(names, **GREY | {"channels": ("MLII",)})
    with pytest.raises(RecordError, match=r"a picture, not a recording; windows\.cut must be 'picture'"):
        corpus.read(names[0], ["MLII"])


def test_folders_that_are_no_collection_are_named(parted, tmp_path):
    (parted / "train" / "NORMAL" / "notes.txt").write_text("x")
    with pytest.raises(DatasetError, match=r"notes\.txt: not a picture file"):
        Pictures.open(parted).split("default")
    (parted / "train" / "NORMAL" / "notes.txt").unlink()
    (parted / "OTHER").mkdir()
    with pytest.raises(DatasetError, match="OTHER: a class beside the parts test, train, val"):
        Pictures.open(parted).split("default")
    with pytest.raises(DatasetError, match="no such folder"):
        Pictures.open(parted / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DatasetError, match="no pictures; expected empty/CLASS"):
        Pictures.open(empty).split("default")
    for name in ("a", "b"):
        np.savez(empty / f"{name}.npz", x=np.zeros(1))
    with pytest.raises(DatasetError, match=r"holds a\.npz, b\.npz; name one"):
        Pictures.open(empty)


def test_a_table_of_subjects_must_be_whole(parted):
    (parted / "labels.csv").write_text("file,subject\ntrain/NORMAL/0.png,p1\n")
    with pytest.raises(DatasetError, match=r"labels\.csv: no subject for .*\.png"):
        Pictures.open(parted).split("default")
    (parted / "labels.csv").write_text("picture,subject\ntrain/NORMAL/0.png,p1\n")
    with pytest.raises(DatasetError, match="expected a column 'file' beside 'subject', found picture, subject"):
        Pictures.open(parted).split("default")
    (parted / "labels.csv").write_text("file,age\ntrain/NORMAL/0.png,3\n")
    assert len(Pictures.open(parted).split("default").train) == 4


def test_the_shipped_sample_is_small_credited_and_divided(monkeypatch):
    monkeypatch.delenv("BIOSIG_DATA", raising=False)
    corpus = PneumoniaMnist.open(None)
    assert corpus.is_sample
    assert corpus.folder.stat().st_size < 3_000_000
    credits = (corpus.folder.parent / "CREDITS.md").read_text(encoding="utf-8")
    assert "10.1016/j.cell.2018.02.010" in credits
    assert "Attribution 4.0" in credits
    split = corpus.split("default")
    assert [len(names) for names in (split.train, split.validation, split.test)] == [1000, 250, 250]
    assert split.note == ""
    subjects = [{corpus.subject_of(name) for name in part} for part in (split.train, split.validation, split.test)]
    assert sum(map(len, subjects)) == len(set.union(*subjects)) == 1500
    windows = corpus.pictures(split.test, **GREY)
    assert 0.70 < windows.label.mean() < 0.78


def test_a_database_without_a_sample_asks_for_data(monkeypatch):
    monkeypatch.delenv("BIOSIG_DATA", raising=False)
    with pytest.raises(DatasetError, match="mednist: no pictures ship with biosig; give yours: --data FOLDER"):
        MedNist.open(None)


@pytest.mark.data
def test_real_collections_are_read(data_dir):
    corpus = PneumoniaMnist.open(data_dir / "pneumoniamnist")
    split = corpus.split("default")
    # 8 different pictures of the training part stand in the validation part, too, two of them twice
    assert (len(split.train), len(split.validation), split.test) == (4698, 524, ())
    mednist = MedNist.open(data_dir / "mednist").split("default")
    assert len(mednist.train) + len(mednist.test) == 6000
