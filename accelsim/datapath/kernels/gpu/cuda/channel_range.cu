// Largest and smallest code of each channel in each chunk of rows, and the first rows where they stand.
// A code and its row share a 64-bit key: the code above, and below it the row, or 2**32 - 1 - row where the largest is
// sought, so that the first row wins ties. Threads are 32 channels by 8 rows; z is the chunk.
KERNEL channel_range(const X* x, i64* highest, i64* lowest, i64 chunk_rows, i64 channels)
{
    __shared__ i64 tops[8][32], bottoms[8][32];
    i64 channel = (i64)blockIdx.x * 32 + threadIdx.x, first = (i64)blockIdx.z * chunk_rows;
    i64 top = -9223372036854775807LL - 1, bottom = 9223372036854775807LL;
    if (channel < channels)
        for (i64 k = (i64)blockIdx.y * 8 + threadIdx.y; k < chunk_rows; k += (i64)gridDim.y * 8) {
            i64 row = first + k, code = left_shift(x[row * channels + channel], 32);
            i64 high = code | (0xFFFFFFFFLL - row), low = code | row;
            top = high > top ? high : top;
            bottom = low < bottom ? low : bottom;
        }
    tops[threadIdx.y][threadIdx.x] = top;
    bottoms[threadIdx.y][threadIdx.x] = bottom;
    __syncthreads();
    if (threadIdx.y == 0 && channel < channels) {
        for (int row = 1; row < 8; ++row) {
            i64 high = tops[row][threadIdx.x], low = bottoms[row][threadIdx.x];
            top = high > top ? high : top;
            bottom = low < bottom ? low : bottom;
        }
        atomicMax(highest + blockIdx.z * channels + channel, top);
        atomicMin(lowest + blockIdx.z * channels + channel, bottom);
    }
}
