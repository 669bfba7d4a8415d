"""What a recipe asks for is checked before anything is read."""

import pytest

from biosig.errors import RecipeError
from biosig.runs.training import open_recipe


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('train.virtual.rhythms=["bigemini"]', "unknown virtual rhythm 'bigemini'; did you mean 'bigeminy'"),
        ("train.augment.nois=0.1", "unknown augmentation 'nois'; did you mean 'noise'"),
        ("model.options.cell=rnn", "cell must be one of lstm, gru"),
        ("model.options.context_hidden=0", "context_hidden must be 1 or more, got 0"),
        ('alarm=[{name="x", priority="low", watch={condition="Rat"}}]', "unknown condition 'Rat'; did you mean 'Rate'"),
        ("model.options.stem=[8, 0]", "stem must be widths of 1 or more, got (8, 0)"),
    ],
)
def test_a_part_that_does_not_exist_is_refused_at_once(setting, said):
    with pytest.raises(RecipeError) as caught:
        open_recipe("ecg", [setting], None)
    assert said in str(caught.value)
