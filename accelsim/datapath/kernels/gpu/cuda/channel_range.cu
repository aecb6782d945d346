// Largest and smallest code of each channel in each chunk of rows, and the first rows where they stand.
// A code and its row share a 64-bit key, which is the larger the further out the code is: above, what it is over the
// lowest word, or under the highest; below, 2**32 - 1 - row, so that the first row wins ties. ``keys`` (2, chunks,
// channels) are 0 before. Threads are 32 channels by 8 rows; z is the chunk.
KERNEL channel_range(const X* x, u64* keys, i64 chunk_rows, i64 channels)
{
    __shared__ u64 tops[8][32], bottoms[8][32];
    i64 channel = (i64)blockIdx.x * 32 + threadIdx.x, first = (i64)blockIdx.z * chunk_rows;
    u64 top = 0, bottom = 0;
    if (channel < channels)
        for (i64 k = (i64)blockIdx.y * 8 + threadIdx.y; k < chunk_rows; k += (i64)gridDim.y * 8) {
            i64 row = first + k, code = x[row * channels + channel];
            u64 rest = 0xFFFFFFFFULL - (u64)row;
            u64 high = (u64)(code + 2147483648LL) << 32 | rest, low = (u64)(2147483647LL - code) << 32 | rest;
            top = high > top ? high : top;
            bottom = low > bottom ? low : bottom;
        }
    tops[threadIdx.y][threadIdx.x] = top;
    bottoms[threadIdx.y][threadIdx.x] = bottom;
    __syncthreads();
    if (threadIdx.y == 0 && channel < channels) {
        for (int row = 1; row < 8; ++row) {
            u64 high = tops[row][threadIdx.x], low = bottoms[row][threadIdx.x];
            top = high > top ? high : top;
            bottom = low > bottom ? low : bottom;
        }
        atomicMax(keys + blockIdx.z * channels + channel, top);
        atomicMax(keys + (gridDim.z + blockIdx.z) * channels + channel, bottom);
    }
}

// What the keys say: ``total``, the sum over chunks of (max - min), and ``rows`` (2, chunks, channels).
KERNEL channel_ends(const u64* keys, i64* total, i64* rows, i64 chunks, i64 channels)
{
    EACH(c, channels)
    {
        i64 sum = 0;
        for (i64 chunk = 0; chunk < chunks; ++chunk) {
            i64 at = chunk * channels + c;
            u64 high = keys[at], low = keys[chunks * channels + at];
            sum += (i64)(high >> 32) + (i64)(low >> 32) - 0xFFFFFFFFLL;
            rows[at] = (i64)(0xFFFFFFFFULL - (high & 0xFFFFFFFFULL));
            rows[chunks * channels + at] = (i64)(0xFFFFFFFFULL - (low & 0xFFFFFFFFULL));
        }
        total[c] = sum;
    }
}
