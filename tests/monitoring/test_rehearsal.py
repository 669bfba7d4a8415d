"""Before the first patient's signal, everything that is compiled or loaded at its first use is there."""

import os
import subprocess
import sys

import biosig
from biosig.datasets.mitbih import SAMPLE
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay

WATCH = """
import sys
from numba.core.registry import CPUDispatcher
import biosig
from biosig.datasets.mitbih import SAMPLE
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay

def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith("biosig.")]
    loops = {loop for module in modules for loop in vars(module).values() if isinstance(loop, CPUDispatcher)}
    return {(loop.__module__, loop.__name__, signature) for loop in loops for signature in loop.signatures}

class Told(Replay):
    begun = None

    def poll(self):
        self.begun = self.begun or compiled()
        return super().poll()

bundle = biosig.load("ecg")
source = Told({"207": biosig.read(SAMPLE / "207").crop(150, 230).pick(["MLII"])})
assert not compiled()
Monitor({bundle.recipe.name: bundle}).run([source])
print(len(source.begun), *sorted(compiled() - source.begun))
"""


def test_no_loop_is_compiled_while_somebody_is_watched():
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WATCH], capture_output=True, text=True, check=True, env=environment, timeout=300
    )
    before, *while_watched = done.stdout.split()
    assert int(before) > 5
    assert not while_watched


def test_nothing_of_the_rehearsal_is_kept(bundle):
    heard = []
    monitor = Monitor({bundle.recipe.name: bundle}, listeners=[lambda _, step: heard.extend(step.entries)])
    monitor.run([Replay({"207": biosig.read(SAMPLE / "207").crop(0, 10).pick(["MLII"])})])
    assert list(monitor.beds) == ["207"]
    assert {entry.patient for entry in heard} == {"207"}
    assert [entry.number for entry in heard] == list(range(len(heard)))
