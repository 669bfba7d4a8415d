"""One HTML file that says how well a model does, for whom, and what it gets wrong; it needs nothing from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from biosig.evaluation.figures import plot_calibration, plot_precision_recall
from biosig.evaluation.markup import Cell, chart, definitions, interval, number, picture, section, spoken, table
from biosig.evaluation.report_anomaly import anomaly_cards, anomaly_sections
from biosig.evaluation.report_tasks import recording_tables, szcore_tables, trial_tables
from biosig.records.whole import written_whole

__all__ = ["MISTAKES", "Picture", "write_report"]

MISTAKES = ("The worst mistakes", "Where the model was most certain of the wrong answer.")

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."


class Picture(NamedTuple):
    """One picture of the gallery.

    Parameters
    ----------
    image : a matplotlib figure, or the bytes of a PNG file.
    caption : what it shows, in a line or two.
    alt : the same for those who do not see it; the caption where empty.
    """

    image: Figure | bytes
    caption: str
    alt: str = ""


def write_report(
    path: Path | str,
    *,
    title: str,
    metrics: Mapping[str, Any],
    provenance: Mapping[str, Any],
    gallery: Sequence[Picture] = (),
    gallery_head: tuple[str, str] = MISTAKES,
    timelines: Sequence[Picture] = (),
    label_names: Mapping[str, str] | None = None,
) -> None:
    """Write a self-contained report; a figure that ``metrics`` lacks leaves its part out.

    Parameters
    ----------
    path : the HTML file; written beside and renamed, so that it is never there half.
    title : its heading.
    metrics : as :func:`biosig.evaluation.metrics.classification_report` returns them, with ``detected`` as from
        :func:`biosig.evaluation.detected.detected_report`, ``szcore`` as from
        :func:`biosig.evaluation.szcore.szcore_report`, ``trials``, and ``protocol``, free texts on how the figures
        were made.
    provenance : what was evaluated, in the order to be read (database, split, records, model, delay, seeds).
    gallery, gallery_head : pictures of the worst mistakes, worst first; or others, with their heading and what they
        show.
    timelines : charts of whole recordings.
    label_names : what each label stands for.

    Raises
    ------
    ValueError : a picture that is neither a figure nor a PNG.
    """
    names = label_names or {}
    anomalies: list[tuple[str, str, Callable[[], str]]] = [
        *anomaly_sections(metrics, names),
        ("gallery", gallery_head[0], lambda: _gallery(gallery, gallery_head[1])),
        ("protocol", "How these figures were made", lambda: _protocol(metrics)),
    ]
    classes: list[tuple[str, str, Callable[[], str]]] = [
        ("classes", "Figures per class", lambda: _classes(metrics, names)),
        ("unseen", "Without subjects that training has seen", lambda: _unseen(metrics, names)),
        ("confusion", "Confusion matrix", lambda: _confusion(metrics)),
        ("detected", "End to end, with detected positions", lambda: _detected(metrics, names)),
        ("recordings", "Recording by recording", lambda: recording_tables(metrics)),
        ("szcore", "Events, as SzCORE counts them", lambda: szcore_tables(metrics)),
        ("trials", "Trial by trial", lambda: trial_tables(metrics)),
        ("timelines", "Whole recordings", lambda: _timelines(timelines)),
        ("spread", "How much one subject decides", lambda: _spread(metrics, names)),
        ("subjects", "Subject by subject", lambda: _subjects(metrics)),
        ("curves", "Curves", lambda: _curves(metrics)),
        ("gallery", gallery_head[0], lambda: _gallery(gallery, gallery_head[1])),
        ("protocol", "How these figures were made", lambda: _protocol(metrics)),
    ]
    makers = anomalies if "false_alarms" in metrics else classes
    sections = [(anchor, heading, section(anchor, heading, make())) for anchor, heading, make in makers]
    shown = [(anchor, heading) for anchor, heading, body in sections if body]
    links = "".join(f'<li><a href="#{anchor}">{escape(heading)}</a></li>' for anchor, heading in shown)
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_asset("report.css")}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p class="notice">{NOTICE}</p>
</header>
<main>
{_cards(metrics)}{definitions(provenance) if provenance else ""}
<nav aria-label="Sections"><ul>{links}</ul></nav>
{"".join(body for _, _, body in sections)}</main>
<footer>{NOTICE} Written by biosig.</footer>
<script>
{_asset("report.js")}</script>
</body>
</html>
"""
    with written_whole(Path(path)) as beside:
        beside.write_text(page, encoding="utf-8")


def _asset(name: str) -> str:
    return files("biosig.evaluation").joinpath(name).read_text(encoding="utf-8")


def _named(label: str, names: Mapping[str, str]) -> Cell:
    return Cell(label, names.get(label, ""))


def _bounds(figures: Mapping[str, Any], name: str) -> str:
    return interval((figures.get("ci95") or {}).get(name))


def _cards(metrics: Mapping[str, Any]) -> str:
    overall = (
        ("macro_f1", "macro-F1"),
        ("accuracy", "accuracy"),
        ("balanced_accuracy", "balanced accuracy"),
        ("auroc", "AUROC"),
        ("kappa", "Cohen's kappa"),
    )
    entries = [(text, metrics[key], _bounds(metrics, key)) for key, text in overall if key in metrics]
    entries[1:1] = [
        (f"F1 of {label}", figures.get("f1"), _bounds(figures, "f1"))
        for label, figures in metrics.get("classes", {}).items()
    ]
    if "false_alarms" in metrics:
        entries = anomaly_cards(metrics)
    items = "".join(
        f"<li><span>{escape(text)}</span><strong>{number(value)}</strong><small>{bounds}</small></li>"
        for text, value, bounds in entries
    )
    return f'<ul class="cards" aria-label="Headline figures with 95 % intervals">{items}</ul>\n' if items else ""


def _figure_cells(figures: Mapping[str, Any], *, group: bool = False) -> list[Cell]:
    """Sensitivity, PPV and F1 with their intervals."""
    return [
        Cell(number(figures.get(name)), _bounds(figures, name), group=group and name == "sensitivity")
        for name in ("sensitivity", "ppv", "f1")
    ]


def _classes(metrics: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if not metrics.get("classes"):
        return ""
    rows = [
        (
            _named(label, names),
            [
                Cell(f"{figures.get('support', 0):,}"),
                *_figure_cells(figures),
                *(Cell(number(figures.get(name))) for name in ("false_positive_rate", "auroc", "auprc")),
            ],
        )
        for label, figures in metrics["classes"].items()
    ]
    columns = ["class", "n", "sensitivity", "PPV", "F1", "false positive rate", "AUROC", "AUPRC"]
    return table("All subjects together (gross). Below each figure: 95 % interval over subjects.", columns, rows)


def _unseen(metrics: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The tables per class without recordings whose subject training has seen in another recording."""
    rest = metrics.get("without_shared_subjects")
    if not rest:
        return ""
    left_out = ", ".join(escape(name) for name in rest["left_out"])
    said = f"<p>Left out, because another recording of the same person was trained on: {left_out}.</p>"
    return said + _classes(rest, names) + _detected(rest, names)


def _detected(metrics: Mapping[str, Any], names: Mapping[str, str]) -> str:
    found = metrics.get("detected")
    if not found:
        return ""
    given = metrics.get("classes", {})
    three = ["sensitivity", "PPV", "F1"]
    rows = [
        (_named(label, names), [*_figure_cells(given.get(label, {}), group=True), *_figure_cells(figures, group=True)])
        for label, figures in found.get("classes", {}).items()
    ]
    averages = [
        [Cell("", group=True), Cell(""), Cell(number(of.get("macro_f1")), _bounds(of, "macro_f1"))]
        for of in (metrics, found)
    ]
    rows.append((Cell("macro-F1"), [*averages[0], *averages[1]]))
    text = (
        "<p>To the left what the model makes of positions that were given to it; to the right the same model fed by "
        "biosig's own detection, where what was missed and what was found in excess counts against it.</p>"
    )
    compared = table(
        "Given positions beside detected ones.",
        ["class", *three, *three],
        rows,
        groups=[("", 1), ("reference positions", 3), ("detected, end to end", 3)],
    )
    return text + compared + _qrs(found.get("qrs") or {}) + _detected_matrix(found.get("confusion") or {})


def _qrs(qrs: Mapping[str, Any]) -> str:
    if not qrs:
        return ""
    predictivity = qrs.get("positive_predictivity", qrs.get("ppv"))
    counts = [
        f"{qrs[name]:,} {name.replace('_', ' ')}" for name in ("false_negatives", "false_positives") if name in qrs
    ]
    shares = " and ".join(
        f"{name} {'undefined' if value is None else f'{100 * value:.2f} %'}"
        for name, value in (("sensitivity", qrs.get("sensitivity")), ("positive predictivity", predictivity))
    )
    tail = f" ({', '.join(counts)})" if counts else ""
    return f"<p>Detection alone: {shares}{tail}.</p>"


def _matrix(caption: str, rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A confusion matrix: counts, below them the share of their row; agreement blue, confusion orange."""
    body = []
    for name, line in zip(rows, counts, strict=True):
        total = sum(line)
        cells = [
            Cell(
                f"{count:,}",
                f"{100 * count / total:.1f} %" if total else "",
                shade=0.4 * count / total if total else 0,
                tone="accent" if column.casefold() == name.casefold() else "warm",
            )
            for column, count in zip(columns, line, strict=True)
        ]
        body.append((Cell(name), cells))
    return table(caption, ["reference", *columns], body, groups=[("", 1), ("predicted", len(columns))], kind="matrix")


def _confusion(metrics: Mapping[str, Any]) -> str:
    confusion = metrics.get("confusion")
    if not confusion:
        return ""
    labels = confusion["labels"]
    caption = "Rows: reference, columns: predicted; below each count its share of the row."
    return _matrix(caption, labels, labels, confusion["matrix"])


def _detected_matrix(confusion: Mapping[str, Any]) -> str:
    if not confusion:
        return ""
    caption = (
        "End to end. Row O: found where there is no beat; column o: missed; X and x: the same where the signal is "
        "unreadable."
    )
    return _matrix(caption, confusion["rows"], confusion["columns"], confusion["matrix"])


def _spread(metrics: Mapping[str, Any], names: Mapping[str, str]) -> str:
    parts = []
    for of, where in ((metrics, "reference positions"), (metrics.get("detected") or {}, "detected, end to end")):
        without, means, gross = (
            of.get("without_top_patient") or {},
            of.get("patient_mean") or {},
            of.get("classes") or {},
        )
        labels = [label for label in gross if without.get(label) or means.get(label)]
        rows = [
            (_named(label, names), _spread_cells(gross[label], without.get(label), means.get(label)))
            for label in labels
        ]
        if not rows:
            continue
        columns = ["class", "F1", "subject", "share", "sensitivity", "PPV", "F1", "mean", "sd", "subjects"]
        groups = [
            ("", 1),
            ("all", 1),
            ("without the subject who holds most of the class", 5),
            ("mean over subjects, F1", 3),
        ]
        parts.append(table(f"F1 of each class, {where}.", columns, rows, groups=groups))
    return "".join(parts)


def _spread_cells(
    gross: Mapping[str, Any], without: Mapping[str, Any] | None, mean: Mapping[str, Any] | None
) -> list[Cell]:
    without, mean = without or {}, mean or {}
    share = without.get("share")
    return [
        Cell(number(gross.get("f1")), group=True),
        Cell(spoken(without.get("subject")), group=True),
        Cell("–" if share is None else f"{100 * share:.0f} %"),
        *(Cell(number(without.get(name))) for name in ("sensitivity", "ppv", "f1")),
        Cell(number(mean.get("f1")), group=True),
        Cell(number(mean.get("sd"))),
        Cell(spoken(mean.get("n"))),
    ]


def _subjects(metrics: Mapping[str, Any]) -> str:
    subjects = metrics.get("subjects")
    if not subjects:
        return ""
    labels = list(dict.fromkeys(label for figures in subjects.values() for label in figures.get("classes", {})))
    rows = []
    for subject, figures in subjects.items():
        cells = [
            Cell(f"{figures['n']:,}", value=figures["n"]),
            Cell(number(figures.get("accuracy")), value=figures.get("accuracy")),
        ]
        for label in labels:
            one = figures.get("classes", {}).get(label, {})
            f1, support = one.get("f1"), one.get("support", 0)
            shade = 0.0 if f1 is None or not support else 0.45 * (1 - f1)
            text = number(f1) if support else "–"
            cells.append(Cell(text, f"of {support:,}" if support else "", shade, "warm", f1 if support else None))
        rows.append((Cell(subject, value=subject), cells))
    columns = ["subject", "n", "accuracy", *(f"F1 of {label}" for label in labels)]
    caption = "Below each F1 how many of the class the subject has; the stronger the tint, the lower. A dash: none."
    return table(caption, columns, rows, kind="sortable long")


def _curves(metrics: Mapping[str, Any]) -> str:
    curves = metrics.get("curves")
    if not curves:
        return ""
    areas = ", ".join(f"{label} {number(metrics.get('classes', {}).get(label, {}).get('auprc'))}" for label in curves)
    error = metrics.get("calibration_error")
    calibrated = "On the diagonal, a probability means what it says."
    if error is not None:
        calibrated += f" Expected calibration error {number(error)}."
    charts = chart(
        plot_precision_recall(curves),
        caption=f"Precision over recall, each class against the rest. Area under the curve: {areas}.",
        alt=f"Precision-recall curves; area under the curve {areas}",
    ) + chart(plot_calibration(curves), caption=calibrated, alt=f"Calibration curves. {calibrated}")
    return f'<div class="charts">{charts}</div>'


def _timelines(timelines: Sequence[Picture]) -> str:
    charts = (Picture(*entry) for entry in timelines)
    return "".join(
        chart(one.image, caption=one.caption, alt=one.alt or one.caption)
        if isinstance(one.image, Figure)
        else picture(one.image, caption=one.caption, alt=one.alt or one.caption)
        for one in charts
    )


def _gallery(gallery: Sequence[Picture], note: str) -> str:
    if not gallery:
        return ""
    entries = (Picture(*entry) for entry in gallery)
    pictures = "".join(picture(one.image, caption=one.caption, alt=one.alt or one.caption) for one in entries)
    return f'<p>{escape(note)}</p><div class="gallery">{pictures}</div>'


def _protocol(metrics: Mapping[str, Any]) -> str:
    return definitions(metrics["protocol"]) if metrics.get("protocol") else ""
