// convolve.cu on tensor cores: the same arguments, but that x has units of WORDS words (1 or 4) on its last axis and w
// (outputs, chunks) rows of whole chunks of 16 bytes, zeros past their end. A unit never parts over two taps.
//
// A block of eight warps makes TILE_M pixels by TILE_N outputs, WARPS_N warps side by side. While it multiplies one
// pair of tiles the next is on its way to registers; two pairs take turns in shared memory, so that one barrier a step
// does.
#define TILE_M 128
#define WARPS_N (TILE_N < 64 ? 1 : 2)
#define WARP_M (TILE_M * WARPS_N / 8)
#define WARP_N (TILE_N / WARPS_N)
#define X_LOADS (TILE_M * CHUNKS / 256)
#define W_LOADS ((TILE_N * CHUNKS + 255) / 256)
#define PARTS (4 / WORDS)
#define STEP (CHUNKS * PARTS)
#define NOWHERE (-(1 << 30))
// Two blocks on a multiprocessor, where the registers do.
#undef LIMITS
#define LIMITS __launch_bounds__(256, TILE_N / WORDS < 128 ? 2 : 1)

struct alignas(4 * WORDS) Unit {
    u32 words[WORDS];
};

struct alignas(8) Pair {
    i32 first, second;
};

KERNEL convolve_mma(const Unit* x, const Chunk* w, i32* out, i64 batch, i64 height, i64 width, i64 units, i64 rows,
                    i64 columns, i64 outputs, i64 kernel_rows, i64 kernel_columns, i64 up_rows, i64 up_columns,
                    i64 turn, i64 shift_rows, i64 shift_columns)
{
    __shared__ Chunk left[2][TILE_M * CHUNKS], right[2][TILE_N * CHUNKS];
    i32 thread = threadIdx.x, chunk = thread % CHUNKS, line = thread / CHUNKS;
    i64 pixels = batch * rows * columns;
    i64 first_pixel = (i64)blockIdx.x * TILE_M, first_output = (i64)blockIdx.y * TILE_N;
    i32 chunks = (i32)((kernel_rows * kernel_columns * units + PARTS - 1) / PARTS);

    // A thread loads for the same pixels throughout: where they lie, and the reduction's tap (i, j) and unit c that it
    // is at. A step goes on by so many taps and units.
    i64 images[X_LOADS];
    i32 y_from[X_LOADS], z_from[X_LOADS], i[PARTS], j[PARTS], c[PARTS];
    for (i32 load = 0; load < X_LOADS; ++load) {
        i64 pixel = first_pixel + line + load * (256 / CHUNKS);
        images[load] = pixel / columns / rows * height;
        y_from[load] = pixel < pixels ? (i32)(pixel / columns % rows * up_rows + shift_rows) : NOWHERE;
        z_from[load] = (i32)(pixel % columns * up_columns + shift_columns);
    }
    for (i32 part = 0; part < PARTS; ++part) {
        u32 at = chunk * PARTS + part, tap = at / (u32)units;
        i[part] = tap / (u32)kernel_columns, j[part] = tap % (u32)kernel_columns, c[part] = at % (u32)units;
    }
    u32 taps = STEP / (u32)units;
    i32 i_step = taps / (u32)kernel_columns, j_step = taps % (u32)kernel_columns, c_step = STEP % (u32)units;

    // Past the reduction's end w is zero, so x may be anything that is there.
    Unit from_x[X_LOADS][PARTS];
    Chunk from_w[W_LOADS];
    auto fetch = [&](i32 step) {
        for (i32 load = 0; load < X_LOADS; ++load)
            for (i32 part = 0; part < PARTS; ++part) {
                i32 y = y_from[load] + i[part] * (i32)turn, z = z_from[load] + j[part] * (i32)turn;
                bool inside = (u32)y < (u32)height && (u32)z < (u32)width;
                from_x[load][part] = inside ? x[((images[load] + y) * width + z) * units + c[part]] : Unit{};
            }
        for (i32 load = 0; load < W_LOADS; ++load) {
            i32 row = line + load * (256 / CHUNKS), at = step * CHUNKS + chunk;
            bool inside = row < TILE_N && first_output + row < outputs && at < chunks;
            from_w[load] = inside ? w[(first_output + row) * chunks + at] : Chunk{};
        }
        for (i32 part = 0; part < PARTS; ++part) {
            i32 over = (c[part] += c_step) >= units;
            c[part] -= over * (i32)units;
            over = (j[part] += j_step + over) >= kernel_columns;
            j[part] -= over * (i32)kernel_columns;
            i[part] += i_step + over;
        }
    };

    i32 warp = thread / 32, row = warp / WARPS_N * WARP_M, column = warp % WARPS_N * WARP_N;
    i32 sums[WARP_M / 16][WARP_N / 8][4] = {};
    i32 steps = (chunks + CHUNKS - 1) / CHUNKS;
    fetch(0);
    for (i32 step = 0; step < steps; ++step) {
        Chunk *a = left[step % 2], *b = right[step % 2];
        for (i32 load = 0; load < X_LOADS; ++load)
            for (i32 part = 0; part < PARTS; ++part)
                ((Unit*)&a[spot(line + load * (256 / CHUNKS), chunk)])[part] = from_x[load][part];
        for (i32 load = 0; load < W_LOADS; ++load)
            if (line + load * (256 / CHUNKS) < TILE_N)
                b[spot(line + load * (256 / CHUNKS), chunk)] = from_w[load];
        __syncthreads();
        if (step + 1 < steps)
            fetch(step + 1);
        for (i32 k = 0; k < STEPS; ++k)
            multiply<true>(sums, a, row, b, column, k);
    }

    i32 group = thread % 32 / 4, place = thread % 4;
    for (i32 m = 0; m < WARP_M / 8; ++m) {
        i64 pixel = first_pixel + row + 8 * m + group;
        for (i32 n = 0; n < WARP_N / 8; ++n) {
            i64 output = first_output + column + 8 * n + 2 * place;
            if (pixel >= pixels || output >= outputs)
                continue;
            i32 *to = out + pixel * outputs + output, *two = sums[m / 2][n] + 2 * (m % 2);
            if (outputs % 2 == 0)
                *(Pair*)to = Pair{two[0], two[1]};
            else {
                to[0] = two[0];
                if (output + 1 < outputs)
                    to[1] = two[1];
            }
        }
    }
}
