// weight_gradient.cu on tensor cores: int8 activations by int16 gradients, exact in 64 bits; ``out`` (outputs, terms)
// is 0 before, terms are taps by channels. x has whole words on its last axis, g whole pairs of them.
//
// g = 256 high + low with high a signed and low an unsigned byte: two products, one of u8 by s8. The reduction runs
// over pixels, so what is loaded along channels is turned: four pixels of four channels, a square of bytes, at a time.
// Blocks of one tile share the pixels (z) and add up with atomics, which integers allow in any order.
#define TILE_N 128
#define WARPS_M (TILE_M < 64 ? 1 : 2)
#define WARP_M (TILE_M / WARPS_M)
#define WARP_N (TILE_N * WARPS_M / 8)
#define X_LOADS 2
#define DEPTH 64
#define NOWHERE (-(1 << 30))
#undef LIMITS
#define LIMITS __launch_bounds__(256)
// |low x| <= 255 * 128, and 1024 * 64 * 255 * 128 < 2**31: after so many steps 32 bits may be full.
#define PASSES 1024

struct alignas(8) Quad {
    u32 words[2];
};

// Word k has byte k of each of the four words.
INLINE void turned(u32* to, u32 a, u32 b, u32 c, u32 d)
{
    u32 low = __byte_perm(a, b, 0x5140), high = __byte_perm(a, b, 0x7362);
    u32 next_low = __byte_perm(c, d, 0x5140), next_high = __byte_perm(c, d, 0x7362);
    to[0] = __byte_perm(low, next_low, 0x5410), to[1] = __byte_perm(low, next_low, 0x7632);
    to[2] = __byte_perm(high, next_high, 0x5410), to[3] = __byte_perm(high, next_high, 0x7632);
}

// Word ``word`` of four rows of a tile.
INLINE void keep(Chunk* tile, i32 first_row, i32 word, const u32* rows)
{
    for (i32 row = 0; row < 4; ++row)
        word_at(tile, first_row + row, word) = rows[row];
}

KERNEL weight_gradient_mma(const u32* x, const Quad* g, i64* out, i64 pixels, i64 height, i64 width, i64 words,
                           i64 rows, i64 columns, i64 quads, i64 kernel_rows, i64 kernel_columns, i64 down, i64 right,
                           i64 top, i64 before)
{
    __shared__ Chunk high[TILE_M * CHUNKS], low[TILE_M * CHUNKS], seen[TILE_N * CHUNKS];
    i32 thread = threadIdx.x, unit = thread % 8 + thread / 128 * 8, four = thread / 8 % 16;
    i64 all_words = kernel_rows * kernel_columns * words, first_quad = (i64)blockIdx.x * (TILE_M / 4) + unit;

    // A thread loads for the same outputs and terms throughout: the tap (i, j) and word c of the terms, none past the
    // last, and the first of its four pixels, which a step moves on by a fixed way.
    i32 i[X_LOADS], j[X_LOADS], c[X_LOADS];
    for (i32 load = 0; load < X_LOADS; ++load) {
        i64 word = (i64)blockIdx.y * (TILE_N / 4) + unit + 16 * load, tap = word / words;
        i[load] = word < all_words ? (i32)(tap / kernel_columns - top) : NOWHERE;
        j[load] = (i32)(tap % kernel_columns - before), c[load] = (i32)(word % words);
    }
    i64 pixel = (i64)blockIdx.z * DEPTH + 4 * four, way = (i64)gridDim.z * DEPTH;
    i32 column = (i32)(pixel % columns), row = (i32)(pixel / columns % rows), image = (i32)(pixel / columns / rows);
    i32 column_way = (i32)(way % columns), row_way = (i32)(way / columns % rows);
    i32 image_way = (i32)(way / columns / rows);

    Quad from_g[4];
    u32 from_x[X_LOADS][4];
    auto fetch = [&]() {
        i32 y = row, z = column, picture = image;
        for (i32 k = 0; k < 4; ++k) {
            bool there = pixel + k < pixels;
            from_g[k] = there && 4 * unit < TILE_M && first_quad < quads ? g[(pixel + k) * quads + first_quad] : Quad{};
            for (i32 load = 0; load < X_LOADS; ++load) {
                i32 at_y = y * (i32)down + i[load], at_z = z * (i32)right + j[load];
                bool inside = there && (u32)at_y < (u32)height && (u32)at_z < (u32)width;
                from_x[load][k] = inside ? x[((picture * height + at_y) * width + at_z) * words + c[load]] : 0;
            }
            if (++z == columns) {
                z = 0;
                if (++y == rows)
                    y = 0, ++picture;
            }
        }
        pixel += way;
        i32 over = (column += column_way) >= columns;
        column -= over * (i32)columns;
        over = (row += row_way + over) >= rows;
        row -= over * (i32)rows;
        image += image_way + over;
    };
    auto store = [&]() {
        u32 bytes[4];
        if (4 * unit < TILE_M)
            for (i32 half = 0; half < 2; ++half) {
                u32 picked[4];
                for (i32 k = 0; k < 4; ++k)
                    picked[k] = __byte_perm(from_g[k].words[0], from_g[k].words[1], half ? 0x7531 : 0x6420);
                turned(bytes, picked[0], picked[1], picked[2], picked[3]);
                keep(half ? high : low, 4 * unit, four, bytes);
            }
        for (i32 load = 0; load < X_LOADS; ++load) {
            turned(bytes, from_x[load][0], from_x[load][1], from_x[load][2], from_x[load][3]);
            keep(seen, 4 * (unit + 16 * load), four, bytes);
        }
    };

    i32 warp = thread / 32, first_row = warp % WARPS_M * WARP_M, first_column = warp / WARPS_M * WARP_N;
    i32 high_sums[WARP_M / 16][WARP_N / 8][4] = {}, low_sums[WARP_M / 16][WARP_N / 8][4] = {};
    i64 terms = 4 * all_words, passes = 0;
    fetch();
    for (i64 start = (i64)blockIdx.z * DEPTH; start < pixels; start += way) {
        store();
        __syncthreads();
        fetch();
        for (i32 k = 0; k < STEPS; ++k) {
            multiply<true>(high_sums, high, first_row, seen, first_column, k);
            multiply<false>(low_sums, low, first_row, seen, first_column, k);
        }
        __syncthreads();
        if (++passes % PASSES != 0 && start + way < pixels)
            continue;
        for (i32 m = 0; m < WARP_M / 16; ++m)
            for (i32 n = 0; n < WARP_N / 8; ++n)
                for (i32 at = 0; at < 4; ++at) {
                    i64 output = (i64)blockIdx.x * TILE_M + first_row + 16 * m + 8 * (at / 2) + thread % 32 / 4;
                    i64 term = (i64)blockIdx.y * TILE_N + first_column + 8 * n + 2 * (thread % 4) + at % 2;
                    i64 sum = (i64)high_sums[m][n][at] * 256 + low_sums[m][n][at];
                    if (output < 4 * quads && term < terms)
                        atomicAdd((u64*)(out + output * terms + term), (u64)sum);
                    high_sums[m][n][at] = low_sums[m][n][at] = 0;
                }
    }
}
