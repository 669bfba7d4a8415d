"""Every backbone keeps the contract; a new line in BACKBONES is tested for free.

Truth: the weights that come with the extra name what is in photographs; MONAI's ResNets have exactly the
parameters that torchvision publishes (122 and 320 tensors with the last layer's two).
"""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from biosig.errors import WeightsError
from biosig.imaging.backbones import BACKBONES
from biosig.models.contract import HEAD, InputShape
from biosig.models.registry import build_model, check_options
from biosig.models.transfer import Transfer

pytest.importorskip("monai", reason="needs the extra imaging")

SIDE = 32
SHAPE = InputShape(n_channels=1, length=SIDE**2, n_features=0, context=1)
NO_FEATURES = torch.zeros(2, 1, 0)
TENSORS = {"resnet18": 122, "resnet50": 320}
RESNET_NAMES = ("conv1.weight", "bn1.running_mean", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias")
PUBLISHED_NAMES = {
    "resnet18": RESNET_NAMES,
    "resnet50": RESNET_NAMES,
    "densenet121": (
        "features.conv0.weight",
        "features.denseblock1.denselayer1.norm.1.weight",
        "features.denseblock4.denselayer16.conv.2.weight",
        "features.transition2.norm.running_var",
        "features.norm5.bias",
    ),
    "efficientnet_lite0": ("_conv_stem.weight", "_blocks.15._project_conv.weight", "_bn1.running_var"),
}


@pytest.fixture(scope="module", params=BACKBONES)
def name(request) -> str:
    return request.param


def built(name: str, shape: InputShape = SHAPE, n_classes: int = 4, **options) -> Transfer:
    torch.manual_seed(0)
    return build_model("transfer", {"backbone": name, "weights": "none", "side": SIDE} | options, shape, n_classes)


@pytest.fixture(scope="module")
def model(name) -> Transfer:
    return built(name).eval()


@pytest.fixture(scope="module")
def levels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (2, 1, 1, SIDE**2), generator=generator).float()


def test_a_picture_becomes_features_and_features_logits(model, levels):
    images = levels.reshape(2, 1, SIDE, SIDE)
    features = model.features(images)
    assert features.shape == (2, model.n_features)
    torch.testing.assert_close(model.embed(levels[:, 0], NO_FEATURES[:, 0]), features)
    torch.testing.assert_close(model.decide(features[:, None]), model(levels, NO_FEATURES))
    assert model(levels, NO_FEATURES).shape == (2, 1, 4)


def test_a_batch_of_one_equals_a_batch_of_many(model, levels):
    together = model(levels, NO_FEATURES)
    for row in range(2):
        torch.testing.assert_close(
            model(levels[row : row + 1], NO_FEATURES[:1])[0], together[row], atol=1e-5, rtol=1e-4
        )


def test_grey_is_three_equal_colours(model, levels):
    images = levels.reshape(2, 1, SIDE, SIDE)
    torch.testing.assert_close(model.features(images.expand(-1, 3, -1, -1)), model.features(images))


def test_the_stages_hold_every_weight_once_and_end_with_the_head(model):
    held = [weight for group in model.parameter_groups(0.5) for weight in group.weights]
    assert len(held) == len({id(weight) for weight in held})
    assert {id(weight) for weight in held} == {id(weight) for weight in model.parameters()}
    assert list(model.stages())[-1] == HEAD


def test_every_stage_learns_but_those_that_are_frozen(model, levels):
    model = copy.deepcopy(model)
    model.freeze("stem")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()
    model(levels, NO_FEATURES).square().sum().backward()
    frozen = {id(weight) for module in model.stages()["stem"] for weight in module.parameters()}
    assert {id(weight) for weight in model.parameters() if weight.grad is None} == frozen
    same = {key for key, value in model.state_dict().items() if torch.equal(value, before[key])}
    moved = [key for key in before if key.endswith("running_mean") and key not in same]
    assert len(moved) == len([key for key in before if key.endswith("running_mean")]) - 1


def test_a_new_head_changes_the_outputs_and_nothing_before_it(model, levels):
    model = copy.deepcopy(model)
    before = model.features(levels.reshape(2, 1, SIDE, SIDE))
    model.reset_head(7)
    assert model(levels, NO_FEATURES).shape == (2, 1, 7)
    torch.testing.assert_close(model.features(levels.reshape(2, 1, SIDE, SIDE)), before, rtol=0, atol=0)


def disturbed(model: Transfer) -> Transfer:
    """A copy whose weights, and what it holds of a picture's mean and sd, are other ones."""
    other = copy.deepcopy(model)
    other.load_state_dict({key: torch.zeros_like(value) for key, value in model.state_dict().items()})
    return other


def test_weights_and_what_a_picture_must_be_like_survive_a_file(model, levels, tmp_path):
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    other = disturbed(model)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    torch.testing.assert_close(other(levels, NO_FEATURES), model(levels, NO_FEATURES), rtol=0, atol=0)


def test_weights_of_a_file_with_the_published_names_are_taken_up_head_and_all(name, model, levels, tmp_path):
    design = BACKBONES[name]
    state = {key: value.contiguous() for key, value in model.body.net.state_dict().items()}
    state |= {f"{design.head}.{key}": value.detach() for key, value in model.head.state_dict().items()}
    torch.save(state, tmp_path / "published.pth")
    other = disturbed(model)
    other.mean, other.sd, other.source = model.mean, model.sd, str(tmp_path / "published.pth")
    other.initialise(lambda _line: None)
    torch.testing.assert_close(other(levels, NO_FEATURES), model(levels, NO_FEATURES), rtol=0, atol=0)


def test_weights_of_another_network_are_refused_by_name(model, tmp_path):
    state = {key: value.contiguous() for key, value in model.body.net.state_dict().items()}
    lost = next(key for key in state if key.endswith("weight"))
    del state[lost]
    torch.save(state, tmp_path / "other.pth")
    other = copy.copy(model)
    other.source = str(tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=f"1 tensors are not those of this network, first '{lost}'"):
        other.initialise(lambda _line: None)


def test_the_networks_have_the_parameters_of_the_published_files(name, model):
    state = set(model.body.net.state_dict())
    published = PUBLISHED_NAMES[name]
    assert {BACKBONES[name].rename(one) for one in published} <= state
    if name in TENSORS:
        assert len(state) + len(("fc.weight", "fc.bias")) == TENSORS[name]


PHOTOGRAPHS = {"chelsea": {281, 282, 285}, "coffee": {967}, "china.jpg": {698}, "flower.jpg": {985, 308, 309}}
"""ImageNet classes that name what is to be seen: tabby, tiger or Egyptian cat; espresso; palace; daisy, bee or fly."""


def photograph(name: str) -> torch.Tensor:
    """The middle square of a photograph, levels (1, 3, side, side)."""
    if name.endswith(".jpg"):
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(name)
    else:
        data = pytest.importorskip("skimage.data")
        pixels = getattr(data, name)()
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side].transpose(2, 0, 1))
    return torch.from_numpy(square).float()[None]


@pytest.fixture(scope="module")
def imagenet() -> Transfer:
    shape = InputShape(3, 224 * 224, 0, 1)
    model = build_model("transfer", {"backbone": "efficientnet_lite0"}, shape, 1000)
    model.initialise(lambda _line: None)
    return model.eval()


@pytest.mark.parametrize(("name", "classes"), PHOTOGRAPHS.items())
def test_the_published_weights_name_what_is_in_photographs(imagenet, name, classes):
    logits = imagenet.decide(imagenet.features(photograph(name))[:, None]).flatten()
    assert classes & set(logits.topk(5).indices.tolist())


def test_wrong_options_say_what_is_meant():
    for options, said in (
        ({"backbone": "resnet8"}, "unknown backbone 'resnet8'; did you mean 'resnet18'"),
        ({"side": 100}, "side must be a multiple of 32 pixels, got 100"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
    ):
        with pytest.raises(ValueError, match=said):
            check_options("transfer", options)
    with pytest.raises(ValueError, match=r"pictures are square, with 1 or 3 channels .* got 2 channels of 64 pixels"):
        built("efficientnet_lite0", InputShape(2, 64, 0, 1))
