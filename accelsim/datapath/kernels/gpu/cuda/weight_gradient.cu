// Weight gradient of a convolution: int8 activations by int16 gradients, exact in 64 bits; ``out`` (outputs, taps,
// channels) is 0 before.
//
// The reduction runs over pixels, two a step of __dp2a; blocks of one tile share it (z) and add up with atomics, which
// integers allow in any order. |x g| <= 2**22, so 2**8 terms fit 32 bits before they join the 64-bit sum.
#define TILE 32
#define PAIRS 16
#define PASSES 8

INLINE i32 packed(i32 low, i32 high, int bits) { return (i32)((u32)(low & ((1 << bits) - 1)) | (u32)high << bits); }

// The activation that a tap sees from a pixel of the gradient; 0 in the padding and past the last pixel. Fewer than
// 2**31 pixels, so that they divide as 32-bit words.
INLINE i32 seen(const i8* x, i64 pixel, i64 pixels, i64 height, i64 width, i64 channels, i64 rows, i64 columns,
                i64 down, i64 right, i64 i, i64 j, i64 channel)
{
    if (pixel >= pixels)
        return 0;
    u32 line = (u32)pixel / (u32)columns, image = line / (u32)rows;
    i64 y = (line - image * (u32)rows) * down + i, z = ((u32)pixel - line * (u32)columns) * right + j;
    if (y < 0 || z < 0 || y >= height || z >= width)
        return 0;
    return x[((image * height + y) * width + z) * channels + channel];
}

KERNEL weight_gradient(const i8* x, const i16* g, i64* out, i64 pixels, i64 height, i64 width, i64 channels, i64 rows,
                       i64 columns, i64 outputs, i64 kernel_rows, i64 kernel_columns, i64 down, i64 right, i64 top,
                       i64 before)
{
    __shared__ i32 left[PAIRS][TILE + 1], other[PAIRS][TILE + 1];
    int thread = threadIdx.y * 16 + threadIdx.x, lane = thread % TILE;
    i64 terms = kernel_rows * kernel_columns * channels;
    i64 output = (i64)blockIdx.x * TILE + lane, term = (i64)blockIdx.y * TILE + lane;
    i64 tap = term / channels, channel = term % channels;
    i64 i = tap / kernel_columns - top, j = tap % kernel_columns - before;
    i64 step = 2 * PAIRS, passes = 0, totals[2][2] = {{0, 0}, {0, 0}};
    i32 sums[2][2] = {{0, 0}, {0, 0}};
    for (i64 start = (i64)blockIdx.z * step; start < pixels; start += gridDim.z * step) {
        for (int pair = thread / TILE; pair < PAIRS; pair += 256 / TILE) {
            i64 pixel = start + 2 * pair;
            i32 a = 0, b = 0, c = 0, d = 0;
            if (output < outputs) {
                a = pixel < pixels ? g[pixel * outputs + output] : 0;
                b = pixel + 1 < pixels ? g[(pixel + 1) * outputs + output] : 0;
            }
            if (term < terms) {
                c = seen(x, pixel, pixels, height, width, channels, rows, columns, down, right, i, j, channel);
                d = seen(x, pixel + 1, pixels, height, width, channels, rows, columns, down, right, i, j, channel);
            }
            left[pair][lane] = packed(a, b, 16);
            other[pair][lane] = packed(c, d & 255, 8);
        }
        __syncthreads();
        for (int pair = 0; pair < PAIRS; ++pair)
            for (int m = 0; m < 2; ++m)
                for (int n = 0; n < 2; ++n)
                    sums[m][n] =
                        __dp2a_lo(left[pair][threadIdx.y + 16 * m], other[pair][threadIdx.x + 16 * n], sums[m][n]);
        __syncthreads();
        if (++passes % PASSES == 0)
            for (int m = 0; m < 2; ++m)
                for (int n = 0; n < 2; ++n)
                    totals[m][n] += sums[m][n], sums[m][n] = 0;
    }
    for (int m = 0; m < 2; ++m)
        for (int n = 0; n < 2; ++n) {
            i64 o = (i64)blockIdx.x * TILE + threadIdx.y + 16 * m, t = (i64)blockIdx.y * TILE + threadIdx.x + 16 * n;
            if (o < outputs && t < terms)
                atomicAdd((u64*)(out + o * terms + t), (u64)(totals[m][n] + sums[m][n]));
        }
}
