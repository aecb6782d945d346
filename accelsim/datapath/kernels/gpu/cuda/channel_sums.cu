// Sums over rows of (rows, channels), exact in 64 bits: threads are 32 channels by 8 rows, blocks share the rows.

INLINE void finish(i64 (*parts)[32], i64 mine, i64* total, bool inside)
{
    parts[threadIdx.y][threadIdx.x] = mine;
    __syncthreads();
    if (threadIdx.y == 0 && inside) {
        i64 sum = 0;
        for (int row = 0; row < 8; ++row)
            sum += parts[row][threadIdx.x];
        atomicAdd((u64*)total, (u64)sum);
    }
    __syncthreads();
}

// ``sums`` is 0 before.
KERNEL channel_sum(const X* x, i64* sums, i64 rows, i64 channels)
{
    __shared__ i64 parts[8][32];
    i64 channel = (i64)blockIdx.x * 32 + threadIdx.x, sum = 0;
    if (channel < channels)
        for (i64 row = (i64)blockIdx.y * 8 + threadIdx.y; row < rows; row += (i64)gridDim.y * 8)
            sum += x[row * channels + channel];
    finish(parts, sum, sums + channel, channel < channels);
}

// Sums of g into the first row of ``sums`` (2, channels), of g x into the second; both are 0 before.
KERNEL gradient_sums(const X* g, const Y* x, i64* sums, i64 rows, i64 channels)
{
    __shared__ i64 parts[8][32];
    i64 channel = (i64)blockIdx.x * 32 + threadIdx.x, sum = 0, product = 0;
    if (channel < channels)
        for (i64 row = (i64)blockIdx.y * 8 + threadIdx.y; row < rows; row += (i64)gridDim.y * 8) {
            i64 y = g[row * channels + channel];
            sum += y;
            product += multiply(y, x[row * channels + channel]);
        }
    finish(parts, sum, sums + channel, channel < channels);
    finish(parts, product, sums + channels + channel, channel < channels);
}

// Sums of |d| and of the sign of d = (x << bits) - centre into ``sums`` (2, channels), which are 0 before.
KERNEL absolute_deviation(const X* x, const i64* centre, i64* sums, i64 rows, i64 channels, i64 bits)
{
    __shared__ i64 parts[8][32];
    i64 channel = (i64)blockIdx.x * 32 + threadIdx.x, sum = 0, signs = 0;
    if (channel < channels)
        for (i64 row = (i64)blockIdx.y * 8 + threadIdx.y; row < rows; row += (i64)gridDim.y * 8) {
            i64 d = left_shift(x[row * channels + channel], bits) - centre[channel];
            sum += d < 0 ? -d : d;
            signs += (d > 0) - (d < 0);
        }
    finish(parts, sum, sums + channel, channel < channels);
    finish(parts, signs, sums + channels + channel, channel < channels);
}
