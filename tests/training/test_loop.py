"""One loop: it learns, repeats itself by seed, and goes on after a kill as if nothing had happened."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from biosig.errors import BundleError
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import TrainPart, load_recipe
from biosig.training.answers import Classes
from biosig.training.loop import TrainingData, best_epoch, fit, learning_rate, parameter_groups, warm_cosine
from biosig.training.objectives import Classify, balance
from biosig.training.predict import Networks
from biosig.training.resident import ResidentWindows
from biosig.training.sequences import cut_sequences
from biosig.windows.index import Windows

CPU = torch.device("cpu")
ANSWER = Classes(load_recipe("ecg"))
SETTINGS = TrainPart(epochs=6, ema=0.8, batch_size=8, lr=5e-3, augment={"noise": 0.1, "amplitude": 0.1})
OPTIONS = {
    "stem": [8],
    "hidden": 8,
    "context_hidden": 8,
    "feature_hidden": 8,
    "feature_noise": 0.1,
    "feature_dropout": 0.1,
}


def two_classes(name: str, n: int = 150, seed: int = 0) -> Windows:
    """Windows whose class is the sign of a bump, over a drawn noise."""
    generator = np.random.default_rng(seed)
    label = generator.integers(2, size=n)
    signal = generator.normal(size=(1, n * 16)).astype(np.float32)
    signal += np.repeat(np.where(label == 1, 1.0, -1.0), 16)[None, :].astype(np.float32)
    return Windows(
        signals=(signal,),
        names=(name,),
        subjects=(name,),
        recording=np.zeros(n, dtype=np.int64),
        start=np.arange(n) * 16,
        length=16,
        onset_s=np.arange(n, dtype=float),
        ready_s=np.arange(n) + 1.0,
        good=np.ones(n, dtype=np.float32),
        features=generator.normal(size=(n, 2)).astype(np.float32),
        label=label,
    )


WINDOWS = Windows.join([two_classes("a"), two_classes("b", seed=1)])


class Killed(Exception):
    """Stands for SIGKILL between two steps."""


class Killer:
    """A watcher that stops the training in the middle of an epoch."""

    def __init__(self, at: float) -> None:
        self.at = at

    def begin(self, epochs, done): ...

    def batch(self, epoch, share, loss):
        if epoch + share >= self.at:
            raise Killed

    def epoch(self, row): ...

    def end(self): ...


def train(settings=SETTINGS, windows=WINDOWS, **options):
    torch.manual_seed(settings.seed)
    shape = InputShape(1, 16, 2, context=4)
    model = build_model("recurrent", OPTIONS, shape, 2)
    weight = balance(windows.label, windows.subject, class_power=0.5, subject_power=0.0)
    data = TrainingData(windows, context=4, weight=weight)
    history = fit(model, data, Classify(settings), settings, device=CPU, **options)
    return model, history


def same(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_it_learns_what_can_be_learnt():
    model, history = train()
    probabilities = Networks([model], ANSWER, context=4, device=CPU).predict(two_classes("c", seed=2))
    assert (probabilities.argmax(axis=1) == two_classes("c", seed=2).label).mean() > 0.95
    assert history[-1]["loss"] < history[0]["loss"]


def test_a_seed_repeats_and_another_differs():
    assert same(train()[0], train()[0])
    assert not same(train()[0], train(SETTINGS.model_copy(update={"seed": 1}))[0])


@pytest.mark.parametrize("at", [0.3, 1.0, 2.5, 5.9])
def test_a_killed_run_goes_on_to_the_weights_of_an_unbroken_one(tmp_path, at):
    unbroken, history = train()
    with pytest.raises(Killed):
        train(checkpoint=tmp_path / "state.pt", watcher=Killer(at))
    resumed, again = train(checkpoint=tmp_path / "state.pt")
    assert same(resumed, unbroken)
    assert [row["loss"] for row in again] == [row["loss"] for row in history]


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    train(checkpoint=tmp_path / "state.pt")
    with pytest.raises(BundleError, match="belongs to a training with other settings"):
        train(SETTINGS.model_copy(update={"lr": 1e-2}), checkpoint=tmp_path / "state.pt")


def louder(windows: Windows) -> Windows:
    return replace(windows, signals=tuple(2 * signal for signal in windows.signals))


EVEN = np.ones(len(WINDOWS))
RENDERED = {"virtual": WINDOWS, "virtual_weight": EVEN, "virtual_share": 0.5}


@pytest.mark.parametrize(
    "other",
    [
        {},
        RENDERED | {"virtual": louder(WINDOWS)},
        RENDERED | {"virtual_weight": 2 * EVEN},
        RENDERED | {"virtual_share": 0.25},
        RENDERED | {"sampling": EVEN},
    ],
    ids=["none", "samples", "weight", "share", "drawn"],
)
def test_a_checkpoint_of_a_training_on_other_virtual_windows_is_refused(tmp_path, other):
    settings = SETTINGS.model_copy(update={"epochs": 1})

    def run(**drawn):
        torch.manual_seed(0)
        model = build_model("recurrent", OPTIONS, InputShape(1, 16, 2, context=4), 2)
        data = TrainingData(WINDOWS, 4, EVEN, **drawn)
        fit(model, data, Classify(settings), settings, device=CPU, checkpoint=tmp_path / "state.pt")

    run(**RENDERED)
    run(**RENDERED)
    with pytest.raises(BundleError, match="belongs to a training with other settings or data"):
        run(**other)


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(BundleError, match=r"state\.pt: cannot be resumed"):
        train(checkpoint=tmp_path / "state.pt")


def test_the_best_epoch_is_kept_and_patience_ends_the_run():
    scores = iter([0.1, 0.9, 0.3, 0.2, 0.1, 0.0])
    states = []

    def validate(model):
        states.append({key: value.clone() for key, value in model.state_dict().items()})
        return {"score": next(scores)}

    model, history = train(SETTINGS.model_copy(update={"patience": 2}), validate=validate)
    assert len(history) == 4
    assert best_epoch(history) == 2
    assert all(torch.equal(model.state_dict()[key], value) for key, value in states[1].items())


def test_patience_ends_no_run_that_nothing_is_chosen_in():
    _, history = train(SETTINGS.model_copy(update={"patience": 2}))
    assert len(history) == SETTINGS.epochs


def fresh():
    torch.manual_seed(SETTINGS.seed)
    return build_model("recurrent", OPTIONS, InputShape(1, 16, 2, context=4), 2).state_dict()


def test_the_head_is_trained_alone_first_then_all():
    phases = SETTINGS.model_copy(update={"head_epochs": 2, "ema": 0.0})
    states = []

    def validate(model):
        states.append({key: value.clone() for key, value in model.state_dict().items()})
        return {}

    start = fresh()
    train(phases, validate=validate)
    for state in states[:2]:
        assert {key for key in state if not torch.equal(state[key], start[key])} == {"head.weight", "head.bias"}
    assert all(not torch.equal(states[-1][key], start[key]) for key in start if key.endswith("weight"))


def test_a_frozen_stage_stays_as_it_was():
    start = fresh()
    model, _ = train(SETTINGS.model_copy(update={"freeze": "inner", "epochs": 2}))
    same_as_before = {key for key, value in model.state_dict().items() if torch.equal(value, start[key])}
    assert {key for key in start if key.startswith("samples.")} <= same_as_before
    assert "outer.weight_ih_l0" not in same_as_before
    assert all(weight.requires_grad for weight in model.parameters())


def test_a_killed_run_of_two_phases_goes_on_to_the_same_weights(tmp_path):
    phases = SETTINGS.model_copy(update={"head_epochs": 2, "layer_decay": 0.5})
    unbroken, _ = train(phases)
    for at in (1.5, 3.5):
        with pytest.raises(Killed):
            train(phases, checkpoint=tmp_path / "state.pt", watcher=Killer(at))
    assert same(train(phases, checkpoint=tmp_path / "state.pt")[0], unbroken)


def test_each_phase_has_its_own_rise_and_fall_of_the_rate():
    settings = SETTINGS.model_copy(update={"epochs": 10, "head_epochs": 4, "head_lr": 0.1, "lr": 0.01, "warmup": 0.5})
    assert learning_rate(2.0, settings) == pytest.approx(0.1)
    assert learning_rate(3.999, settings) < 1e-3
    assert learning_rate(7.0, settings) == pytest.approx(0.01)
    assert learning_rate(10.0, settings) == pytest.approx(0.0, abs=1e-12)


def test_only_matrices_decay_and_the_head_learns_fastest():
    model = build_model("recurrent", OPTIONS, InputShape(1, 16, 2, context=4), 2)
    groups = parameter_groups(model, SETTINGS.model_copy(update={"layer_decay": 0.5}))
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    for group in groups:
        matrices = {weight.ndim > 1 for weight in group["params"]}
        assert matrices == {group["weight_decay"] > 0}
    assert [group["scale"] for group in groups if any(one is model.head.weight for one in group["params"])] == [1.0]


@pytest.mark.parametrize(("batch_size", "share"), [(4, 0.95), (2, 0.9), (1, 0.5)])
def test_virtual_windows_leave_room_for_recorded_ones_in_the_smallest_batch(batch_size, share):
    settings = SETTINGS.model_copy(update={"epochs": 1, "batch_size": batch_size})
    even = np.ones(len(WINDOWS))
    data = TrainingData(WINDOWS, 4, even, virtual=WINDOWS, virtual_weight=even, virtual_share=share)
    model = build_model("recurrent", OPTIONS, InputShape(1, 16, 2, context=4), 2)
    (row,) = fit(model, data, Classify(settings), settings, device=CPU)
    assert np.isfinite(row["loss"])


def test_every_window_counts_once_an_epoch_whatever_the_offset():
    for seed in range(20):
        for burn_in in (0, 2):
            rows, counts = cut_sequences(WINDOWS, 7, burn_in, np.random.default_rng(seed))
            assert sorted(rows[counts].tolist()) == list(range(len(WINDOWS)))
            assert (WINDOWS.recording[rows] == WINDOWS.recording[rows[:, :1]]).all()


def test_gathering_on_the_device_equals_gathering_by_hand():
    resident = ResidentWindows(WINDOWS, CPU)
    rows = torch.tensor([[0, 1], [200, 201]])
    expected = WINDOWS.gather(rows.flatten().numpy()).reshape(2, 2, 1, 16)
    np.testing.assert_array_equal(resident.samples(rows).numpy(), expected)


def test_samples_that_a_network_does_not_look_at_are_not_gathered():
    rows = torch.tensor([[0, 1, 2], [200, 201, 202]])
    absent = ResidentWindows(WINDOWS, CPU, with_samples=False)
    assert absent.samples(rows).shape == ResidentWindows(WINDOWS, CPU).samples(rows).shape
    assert not absent.samples(rows).any()
    even = np.ones(len(WINDOWS))
    features_only = OPTIONS | {"stem": [], "hidden": 0}
    losses = []
    for looks in (True, False):
        torch.manual_seed(0)
        model = build_model("recurrent", features_only, InputShape(1, 16, 2, context=4), 2)
        assert not model.reads_samples
        model.reads_samples = looks
        settings = SETTINGS.model_copy(update={"epochs": 1})
        losses.append(fit(model, TrainingData(WINDOWS, 4, even), Classify(settings), settings, device=CPU)[0]["loss"])
    assert losses[0] == losses[1]


def test_predicting_once_equals_running_every_context_by_itself():
    model, _ = train(SETTINGS.model_copy(update={"epochs": 1}))
    found = Networks([model], ANSWER, context=4, device=CPU).predict(WINDOWS)
    for number in (0, 2, 3, 149, 150, 299):
        first = max(number - 3, 0 if number < 150 else 150)
        rows = np.arange(first, number + 1)
        with torch.inference_mode():
            logits = model(torch.from_numpy(WINDOWS.gather(rows))[None], torch.from_numpy(WINDOWS.features[rows])[None])
        np.testing.assert_allclose(torch.softmax(logits[0, -1], -1).numpy(), found[number], atol=1e-6)


def test_the_learning_rate_rises_then_falls_to_nothing():
    assert warm_cosine(0.0, 0.1) < 0.02
    assert warm_cosine(0.1, 0.1) == 1.0
    assert warm_cosine(1.0, 0.1) == pytest.approx(0.0, abs=1e-12)


def test_weights_balance_classes_and_subjects():
    label = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, -1])
    subject = np.array(list("aaaaaaaabb"))
    flat = balance(label, subject, class_power=0.0, subject_power=0.0)
    assert flat[:9].tolist() == [1.0] * 9
    assert flat[9] == 0
    even = balance(label, subject, class_power=1.0, subject_power=1.0)
    assert even[:6].sum() == pytest.approx(even[6:].sum())
    assert even[6:8].sum() == pytest.approx(even[8])


def test_a_loss_that_is_no_number_stops_with_advice():
    broken = two_classes("a")
    broken.signals[0][0, 48] = np.nan
    with pytest.raises(ValueError, match=r"lower train\.lr"):
        train(windows=broken)
