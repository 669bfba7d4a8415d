"""Watch recordings and live signals: bundles, sources, store and monitor put together."""

from __future__ import annotations

import math
import signal
import warnings
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, get_args

from biosig.bundle import Bundle, list_bundles, load
from biosig.compiled import compiling_told
from biosig.errors import BundleError, RecordError, SourceError, StoreError
from biosig.monitoring.exports import alarm_table, export
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.lines import Lines
from biosig.monitoring.monitor import Listener, Monitor
from biosig.monitoring.orders import Orders
from biosig.monitoring.panel import Panel
from biosig.monitoring.rules import read_rules
from biosig.monitoring.sources import Frames, OnResume, Replay, Source, record_paths
from biosig.monitoring.streams import LslStream
from biosig.monitoring.stretches import AT_ONCE, PARTS
from biosig.records.reading import READERS, read
from biosig.records.recording import Layout, Recording
from biosig.scoring.leads import LeadMapWarning

if TYPE_CHECKING:
    import pandas as pd

    from biosig.monitoring.store import Store

__all__ = [
    "SourceOptions",
    "Watched",
    "lead_map",
    "load_bundles",
    "monitor",
    "open_recording",
    "open_recordings",
    "open_store",
    "patient_name",
    "played",
    "shipped_bundles",
    "source_options",
    "stand_ins_told",
    "stop_on_signals",
]

Say = Callable[[str], None]

SIGNAL_UNITS = ("mV", "uV")
"""Units of what can be monitored: ECG and EEG."""

HOLD_S = 60.0
"""Seconds that a monitor of live signals goes on while its store cannot be written."""


@dataclass(frozen=True)
class SourceOptions:
    """What sources do not tell of themselves.

    Parameters
    ----------
    speed : seconds of signal per second for files; infinite = as fast as they can be watched.
    channels, fs, unit : of raw frames on standard input (JSON lines where ``fs`` is None), and of a Lab Streaming
        Layer stream that does not describe itself.
    on_resume : what a resumed monitor finds on standard input.
    """

    speed: float = math.inf
    channels: tuple[str, ...] = ()
    fs: float | None = None
    unit: str = "mV"
    on_resume: OnResume | None = None


@dataclass(frozen=True)
class Watched:
    """What became of a session.

    Parameters
    ----------
    ended : whether every source was seen to its end.
    alarms : raised, by patient; :func:`biosig.monitoring.exports.alarm_table`.
    files : written.
    """

    ended: bool
    alarms: pd.DataFrame
    files: tuple[Path, ...]


def monitor(
    sources: Sequence[str | Path],
    bundles: Sequence[str | Path | Bundle] = (),
    *,
    out: str | Path,
    store: str | None = None,
    options: SourceOptions | None = None,
    lead_map: Mapping[str, str] | None = None,
    rules: Path | None = None,
    resume: bool = False,
    tick_s: float = 1.0,
    device: str = "cpu",
    listeners: Sequence[Listener] = (),
    say: Say = lambda _line: None,
    stop: Callable[[], bool] = lambda: False,
    orders: Orders | None = None,
) -> Watched:
    """Watch sources until they end, keep the log in a store, and write the results.

    Parameters
    ----------
    sources : records, folders of records, ``-`` for standard input, ``lsl:NAME`` for a Lab Streaming Layer stream.
    bundles : folders, names of shipped bundles, or bundles at hand; each must fit every patient. None given = all that
        are shipped, of which each patient is watched by those that fit.
    out : folder of the results, and of ``events.sqlite``.
    store : SQLAlchemy's address of another database for the log.
    lead_map : source channel -> channel of a bundle that it stands in for.
    rules : TOML file of the alarms' rules, :func:`biosig.monitoring.rules.read_rules`; None = the shipped ones, and
        those of the bundles' recipes.
    resume : go on with the last session of the store.
    tick_s : seconds of signal watched at a time.
    device : ``auto``, ``cpu`` or ``cuda``.
    listeners : who hears of each round.
    say : takes lines for people.
    stop : asked after each round; true ends the run, to be resumed later.
    orders : what people ask for while it runs.

    Raises
    ------
    BundleError, RecipeError, RecordError, SourceError, StoreError
    """
    chosen = options or SourceOptions()
    names, out = [str(source) for source in sources], Path(out)
    loaded = load_bundles(bundles or shipped_bundles())
    chosen_rules = None if rules is None else read_rules(rules)
    live = not math.isinf(chosen.speed) or any(name.startswith("lsl:") for name in names)
    with ExitStack() as stack:
        place = open_store(out / "events.sqlite" if store is None else store, wait_s=0.25 if live else 5.0)
        stack.callback(place.close)
        config = {
            "sources": names,
            "bundles": {name: bundle.manifest.get("sha256", {}) for name, bundle in loaded.items()},
            "lead": dict(lead_map or {}),
            "tick_s": tick_s,
        }
        if not resume and store is None and place.n_sessions:
            raise StoreError(
                f"{place.name}: holds a session already; --resume goes on with it, or choose another --out"
            )
        session = place.resume(config) if resume else None
        ended = session is not None and session.ended
        if session is None or not ended:
            stack.enter_context(stand_ins_told(lead_map, say))
            stack.enter_context(compiling_told(say))
            panel = Panel(loaded, every=bool(bundles), lead_map=lead_map or {})
            opened = _open_sources(names, chosen, panel, tick_s, say)
            for source in opened:
                stack.callback(source.close)
                for layout in source.layouts.values():
                    panel.fitting(layout)
            if not bundles:
                say(_chosen_told(opened, panel))
            session = session or place.begin(config)
            ledger = Ledger(session, hold_s=HOLD_S if live else 0.0)
            watcher = Monitor(
                loaded, ledger=ledger, lead_map=lead_map, every=panel.every, rules=chosen_rules, tick_s=tick_s,
                device=device, listeners=listeners, orders=orders,
            )  # fmt: skip
            ended = watcher.run(opened, stop=stop)
            if ended and not any(bed.clock_s for bed in watcher.beds.values()):
                raise SourceError(f"{', '.join(names)}: ended before any signal came; nothing was watched")
            if not ended:
                say("stopping: the results so far are being written")
        else:
            say(f"{place.name}: everything was watched already; its results are written again")
        files = export(session, out)
        return Watched(ended, alarm_table(session), (*([out / "events.sqlite"] if store is None else []), *files))


def source_options(
    *, speed: str = "max", channels: str = "", fs: float | None = None, unit: str = "mV", on_resume: str | None = None
) -> SourceOptions:
    """Options as a shell gives them: ``speed`` a number or ``max``, ``channels`` separated by commas."""
    try:
        factor = math.inf if speed == "max" else float(speed)
    except ValueError:
        factor = 0.0
    if not factor > 0:
        raise ValueError(f"speed must be max or a number above 0, such as 1 or 10, got {speed!r}")
    if on_resume is not None and on_resume not in get_args(OnResume):
        raise ValueError(f"on-resume must be {' or '.join(get_args(OnResume))}, got {on_resume!r}")
    names = tuple(name.strip() for name in channels.split(",") if name.strip())
    goes_on: OnResume | None = None if on_resume is None else "replay" if on_resume == "replay" else "continue"
    return SourceOptions(speed=factor, channels=names, fs=fs, unit=unit, on_resume=goes_on)


def lead_map(pairs: Sequence[str]) -> dict[str, str]:
    """``["V5=MLII"]`` as ``{"V5": "MLII"}``."""
    found: dict[str, str] = {}
    for pair in pairs:
        given, separator, wanted = pair.partition("=")
        if not (separator and given.strip() and wanted.strip()):
            raise ValueError(f"--lead wants SOURCE=BUNDLE, such as V5=MLII, got {pair!r}")
        found[given.strip()] = wanted.strip()
    return found


def shipped_bundles() -> list[Bundle]:
    """The bundles that come with biosig and are for signals; ``BundleError`` where there are none."""
    found = [bundle for bundle in map(load, list_bundles().values()) if bundle.recipe.data.unit in SIGNAL_UNITS]
    if not found:
        raise BundleError("no bundle is shipped with this biosig; train one, and give its folder: --bundle FOLDER")
    return found


def load_bundles(bundles: Sequence[str | Path | Bundle]) -> dict[str, Bundle]:
    """Bundles by the name of their recipe; ``BundleError`` where two share one."""
    loaded: dict[str, Bundle] = {}
    for one in bundles:
        bundle = one if isinstance(one, Bundle) else load(one)
        name = bundle.recipe.name
        if name in loaded:
            raise BundleError(f"two bundles are called {name!r}; watch with one of them at a time")
        loaded[name] = bundle
    return loaded


def _chosen_told(sources: Sequence[Source], panel: Panel) -> str:
    """Which of the shipped bundles watch whom."""
    watched: dict[tuple[str, ...], list[str]] = {}
    for source in sources:
        for patient, layout in source.layouts.items():
            watched.setdefault(tuple(panel.fitting(layout)), []).append(patient)
    told = [f"{_listed(patients)} by {', '.join(names)}" for names, patients in watched.items()]
    later = [f"whoever comes by those that fit of {', '.join(panel.bundles)}"] if any(s.open for s in sources) else []
    return f"no --bundle given, watched with what ships with biosig: {'; '.join([*told, *later])}"


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def open_store(place: Path | str, *, wait_s: float = 5.0) -> Store:
    """The event store in a file (made where there is none) or at SQLAlchemy's address of a database."""
    try:
        from biosig.monitoring.store import Store
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        raise StoreError("the event store needs SQLAlchemy; install it with: pip install 'biosig-ml[live]'") from None
    return Store.in_file(place, wait_s=wait_s) if isinstance(place, Path) else Store(place, wait_s=wait_s)


def _open_sources(
    names: Sequence[str],
    options: SourceOptions,
    panel: Panel,
    tick_s: float,
    say: Say,
) -> list[Source]:
    files: list[str] = []
    live: list[Source] = []
    for name in dict.fromkeys(names):
        if name == "-":
            live.append(_standard_input(options))
        elif name.startswith("lsl:"):
            unit = options.unit if options.channels else ""
            live.append(LslStream(name.removeprefix("lsl:"), channels=options.channels, unit=unit))
        else:
            files.append(name)
    recordings = open_recordings(files, panel, say=say)
    if not recordings and not live:
        raise SourceError(f"{', '.join(names)}: nothing to watch: no recording fits the bundles")
    return [*([played(recordings, speed=options.speed, tick_s=tick_s)] if recordings else []), *live]


def played(recordings: Mapping[str, Recording], *, speed: float = math.inf, tick_s: float = 1.0) -> Replay:
    """Recordings as a source: at infinite speed soon as many ticks are handed over as fill several parts."""
    at_once = max(1, PARTS * AT_ONCE // max(1, len(recordings))) if math.isinf(speed) else 1
    return Replay(recordings, speed=speed, tick_s=tick_s, at_once=at_once)


def open_recordings(names: Sequence[str], panel: Panel, *, say: Say) -> dict[str, Recording]:
    """Records and folders of records by patient, with the channels that the bundles look at.

    A record that the bundles do not fit is a ``BundleError``, a damaged one a ``RecordError``; in a folder it is left
    out, which ``say`` tells.
    """
    recordings: dict[str, Recording] = {}
    for name in dict.fromkeys(names):
        for path in record_paths(Path(name)):
            try:
                found = _fitting(path, panel)
            except (BundleError, RecordError) as error:
                if not Path(name).is_dir():
                    raise
                say(f"left out: {error}")
            else:
                recordings[patient_name(path, recordings)] = found
    return recordings


def _fitting(path: Path, panel: Panel) -> Recording:
    """The recording with the channels that the bundles look at."""
    recording = read(path)
    try:
        chosen = panel.needed(recording.layout, panel.fitting(recording.layout))
    except BundleError as error:
        raise BundleError(f"{recording.name}: {error}") from None
    return _with_channels(recording, path, chosen)


def _standard_input(options: SourceOptions) -> Source:
    live = not math.isinf(options.speed)
    if options.fs is None and options.channels:
        raise SourceError("raw frames on standard input need --fs beside --channels; JSON lines need neither")
    if options.fs is None:
        return Lines(on_resume=options.on_resume, live=live)
    if not options.channels:
        raise SourceError("raw frames on standard input need --channels, --fs and --unit")
    layout = Layout(options.channels, options.fs, (options.unit,) * len(options.channels))
    return Frames(layout, on_resume=options.on_resume, live=live)


def open_recording(path: Path, channels: Sequence[str]) -> Recording:
    """The recording with those of the channels that it has; whole where it has none of them."""
    recording = read(path)
    chosen = [name for name in channels if name in recording.layout.channels]
    return _with_channels(recording, path, chosen) if chosen else recording


def _with_channels(recording: Recording, path: Path, chosen: Sequence[str]) -> Recording:
    """Where channels have rates of their own, read anew: on the grid of these alone."""
    return read(path, channels=chosen) if recording.channel_fs else recording.pick(chosen)


def patient_name(path: Path, taken: Container[str]) -> str:
    """The record's name; with its folder where another record has it."""
    name = path.stem if path.suffix.lower() in READERS else path.name
    if name in taken:
        name = str(path)
    if name in taken:
        raise SourceError(f"{path} is given twice")
    return name


@contextmanager
def stand_ins_told(lead_map: Mapping[str, str] | None, say: Say) -> Iterator[None]:
    """Say once that leads stand in for others, instead of warning for every patient and bundle."""
    if lead_map:
        shown = ", ".join(f"{given} as {wanted}" for given, wanted in lead_map.items())
        say(f"{shown}: the figures of the bundles were not measured on such leads and do not carry over")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeadMapWarning)
        yield


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM has come: the round under way is finished first; a second one ends the program."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
