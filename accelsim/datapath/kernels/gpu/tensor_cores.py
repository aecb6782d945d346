"""Products of bytes on tensor cores: when they are worth it, which tiles, and the launches."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

from accelsim.datapath.kernels.gpu.base import CudaBase, types

Size = tuple[int, int]
OLDEST = 75
"""Compute capability, ten times, from which tensor cores multiply bytes."""
LEAST_FILL = 1 / 8
"""Share of a tile's products that must be asked for: tensor cores make about eight times as many as ``__dp4a``."""
WORD, CHUNK = 4, 16
"""Bytes of the two units in which codes are loaded."""
THREADS = 256
PIXEL_TILE, OUTPUT_TILES, STEP_BYTES = 128, (16, 32, 64, 128), 64
"""Tile of a convolution: pixels, outputs, bytes of the reduction a step."""
GRADIENT_TILES, TERM_TILE, STEP_PIXELS = (16, 32, 64), 128, 64
"""Tile of a weight gradient: outputs, terms (taps by channels), pixels a step."""
BLOCKS_ENOUGH = 128
"""Blocks of a convolution below which tiles get smaller: about one for each multiprocessor."""
BLOCKS_WANTED = 1024
"""Blocks that share a weight gradient: enough to fill any device."""


class CudaTensorCores(CudaBase):
    """Arguments as the kernels without tensor cores have them; the same integers."""

    def convolve_fits(self, x: Any, w: Any, size: Size, kernel: Size) -> bool:
        """Whether a convolution of x (batch, height, width, in) with w (out, *kernel, in) goes to tensor cores."""
        pixels, tile = x.shape[0] * prod(size), smallest(OUTPUT_TILES, w.shape[0])
        return self._fits((pixels, PIXEL_TILE), (w.shape[0], tile), (prod(kernel) * x.shape[3], STEP_BYTES))

    def gradient_fits(self, x: Any, g: Any, kernel: Size) -> bool:
        """Whether the weight gradient of x and g (batch, rows, columns, out) does."""
        outputs, terms = g.shape[3], prod(kernel) * x.shape[3]
        tile, pixels = smallest(GRADIENT_TILES, outputs), prod(g.shape[:3])
        return self._fits((outputs, tile), (terms, TERM_TILE), (pixels, STEP_PIXELS))

    def _fits(self, *sides: tuple[int, int]) -> bool:
        """The rule: the device has them, and tiles are full enough. Sides are sizes and what they are padded to."""
        return self.launch.capability >= OLDEST and prod(fill(*side) for side in sides) >= LEAST_FILL

    def convolve_on_tensor_cores(self, x: Any, w: Any, size: Size, kernel: Size, way: tuple[int, ...]) -> Any:
        """int8 x (batch, height, width, in) with w (out, *kernel, in); ``way``: see ``cuda/convolve.cu``."""
        outputs, unit = w.shape[0], unit_of(x.shape[3])
        x, w = self.in_units(x, unit), self.in_units(w, unit)
        w = self.in_units(w.reshape(outputs, -1), CHUNK)
        out = self.xp.empty((x.shape[0], *size, outputs), dtype="int32")
        blocks, tile = ceil(x.shape[0] * prod(size) / PIXEL_TILE), smallest(OUTPUT_TILES, outputs)
        while tile > OUTPUT_TILES[0] and blocks * ceil(outputs / tile) < BLOCKS_ENOUGH:
            tile //= 2
        sizes = (*x.shape[:3], x.shape[3] // unit, *size, outputs, *kernel, *way)
        grid, named = (blocks, ceil(outputs / tile)), types(TILE_N=tile, WORDS=unit // WORD)
        self.launch("convolve_mma", named, grid, (THREADS,), (x, w, out, *sizes))
        return out

    def gradient_on_tensor_cores(self, x: Any, g: Any, kernel: Size, stride: Size, padding: Size) -> Any:
        """int8 x and int16 g (batch, rows, columns, out) to int64 (out, *kernel, in)."""
        outputs, channels = g.shape[3], x.shape[3]
        x, g = self.in_units(x, WORD), self.in_units(g, WORD)
        out = self.xp.zeros((g.shape[3], *kernel, x.shape[3]), dtype="int64")
        pixels, tile = prod(g.shape[:3]), smallest(GRADIENT_TILES, outputs)
        tiles = ceil(outputs / tile), ceil(prod(out.shape[1:]) / TERM_TILE)
        share = max(1, min(ceil(pixels / STEP_PIXELS), BLOCKS_WANTED // prod(tiles)))
        sizes = pixels, *x.shape[1:3], x.shape[3] // WORD, *g.shape[1:3], g.shape[3] // WORD, *kernel, *stride, *padding
        self.launch("weight_gradient_mma", types(TILE_M=tile), (*tiles, share), (THREADS,), (x, g, out, *sizes))
        return self.packed(out[:outputs, ..., :channels])

    def in_units(self, x: Any, unit: int) -> Any:
        """Codes with zeros up to a multiple of ``unit`` on the last axis, in row-major order, aligned for loads."""
        size = x.shape[-1]
        if size % unit == 0:
            return self.aligned(x)
        padded = self.xp.zeros((*x.shape[:-1], ceil(size / unit) * unit), dtype=str(x.dtype))
        padded[..., :size] = x
        return padded


def fill(size: int, tile: int) -> float:
    """Share of whole tiles that ``size`` fills."""
    return size / (ceil(size / tile) * tile) if size else 0.0


def smallest(tiles: tuple[int, ...], size: int) -> int:
    """The smallest tile that holds ``size``, or the largest of all."""
    return next((tile for tile in tiles if tile >= size), tiles[-1])


def unit_of(channels: int) -> int:
    """Bytes that a convolution loads at a time: whole chunks where zeros up to them add at most a quarter."""
    return CHUNK if -channels % CHUNK <= channels / 4 else WORD
