"""The network does what its weights were trained to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from imaging.vision import weights
from imaging.vision.errors import TensorsUnreadable
from imaging.vision.network import onnx_of
from imaging.vision.session import Levels, Network
from imaging.vision.species import levels
from imaging.vision.tensors import Tensor, read_tensors
from tests.imaging.vision import reference

# scikit-image carries no types.
# mypy: disallow-untyped-calls=False


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return read_tensors(weights.source().read_bytes())


def photograph(name: str) -> Levels:
    """The middle square of a photograph that scikit-image carries."""
    picture: NDArray[Any] = np.asarray(getattr(skimage.data, name)())
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    rows, columns = picture.shape[:2]
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    square = picture[top : top + side, left : left + side].astype(np.uint8)
    return levels(np.ascontiguousarray(square))


@pytest.mark.parametrize(
    ("name", "among"),
    [
        ("chelsea", {281, 282, 285}),  # tabby, tiger cat, Egyptian cat
        ("coffee", {967}),  # espresso
        ("camera", {872}),  # tripod
        ("rocket", {657, 744}),  # missile, projectile
    ],
)
def test_a_photograph_is_what_it_shows(network: Network, name: str, among: set[int]) -> None:
    found = network.probabilities(photograph(name))

    assert int(found.argmax()) in among
    assert found.shape == (1000,)
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)


def test_the_graph_and_the_plain_arithmetic_agree(
    network: Network, tensors: dict[str, Tensor]
) -> None:
    picture = photograph("chelsea")
    scores = reference.scores(tensors, picture.astype(float))
    odds = np.exp(scores - scores.max())

    assert network.probabilities(picture) == pytest.approx(odds / odds.sum(), abs=2e-4)


def test_the_same_picture_has_the_same_probabilities(network: Network) -> None:
    ramp = np.linspace(-1, 1, 3 * 224 * 224, dtype=np.float32).reshape(3, 224, 224)

    assert np.array_equal(network.probabilities(ramp), network.probabilities(ramp.copy()))


def test_a_picture_of_another_size_is_refused(network: Network) -> None:
    with pytest.raises(ValueError, match=r"\(3, 10, 10\); it must be \(3, 224, 224\)"):
        network.probabilities(np.zeros((3, 10, 10), np.float32))


def test_weights_of_another_network_are_refused_by_the_tensor_that_is_missing(
    tensors: dict[str, Tensor],
) -> None:
    lacking = {name: one for name, one in tensors.items() if name != "_blocks.3._bn1.bias"}
    with pytest.raises(TensorsUnreadable, match=r"no tensor _blocks\.3\._bn1\.bias of 1 dim"):
        onnx_of(lacking, note={})

    turned = tensors | {"_fc.weight": tensors["_fc.weight"].ravel()}
    with pytest.raises(TensorsUnreadable, match=r"no tensor _fc\.weight of 2 dim"):
        onnx_of(turned, note={})

    mixed = tensors | {"_conv_stem.weight": tensors["_conv_stem.weight"][:16]}
    with pytest.raises(TensorsUnreadable, match="_conv_stem and _bn0 do not belong together"):
        onnx_of(mixed, note={})
