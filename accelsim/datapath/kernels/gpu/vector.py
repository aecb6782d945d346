"""Vector unit: ReLU and pooling in one pass, rows added up by place in order."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.gpu.base import CudaBase, types

Size = tuple[int, int]


class CudaVector(CudaBase):
    """Channels-last arrays; floats add up in the order of the portable set."""

    def relu(self, x: Any) -> Any:
        if not self.knows("relu", X=x.dtype):
            return super().relu(x)
        out = self.xp.empty(x.shape, dtype=x.dtype)
        self.elementwise("relu", types(X=x.dtype, Y=x.dtype), x.size, self.packed(x), out, x.size)
        return out

    def relu_backward(self, g: Any, y: Any) -> Any:
        if not self.knows("relu_backward", X=g.dtype, Y=y.dtype):
            return super().relu_backward(g, y)
        out, named = self.xp.empty(g.shape, dtype=g.dtype), types(X=g.dtype, Y=y.dtype)
        self.elementwise("relu_backward", named, g.size, self.packed(g), self.packed(y), out, g.size)
        return out

    def max_pool2d(self, x: Any, kernel: Size, stride: Size, padding: Size, size: Size, lowest: Any) -> tuple[Any, Any]:
        if not self.knows("max_pool2d", X=x.dtype):
            return super().max_pool2d(x, kernel, stride, padding, size, lowest)
        shape = (x.shape[0], *size, x.shape[3])
        best, winner = self.xp.empty(shape, dtype=x.dtype), self.xp.empty(shape, dtype="uint8")
        sizes = (*x.shape[1:], *size, *kernel, *stride, *padding)
        arguments = self.packed(x), best, winner, best.size, *sizes, float(lowest)
        self.elementwise("max_pool2d", types(X=x.dtype, SUM="int64"), best.size, *arguments)
        return best, winner

    def average_pool2d(self, x: Any, kernel: Size, stride: Size, padding: Size, size: Size) -> Any:
        if not self.knows("average_pool2d", X=x.dtype):
            return super().average_pool2d(x, kernel, stride, padding, size)
        out = self.xp.empty((x.shape[0], *size, x.shape[3]), dtype=_sum_type(x))
        arguments = self.packed(x), out, out.size, *x.shape[1:], *size, *kernel, *stride, *padding
        self.elementwise("average_pool2d", types(X=x.dtype, SUM=out.dtype), out.size, *arguments)
        return out

    def scatter_rows(self, rows: Any, places: Any, count: int) -> Any:
        if not self.knows("scatter_rows", X=rows.dtype):
            return super().scatter_rows(rows, places, count)
        xp, places = self.xp, places.astype("int64")
        # Stable: rows of one place stay in order. A type of 64 bits for the key makes it so on every backend.
        order = xp.argsort(places * rows.shape[0] + xp.arange(rows.shape[0]))
        starts = xp.searchsorted(places[order], xp.arange(count + 1))
        out = xp.empty((count, rows.shape[1]), dtype=_sum_type(rows))
        arguments = self.packed(rows), order.astype("int64"), starts.astype("int64"), out, count, rows.shape[1]
        self.elementwise("scatter_rows", types(X=rows.dtype, SUM=out.dtype), out.size, *arguments)
        return out

    def _scatter(
        self, g: Any, winner: Any | None, kernel: Size, stride: Size, padding: Size, input_shape: tuple[int, ...]
    ) -> Any:
        if not self.knows("pool2d_backward", X=g.dtype):
            return super()._scatter(g, winner, kernel, stride, padding, input_shape)
        out, taps = self.xp.empty(input_shape, dtype=_sum_type(g)), None if winner is None else self.packed(winner)
        sizes = (*input_shape[1:], *g.shape[1:3], *kernel, *stride, *padding)
        named = types(X=g.dtype, SUM=out.dtype)
        self.elementwise("pool2d_backward", named, out.size, self.packed(g), taps, out, out.size, *sizes)
        return out


def _sum_type(x: Any) -> str:
    return "float64" if x.dtype.kind == "f" else "int64"
