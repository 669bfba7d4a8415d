"""Train, evaluate, cross-validate, monitor, score alarms: the parts of biosig put together, and nothing else."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from biosig.runs.alarm_evaluation import evaluate_alarms
    from biosig.runs.clustering import cluster, template_names
    from biosig.runs.crossing import cross_validate
    from biosig.runs.evaluating import evaluate
    from biosig.runs.listing import bundles, parts, recipes
    from biosig.runs.marking import compare_files, write_beats
    from biosig.runs.training import train
    from biosig.runs.watching import monitor

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "alarm_evaluation": ["evaluate_alarms"],
        "clustering": ["cluster", "template_names"],
        "crossing": ["cross_validate"],
        "evaluating": ["evaluate"],
        "listing": ["bundles", "parts", "recipes"],
        "marking": ["compare_files", "write_beats"],
        "training": ["train"],
        "watching": ["monitor"],
    },
)

__all__ = [
    "bundles",
    "cluster",
    "compare_files",
    "cross_validate",
    "evaluate",
    "evaluate_alarms",
    "monitor",
    "parts",
    "recipes",
    "template_names",
    "train",
    "write_beats",
]
