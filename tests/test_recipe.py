"""A recipe is typed, says what was meant, and survives being written and read."""

import pytest

from biosig.errors import RecipeError
from biosig.recipe import list_recipes, load_recipe, parse_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_every_shipped_recipe_loads_and_survives_a_round_trip(name):
    import tomllib

    recipe = load_recipe(name)
    assert parse_recipe(tomllib.loads(recipe.to_toml()), where=name) == recipe


def test_a_setting_changes_one_key():
    recipe = load_recipe("ecg", ["train.lr=3e-4", "signal.BandPass.high_hz=35", "model.options.hidden=8"])
    assert recipe.train.lr == 3e-4
    assert recipe.signal[1]["high_hz"] == 35
    assert recipe.model.options["hidden"] == 8


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("train.lrr=1", "unknown key 'lrr'; did you mean 'lr'?"),
        ("trian.lr=1", "unknown key 'trian'; did you mean 'train'?"),
        ("train.lr=-1", "train.lr: input should be greater than 0, got -1"),
        ("train.lr", "--set wants key=value"),
        ("windows.context=8", "train.burn_in must be below windows.context=8, got 8"),
        ("train.head_epochs=99", "train.head_epochs must be below train.epochs=15, got 99"),
        ("signal.BandPas.high_hz=3", "unknown key 'BandPas'; did you mean 'BandPass'?"),
        ("train.lr.x=3", "train.lr is a single value, not a table"),
        ("signal.BandPass=3", "BandPass is a step; set one of its fields, as in signal.BandPass.FIELD=VALUE"),
        ("signal.BandPas=3", "unknown key 'BandPas'; did you mean 'BandPass'?"),
        ('data.labels=["N","N","V"]', "data.labels: needs one name or more, each once, got N, N, V"),
        ("data.channels=[]", "data.channels: needs one name or more, each once, got none"),
        ("windows.options.look_ahed_s=3", "unknown key 'look_ahed_s'; did you mean 'look_ahead_s'?"),
    ],
)
def test_a_wrong_setting_says_what_was_meant(setting, said):
    with pytest.raises(RecipeError) as caught:
        load_recipe("ecg", [setting])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_options_can_be_set_where_the_recipe_does_not_name_them():
    cutter = load_recipe("ecg", ["windows.options.history.families=5"]).cutter
    assert cutter.history.families == 5
    with pytest.raises(RecipeError, match="unknown key 'familis'; did you mean 'families'"):
        load_recipe("ecg", ["windows.options.history.familis=5"])


def test_a_missing_part_is_named_and_nothing_else(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text('summary = "too short"')
    with pytest.raises(RecipeError, match=r"^short\.toml: data must be given$"):
        load_recipe(path)


def test_an_unknown_recipe_lists_the_names():
    with pytest.raises(RecipeError, match="unknown recipe 'ecgg'; did you mean 'ecg'"):
        load_recipe("ecgg")


def test_a_broken_toml_file_is_named(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("summary = [")
    with pytest.raises(RecipeError, match=r"broken\.toml: not a TOML file"):
        load_recipe(path)
