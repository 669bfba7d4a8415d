"""A bundle: what ``train`` writes and everything else reads.

A folder, never a pickle::

    recipe.toml           the recipe, every default written out
    weights.safetensors   the networks' weights
    manifest.json         labels, layout, decision, figures with intervals, provenance, SHA-256 of each file
    MODEL_CARD.md         the same for people
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from biosig.errors import BundleError, RecipeError
from biosig.models.contract import InputShape
from biosig.models.registry import build_model
from biosig.recipe import Recipe, parse_recipe
from biosig.records.recording import Layout, Recording
from biosig.scoring.leads import check_fits
from biosig.scoring.scorer import Scorer
from biosig.training.answers import Answer, answer_of
from biosig.training.device import choose_device
from biosig.training.predict import Networks
from biosig.windows.index import Windows
from biosig.windows.stream import cut_recording

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bundle", "find_bundle", "list_bundles", "load"]

FORMAT = 1

SHIPPED = Path(__file__).parent / "bundles"
"""Where the bundles that come with biosig are, a folder each."""

CHECKED = ("recipe.toml", "weights.safetensors", "MODEL_CARD.md")
"""Files that the manifest vouches for."""

MOST_LISTED = 60
"""The model card counts longer lists."""

PIECE_S = 600.0
"""Seconds of a recording that are scored at a time."""


@dataclass(eq=False)
class Bundle:
    """Trained networks with everything needed to use them as they were trained.

    Parameters
    ----------
    recipe : the recipe they were trained by.
    models : one network, or several whose outputs are averaged.
    shape : what the networks are fed.
    decision : float64 (answer.width,), what labels hang on: added to the log probabilities before the largest is taken,
        or the score from which on a window is an anomaly; chosen on validation subjects.
    manifest : provenance and figures; ``save`` adds the checksums.
    folder : where it was saved to or loaded from.
    """

    recipe: Recipe
    models: Sequence[nn.Module]
    shape: InputShape
    decision: NDArray[np.float64]
    manifest: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def answer(self) -> Answer:
        """How the networks' outputs are read."""
        return answer_of(self.recipe)

    @property
    def labels(self) -> tuple[str, ...]:
        """What scores are labelled: classes in the order of the probabilities, or ``normal`` and ``anomaly``."""
        return self.answer.labels

    @property
    def anomaly_threshold(self) -> float | None:
        """The score from which on a window is an anomaly; None for a bundle that classifies."""
        return float(self.decision[0]) if self.recipe.train.objective == "reconstruct" else None

    def check_fits(self, layout: Layout) -> None:
        """``BundleError`` saying what the bundle needs and the source has, where they do not fit."""
        check_fits(self.recipe, layout)

    def windows(self, recording: Recording, *, beats_s: NDArray[np.float64] | None = None) -> Windows:
        """The recording's windows, exactly as in training, unlabelled."""
        self.check_fits(recording.layout)
        channels = self.recipe.data.channels
        chosen = recording.fill(channels) if self.recipe.data.may_miss else recording.pick(channels)
        return cut_recording(chosen, self.recipe.chain, self.recipe.cutter, beats_s=beats_s)

    def outputs(self, windows: Windows, *, device: str = "auto") -> NDArray[np.float64]:
        """What the networks say of windows cut by this bundle: (n, n_classes) probabilities, or (n, 1) scores."""
        return self._networks(device).predict(windows)

    def embed(self, source: Recording | Windows, *, device: str = "auto") -> NDArray[np.float32]:
        """A vector per window from the networks' inner (latent) space, those of several networks side by side.

        Parameters
        ----------
        source : a recording, or windows cut by this bundle.

        Returns
        -------
        float32 (n_windows, width); the rows of ``self.windows(recording)``.
        """
        windows = source if isinstance(source, Windows) else self.windows(source)
        return self._networks(device).embed(windows)

    def _networks(self, device: str) -> Networks:
        context = self.recipe.windows.context
        return Networks(self.models, self.answer, context=context, device=choose_device(device))

    def probabilities(self, windows: Windows, *, device: str = "auto") -> NDArray[np.float64]:
        """Class probabilities (n, n_classes) of windows cut by this bundle; (n, 0) where it does not classify."""
        return self.answer.probabilities(self.outputs(windows, device=device))

    def decide(self, outputs: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which of ``labels`` each window gets (n,) by the bundle's decision rule."""
        return self.answer.number(outputs, self.decision)

    def score(
        self, recording: Recording, *, lead_map: Mapping[str, str] | None = None, device: str = "auto"
    ) -> pd.DataFrame:
        """One row per window of the recording: a :class:`~biosig.scoring.scorer.Scorer` fed piece by piece.

        Parameters
        ----------
        recording : any length; a piece of it is in memory at a time.
        lead_map : channel of the recording -> channel of the bundle that it stands in for.

        Returns
        -------
        DataFrame with ``time_s`` (R peak, or start of the window), ``ready_s`` (when the score was due),
        ``good`` (usable share), ``usable`` (whether it suffices), ``label``, and ``p_<label>`` per class, or
        ``anomaly``. Where ``usable`` is false the label is ``""``: silence never looks like health.
        """
        import pandas as pd

        scorer = Scorer(self, recording.layout, lead_map=lead_map, device=device)
        scores = [score for piece in recording.chunks(PIECE_S) for score in scorer.push(piece)] + scorer.flush()
        columns: dict[str, Any] = {
            "time_s": np.array([score.time_s for score in scores], dtype=np.float64),
            "ready_s": np.array([score.ready_s for score in scores], dtype=np.float64),
            "good": np.array([score.good for score in scores], dtype=np.float32),
            "usable": np.array([score.usable for score in scores], dtype=np.bool_),
            "label": np.array([score.label for score in scores], dtype=object),
        }
        if self.anomaly_threshold is not None:
            return pd.DataFrame(columns | {"anomaly": np.array([score.anomaly for score in scores], dtype=np.float64)})
        probabilities = np.array([score.probs for score in scores]).reshape(-1, len(self.labels))
        return pd.DataFrame(columns | {f"p_{name}": probabilities[:, i] for i, name in enumerate(self.labels)})

    def save(self, folder: Path) -> None:
        """Write the bundle in a folder inside ``folder`` and move its files up, so that there is never half a bundle.

        Inside, because what lies around ``folder`` may be another disk or not writable.
        """
        folder = Path(folder)
        beside = folder / ".partial"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        (beside / "recipe.toml").write_text(self.recipe.to_toml(), encoding="utf-8")
        tensors = {
            f"{number}.{name}": value.detach().cpu().contiguous()
            for number, model in enumerate(self.models)
            for name, value in model.state_dict().items()
        }
        (beside / "weights.safetensors").write_bytes(save(tensors))
        manifest = self.manifest | {
            "format": FORMAT,
            "name": self.recipe.name,
            "labels": list(self.recipe.data.labels),
            "layout": {"channels": list(self.recipe.data.channels), "unit": self.recipe.data.unit},
            "shape": vars(self.shape),
            "members": len(self.models),
            "decision": self.decision.tolist(),
        }
        (beside / "MODEL_CARD.md").write_text(_model_card(manifest, self.recipe), encoding="utf-8")
        manifest["sha256"] = {name: hashlib.sha256((beside / name).read_bytes()).hexdigest() for name in CHECKED}
        (beside / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        _put_in_place(beside, folder)
        self.manifest, self.folder = manifest, folder


def _put_in_place(beside: Path, folder: Path) -> None:
    """Move the finished files of ``beside`` into ``folder``, the manifest last: it vouches for the others."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").unlink(missing_ok=True)
    for name in (*CHECKED, "manifest.json"):
        (beside / name).replace(folder / name)
    beside.rmdir()


def list_bundles() -> dict[str, Path]:
    """The bundles that come with biosig, by name."""
    return {path.parent.name: path.parent for path in sorted(SHIPPED.glob("*/manifest.json"))}


def find_bundle(name: str | Path) -> Path:
    """The folder of a bundle: ``name`` itself where a bundle lies there, else that of the shipped bundle of this name.

    ``BundleError`` naming those there are.
    """
    folder = Path(name)
    if (folder / "manifest.json").is_file():
        return folder
    shipped = list_bundles()
    if str(name) in shipped:
        return shipped[str(name)]
    names = f"; shipped with biosig: {', '.join(shipped)}" if shipped else ""
    raise BundleError(
        f"{folder}: no bundle here (no manifest.json){names}; train one: biosig train RECIPE --out {folder}"
    )


def load(name: str | Path) -> Bundle:
    """The bundle in a folder, or the shipped one of this name; see :func:`find_bundle`.

    ``BundleError`` where there is none, or where a file is missing, changed or does not fit the others.
    """
    folder = find_bundle(name)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise BundleError(f"{folder}: bundle format {manifest['format']}, this biosig reads {FORMAT}")
        _check_files(folder, manifest["sha256"])
        recipe = parse_recipe(tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8")), where=f"{folder}")
        shape = InputShape(**manifest["shape"])
        models = _load_models(folder, recipe, shape, int(manifest["members"]))
        decision = np.array(manifest["decision"], dtype=np.float64)
        if decision.shape != (answer_of(recipe).width,):
            raise ValueError(f"decision must hold {answer_of(recipe).width} numbers, got {decision.shape}")
    except (ValueError, KeyError, TypeError, RuntimeError, RecipeError, SafetensorError) as error:
        raise BundleError(f"{folder}: damaged bundle: {type(error).__name__}: {error}") from None
    return Bundle(recipe=recipe, models=models, shape=shape, decision=decision, manifest=manifest, folder=folder)


def _check_files(folder: Path, checksums: dict[str, str]) -> None:
    for name in CHECKED:
        path, expected = folder / name, checksums[name]
        if not path.is_file():
            raise BundleError(f"{folder}: {name} is missing from the bundle")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise BundleError(f"{path}: changed since it was written (SHA-256 {found[:12]}, expected {expected[:12]})")


def _load_models(folder: Path, recipe: Recipe, shape: InputShape, members: int) -> list[nn.Module]:
    tensors = load_file(folder / "weights.safetensors")
    models = []
    for number in range(members):
        with torch.random.fork_rng(devices=[]):
            model = build_model(recipe.model.name, recipe.model.options, shape, len(recipe.data.labels))
        prefix = f"{number}."
        state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        expected = {key: value.shape for key, value in model.state_dict().items()}
        if {key: value.shape for key, value in state.items()} != expected:
            raise BundleError(
                f"{folder}: weights.safetensors does not fit network {recipe.model.name!r} of this biosig, "
                f"another version wrote it; train the bundle again"
            )
        model.load_state_dict(state)
        models.append(model.eval())
    return models


def _model_card(manifest: dict[str, Any], recipe: Recipe) -> str:
    """The model card, after Mitchell et al. 2019, doi:10.1145/3287560.3287596."""
    provenance = manifest.get("provenance", {})
    figures = manifest.get("metrics", {})
    return "\n".join(
        [
            f"# {recipe.name}",
            "",
            recipe.summary,
            "",
            "For research use only; not a medical device.",
            "",
            *(["## Known weaknesses", "", *[f"- {caveat}" for caveat in recipe.caveats], ""] if recipe.caveats else []),
            "## Input",
            "",
            f"{', '.join(recipe.data.channels)} in {recipe.data.unit}; a score is due at most "
            f"{manifest.get('latency_s', 0):.2f} s after the event it is about.",
            "",
            "## Training data",
            "",
            *[f"- {key}: {_listed(value)}" for key, value in provenance.items()],
            "",
            f"## Figures ({figures.get('protocol', {}).get('what', 'none measured')})",
            "",
            *_figure_rows(figures),
            "",
        ]
    )


def _figure_rows(figures: dict[str, Any]) -> list[str]:
    """A table of figures per class, of a classifier or of an anomaly detector, and what its threshold gave."""
    columns = {"sensitivity": "sensitivity", "ppv": "positive predictivity", "f1": "F1"}
    said: list[str] = []
    if "false_alarms" in figures:
        columns = {"auroc": "AUROC", "auprc": "AUPRC", "sensitivity": "sensitivity"}
        alarms = figures["false_alarms"]
        said = [
            f"All against normal windows: AUROC {_figure(figures['auroc'])}, AUPRC {_figure(figures['auprc'])}. "
            f"Threshold {figures['threshold']:.3f}, chosen for a budget of {figures['budget_per_hour']:g} false alarms "
            f"an hour; there were {alarms['minutes']} in {alarms['hours']:.1f} h.",
            *_promise(figures),
            "",
        ]
    rows = [
        f"| {name} | {' | '.join(_figure(row.get(key)) for key in columns)} | {row.get('support', '')} |"
        for name, row in figures.get("classes", {}).items()
    ]
    head = [f"| class | {' | '.join(columns.values())} | windows |", "|---|---|---|---|---|"]
    return [*said, *head, *rows] if rows else []


def _promise(figures: dict[str, Any]) -> list[str]:
    """What a budget of false alarms lets expect of further patients."""
    budget = figures.get("budget")
    if budget is None or budget["expected"] is None:
        return []
    expected = budget["expected"]
    bounds = "" if expected["ci95"] is None else " (95 % {:.2f} to {:.2f})".format(*expected["ci95"])
    above = ", ".join(f"{name} {expected['each'][name]:.1f}" for name in expected["above"][:MOST_LISTED]) or "nobody"
    return [
        f"The budget is a mean over patients, kept with {100 * budget['confidence']:g} % confidence. Expected of other "
        f"patients, each at the threshold that all others would have given: {expected['mean']:.2f} an hour{bounds}, "
        f"median {expected['median']:.2f}, worst {expected['worst']:.1f}; beyond the budget: {above}."
    ]


def _listed(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    if len(value) > MOST_LISTED:
        return f"{len(value)} from {value[0]} to {value[-1]} (all in manifest.json)"
    return ", ".join(map(str, value)) or "none"


def _figure(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
