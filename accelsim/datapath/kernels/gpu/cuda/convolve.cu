// A convolution of bytes as an implicit matrix product, exact in 32 bits: out (pixels, outputs), four bytes a word.
//
// Input x is (batch, height, width, words), weights (outputs, taps, words). Output row y sees tap i at input row
// y * up + i * turn + shift where that is inside. A forward convolution has up = stride, turn = 1, shift = -padding;
// the data gradient up = 1, turn = -1, shift = padding. A matrix product is one line of pixels and one tap.
//
// A block has 16 x 16 threads, each with M_EACH pixels (even) by N_EACH outputs, and takes STEP words of the reduction
// at a time. A thread loads words of the same pixels throughout, so it works out where they lie once.
#define TILE_M (16 * M_EACH)
#define TILE_N (16 * N_EACH)
#define STEP 8
#define LOADS (M_EACH / 2)
#define NOWHERE (-(1 << 30))

KERNEL convolve(const i32* x, const i32* w, i32* out, i64 batch, i64 height, i64 width, i64 words, i64 rows,
                i64 columns, i64 outputs, i64 kernel_rows, i64 kernel_columns, i64 up_rows, i64 up_columns, i64 turn,
                i64 shift_rows, i64 shift_columns)
{
    __shared__ i32 left[STEP][TILE_M + 1], right[STEP][TILE_N + 1];
    i32 thread = threadIdx.y * 16 + threadIdx.x, lane = thread % STEP;
    i32 i = (i32)(lane / words / kernel_columns), j = (i32)(lane / words % kernel_columns), c = (i32)(lane % words);
    i64 pixels = batch * rows * columns, length = kernel_rows * kernel_columns * words;
    i64 first_pixel = (i64)blockIdx.x * TILE_M, first_output = (i64)blockIdx.y * TILE_N, images[LOADS];
    i32 y_from[LOADS], z_from[LOADS], sums[M_EACH][N_EACH];
    for (i32 load = 0; load < LOADS; ++load) {
        i64 pixel = first_pixel + thread / STEP + load * (256 / STEP);
        images[load] = pixel / columns / rows * height;
        y_from[load] = pixel < pixels ? (i32)(pixel / columns % rows * up_rows + shift_rows) : NOWHERE;
        z_from[load] = (i32)(pixel % columns * up_columns + shift_columns);
    }
    for (i32 m = 0; m < M_EACH; ++m)
        for (i32 n = 0; n < N_EACH; ++n)
            sums[m][n] = 0;
    for (i64 start = 0; start < length; start += STEP) {
        for (i32 load = 0; load < LOADS; ++load) {
            i32 y = y_from[load] + i * (i32)turn, z = z_from[load] + j * (i32)turn, word = 0;
            if (start + lane < length && (u32)y < (u32)height && (u32)z < (u32)width)
                word = x[((images[load] + y) * width + z) * words + c];
            left[lane][thread / STEP + load * (256 / STEP)] = word;
        }
        for (i32 place = thread; place < STEP * TILE_N; place += 256) {
            i64 output = first_output + place / STEP;
            bool inside = start + lane < length && output < outputs;
            right[lane][place / STEP] = inside ? w[output * length + start + lane] : 0;
        }
        __syncthreads();
        for (i32 k = 0; k < STEP; ++k)
            for (i32 m = 0; m < M_EACH; ++m)
                for (i32 n = 0; n < N_EACH; ++n)
                    sums[m][n] = __dp4a(left[k][threadIdx.y + 16 * m], right[k][threadIdx.x + 16 * n], sums[m][n]);
        __syncthreads();
        for (c += STEP; c >= words; c -= (i32)words)
            if (++j == kernel_columns)
                j = 0, ++i;
    }
    for (i32 m = 0; m < M_EACH; ++m)
        for (i32 n = 0; n < N_EACH; ++n) {
            i64 pixel = first_pixel + threadIdx.y + 16 * m, output = first_output + threadIdx.x + 16 * n;
            if (pixel < pixels && output < outputs)
                out[pixel * outputs + output] = sums[m][n];
        }
}
