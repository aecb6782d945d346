"""Weight gradients of images of few channels: a row of taps taken as channels gives the bits of NumPy's products."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.compiled.unfold import is_worth_unfolding
from accelsim.formats import format_by_name

CARRIER = Carrier.of(format_by_name("int8"), format_by_name("int16"))
KERNELS = {"1 thread": CompiledKernels(1), "3 threads, no VNNI": CompiledKernels(3, use_vnni=False, grain=64)}


@pytest.mark.parametrize("kernels", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize(("channels", "kernel"), [(1, (5, 5)), (3, (3, 3)), (4, (7, 7)), (10, (1, 3))])
@pytest.mark.parametrize(("stride", "padding"), [((1, 1), (1, 1)), ((2, 2), (3, 2)), ((1, 3), (0, 0))])
def test_row_of_taps_gives_the_same_gradient(channels, kernel, stride, padding, kernels, rng):
    assert is_worth_unfolding(channels, kernel[1])
    height, width = 9, 11
    rows, columns = ((size + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i, size in enumerate((height, width)))
    x = rng.integers(-128, 128, (5, height, width, channels)).astype(np.int8)
    g = rng.integers(-32768, 32768, (5, rows, columns, 6)).astype(np.int16)
    expected = NumpyKernels().conv2d_backward_weights(x, g, kernel, stride, padding, CARRIER)
    found = kernels.conv2d_backward_weights(x, g, kernel, stride, padding, CARRIER)
    np.testing.assert_array_equal(expected, np.asarray(found))


@pytest.mark.parametrize(("channels", "taps"), [(3, 1), (16, 3), (11, 3), (12, 2)])
def test_wide_pixels_stay_as_they_are(channels, taps):
    assert not is_worth_unfolding(channels, taps)
