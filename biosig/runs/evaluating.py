"""``biosig evaluate``: the figures of a bundle on people it was not trained on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.bundle import Bundle, load
from biosig.datasets.corpus import Corpus
from biosig.datasets.pictures import Pictures
from biosig.datasets.registry import open_corpus
from biosig.datasets.splits import Split
from biosig.errors import DatasetError
from biosig.evaluation.report import MISTAKES, Picture, write_report
from biosig.runs.aims import Aim, aim_of
from biosig.runs.anomaly_gallery import ODD_AND_USUAL
from biosig.runs.preparing import Positions, Say, prepare, quiet
from biosig.runs.rebuilding import REBUILT
from biosig.runs.saliency import NOTE
from biosig.runs.task_figures import Scored, task_figures
from biosig.runs.training import named, write_json
from biosig.windows.index import Windows

__all__ = ["evaluate"]

PARTS = ("test", "validation", "train")
LABEL_NAMES = {"N": "normal", "S": "supraventricular", "V": "ventricular", "F": "fusion"}


def evaluate(
    bundle: str | Path | Bundle,
    *,
    data: str | Path | None = None,
    part: str = "test",
    out: str | Path | None = None,
    device: str = "auto",
    say: Say = quiet,
) -> dict[str, Any]:
    """Score a bundle on one part of its database's split; returns and writes ``metrics.json`` and ``report.html``.

    Where labels belong to beats, ``classes`` are figures at annotated positions, comparable with the literature,
    and ``detected`` are end-to-end figures: detector, classifier, and the comparison of EC57. Beside them comes what
    the recipe names under ``figures``, :mod:`biosig.runs.task_figures`.

    Parameters
    ----------
    bundle : a bundle or its folder.
    data : folder of the database; else ``BIOSIG_DATA``, else the shipped sample.
    part : ``test``, ``validation`` or ``train``; for ``test`` in a split without one, ``validation``.
    out : folder for the two files; ``None`` writes nothing.

    Raises
    ------
    DatasetError : none of the part's records is there.
    """
    if part not in PARTS:
        raise ValueError(f"split must be one of {', '.join(PARTS)}, got {part!r}")
    opened = bundle if isinstance(bundle, Bundle) else load(bundle)
    corpus = open_corpus(opened.recipe.data.dataset, None if data is None else Path(data))
    split = corpus.split(opened.recipe.data.split)
    if part == "test" and not split.test:
        say("no test records were published: scoring those that were held out of training")
        part = "validation"
    records, missing = _records(corpus, split, opened, part)
    for line in filter(None, (split.note, f"not in {corpus.folder}: {', '.join(missing)}" if missing else "")):
        say(line)
    by_beats = corpus.labels_beats
    at: Positions | None = "reference" if by_beats else None
    windows = prepare(corpus, records, opened.recipe, positions=at, say=say)
    aim = aim_of(opened.recipe)
    outputs = opened.outputs(windows, device=device)
    metrics = aim.report(windows, outputs, opened.decision)
    extra = task_figures(Scored(opened.recipe, corpus, windows, outputs, aim.answer.number(outputs, opened.decision)))
    metrics |= extra.metrics
    metrics |= _as_chosen(opened)
    metrics["protocol"] = _protocol(opened, corpus, split, part, records, missing)
    seen = set(windows.subjects).intersection(opened.manifest.get("provenance", {}).get("subjects", ()))
    if seen == set(windows.subjects):
        metrics["protocol"]["caution"] = "the bundle was trained on every one of these subjects: this is not a test"
        say(f"caution: {metrics['protocol']['caution']}")
    elif seen and part == "test":
        metrics["without_shared_subjects"] = _without(aim, windows, outputs, opened.decision, seen)
    if by_beats:
        say("detecting beats, scoring end to end")
        found = prepare(corpus, records, opened.recipe, positions="detected", say=say)
        _add_end_to_end(
            metrics, aim, corpus, windows, found, opened.outputs(found, device=device), opened.decision, seen
        )
    if out is not None:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "metrics.json", metrics)
        gallery = aim.gallery(opened, corpus, windows, outputs)
        _write_html(folder / "report.html", opened, corpus, metrics, gallery, extra.timelines)
    return metrics


def _add_end_to_end(
    metrics: dict[str, Any],
    aim: Aim,
    corpus: Corpus,
    given: Windows,
    found: Windows,
    outputs: NDArray[np.float64],
    decision: NDArray[np.float64],
    seen: Collection[str],
) -> None:
    """Add the figures at detected beats ``found`` (outputs (n, width)); without subjects seen in training, too."""
    metrics["detected"] = aim.report_detected(corpus, given, found, outputs, decision)
    if "without_shared_subjects" in metrics:
        kept = [number for number, who in enumerate(found.subjects) if who not in seen]
        rest, own = found.of_recordings(kept), np.isin(found.recording, kept)
        metrics["without_shared_subjects"]["detected"] = aim.report_detected(
            corpus, given.of_recordings(kept), rest, outputs[own], decision
        )


def _records(corpus: Corpus, split: Split, bundle: Bundle, part: str) -> tuple[list[str], list[str]]:
    """The part's records that are there, and those that are not."""
    if part == "validation" and not split.validation:
        prefix = f"{corpus.name}/"
        wanted = tuple(name.removeprefix(prefix) for name in bundle.manifest["provenance"]["validated_on"])
    else:
        wanted = getattr(split, part)
    if not wanted:
        raise DatasetError(
            f"{corpus.name}: no {part} records in the split or held out by the bundle {bundle.recipe.name!r}"
        )
    found = [record for record in wanted if corpus.has(record)]
    if not found:
        raise DatasetError(
            f"{corpus.folder}: holds none of the {len(wanted)} {part} records of split {bundle.recipe.data.split!r}"
            f" ({', '.join(wanted[:6])}{', ...' if len(wanted) > 6 else ''}); "
            f"fetch the database with: biosig data get {corpus.name} {corpus.folder}"
        )
    return found, [record for record in wanted if record not in found]


def _as_chosen(bundle: Bundle) -> dict[str, Any]:
    """``chosen``: what training said of the threshold, and on whom it was chosen; empty where it said nothing."""
    figures = bundle.manifest.get("metrics", {})
    if "budget" not in figures:
        return {}
    sensitivity = {name: {"sensitivity": row["sensitivity"]} for name, row in figures["classes"].items()}
    kept = {key: figures[key] for key in ("budget", "budget_per_hour", "threshold", "trade_off")}
    return {"chosen": kept | {"classes": sensitivity, "what": figures["protocol"]["what"]}}


def _without(
    aim: Aim, windows: Windows, outputs: NDArray[np.float64], decision: NDArray[np.float64], seen: set[str]
) -> dict[str, Any]:
    """Figures without the subjects that training has seen too."""
    kept = replace(windows, label=np.where(np.isin(windows.subject, list(seen)), -1, windows.label))
    left_out = sorted({name for name, who in zip(windows.names, windows.subjects, strict=True) if who in seen})
    report = aim.report(kept, outputs, decision)
    return {"left_out": left_out} | {key: report[key] for key in aim.short}


def _protocol(
    bundle: Bundle, corpus: Corpus, split: Split, part: str, records: Sequence[str], missing: Sequence[str]
) -> dict[str, str]:
    """What a reader must know about how the figures were made."""
    is_picture = isinstance(corpus, Pictures)
    many = f"{len(records)} {'pictures' if is_picture else 'records'}"
    what = f"{corpus.title}{' sample' if corpus.is_sample else ''}, {part} part, {many}"
    begin = "its beat" if bundle.recipe.cutter.positions else "its window begins"
    lines = {
        "what": what,
        "split": f"{'sample' if corpus.is_sample else bundle.recipe.data.split}; {split.note}".rstrip("; "),
        "records": named(records),
        "missing records": named(missing),
        "decision": _decision(bundle),
        "positions": "annotated beats; end-to-end figures at detected beats" if corpus.labels_beats else "",
        "latency": "" if is_picture else f"a score is due {bundle.manifest.get('latency_s', 0):.2f} s after {begin}",
        "intervals": f"95 %, bootstrap over {'subjects' if is_picture else 'patients'}, 1,000 draws",
    }
    return {key: text for key, text in lines.items() if text}


def _write_html(
    path: Path,
    bundle: Bundle,
    corpus: Corpus,
    metrics: dict[str, Any],
    gallery: Sequence[Picture],
    timelines: Sequence[Picture],
) -> None:
    provenance = bundle.manifest.get("provenance", {})
    options, protocol = bundle.recipe.model.options, metrics["protocol"]
    about = {
        "bundle": bundle.recipe.name,
        "what it does": bundle.recipe.summary,
        "evaluated on": protocol["what"],
        **({"caution": protocol["caution"]} if "caution" in protocol else {}),
        "trained on": f"{provenance.get('dataset')}, {len(provenance.get('trained_on', ()))} records",
        "model": ", ".join([bundle.recipe.model.name, *(f"{key} {value}" for key, value in options.items())]),
        "networks averaged": len(bundle.models),
        "seeds": ", ".join(map(str, provenance.get("seeds", ()))),
        "data": corpus.citation,
    }
    write_report(
        path,
        title=f"{bundle.recipe.name}: {protocol['what']}",
        metrics=metrics,
        provenance=about,
        gallery=gallery,
        gallery_head=_head(bundle, corpus),
        timelines=timelines,
        label_names=LABEL_NAMES,
    )


def _decision(bundle: Bundle) -> str:
    """How a classifier's answer came to be; nothing where the likeliest class was taken as it is."""
    settings, told = bundle.recipe.train, []
    if calibration := bundle.manifest.get("metrics", {}).get("protocol", {}).get("calibration"):
        told.append(f"probabilities calibrated {calibration}")
    if settings.objective == "classify" and settings.prior_power is not None:
        whose = "validation" if settings.calibrate else "training"
        told.append(
            f"a class counts by its share of the {whose} windows to the power {settings.prior_power:g} (0: every class "
            f"the same); added to log probabilities: {', '.join(f'{shift:+.2f}' for shift in bundle.decision)}"
        )
    return "; ".join(told)


def _head(bundle: Bundle, corpus: Corpus) -> tuple[str, str]:
    """Heading of the gallery and what it shows."""
    reconstructs = bundle.recipe.train.objective == "reconstruct"
    if not isinstance(corpus, Pictures):
        return ODD_AND_USUAL if reconstructs else MISTAKES
    return REBUILT if reconstructs else ("Where the network looked", NOTE)
