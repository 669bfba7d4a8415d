"""The errors that biosig raises for things a user hands it.

::

    BiosigError
    ├── RecordError    a file on disk is damaged, missing or not what it says it is
    ├── RecipeError    a recipe (configs/*.toml or --set) does not make sense
    ├── DatasetError   a database folder lacks what a recipe asks of it
    ├── WeightsError   published weights, or the package they need, are missing or not what they should be
    ├── BundleError    a bundle is damaged, or does not fit the recording
    ├── SourceError    a live source misbehaves
    └── StoreError     an event store is full, locked, or none of ours

A caller's mistake in an argument is a plain ``ValueError``. The command line
prints a ``BiosigError`` in one line and exits with 2.
"""


class BiosigError(Exception):
    """Anything wrong with a file, recipe, bundle or source given to biosig."""


class RecordError(BiosigError):
    """A recording cannot be read: says which file, what was expected, what was found."""


class RecipeError(BiosigError):
    """A recipe has an unknown key, an impossible value, or parts that do not fit."""


class DatasetError(BiosigError):
    """A database folder is missing records, labels or subjects that were asked for."""


class WeightsError(BiosigError):
    """Weights to start from cannot be fetched, are not what was published, or do not fit the network."""


class BundleError(BiosigError):
    """A bundle is incomplete, damaged, or does not fit the recording to be scored."""


class SourceError(BiosigError):
    """A live source stopped, changed its layout, or sends what it did not declare."""


class StoreError(BiosigError):
    """An event store cannot be reached or written: disk full, locked, of another version or program."""
