// Products of bytes on tensor cores: one step of a warp, 16 x 32 by 32 x 8, exact in 32 bits; and tiles that feed it.
//
// Fragments, after the PTX ISA, of lane = 4 group + place (groups of four lanes), four bytes a word, low byte first:
//   a[r]: row group + 8 (r % 2), bytes 4 place .. 4 place + 3 of half r / 2 (16 bytes each) of the reduction
//   b[r]: column group, the same bytes of half r
//   d[i]: row group + 8 (i / 2), column 2 place + i % 2
// From sm_80 on one instruction makes such a step; sm_75 makes it of four of 8 x 16 by 16 x 8, whose fragments are the
// single registers.
//
// The tests have their own products, which they put in place of these two.
#ifndef WARP_PRODUCTS
#define WARP_PRODUCTS
// Volatile, so that no instruction moves to where some lanes of the warp do not come.
#define PRODUCT_16X8X32(type)                                                                             \
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32." type ".s8.s32 "                                 \
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                        \
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                                         \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
#define PRODUCT_8X8X16(type)                                                                              \
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32." type ".s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"    \
                 : "+r"(d[0]), "+r"(d[1])                                                                 \
                 : "r"(a), "r"(b))

// SIGNED: whether a's bytes are; b's always are.
template <bool SIGNED>
INLINE void product_16x8x32(i32* d, const u32* a, const u32* b)
{
    if (SIGNED)
        PRODUCT_16X8X32("s8");
    else
        PRODUCT_16X8X32("u8");
}

template <bool SIGNED>
INLINE void product_8x8x16(i32* d, u32 a, u32 b)
{
    if (SIGNED)
        PRODUCT_8X8X16("s8");
    else
        PRODUCT_8X8X16("u8");
}
#endif

template <bool SIGNED>
INLINE void mma(i32* d, const u32* a, const u32* b)
{
#if __CUDA_ARCH__ >= 800
    product_16x8x32<SIGNED>(d, a, b);
#else
    for (i32 half = 0; half < 2; ++half)
        for (i32 eight = 0; eight < 2; ++eight)
            product_8x8x16<SIGNED>(d + 2 * eight, a[2 * half + eight], b[half]);
#endif
}

// Tiles in shared memory have rows of CHUNKS chunks: 64 bytes along the reduction, two steps.
#define CHUNKS 4
#define STEPS 2
struct alignas(16) Chunk {
    u32 words[4];
};

// Where a row's chunk lies. The exclusive or spreads over all 32 banks, without two in one: eight rows of a fragment,
// four words each; two rows of whole chunks; words of rows 4 k + r, k = 0 .. 7, of one chunk.
INLINE i32 spot(i32 row, i32 chunk)
{
    i32 turned = (row >> 1 ^ row >> 3) & 1 | (row >> 2 & 1) << 1 | (row >> 4 & 1) << 2;
    return (row * CHUNKS + chunk) ^ turned;
}

INLINE u32& word_at(Chunk* tile, i32 row, i32 word) { return tile[spot(row, word / 4)].words[word % 4]; }

// sums += rows of ``left`` by rows of ``right``, from these rows on, over step ``step`` of the tiles.
template <bool SIGNED, int M, int N>
INLINE void multiply(i32 (&sums)[M][N][4], const Chunk* left, i32 row, const Chunk* right, i32 column, i32 step)
{
    i32 group = threadIdx.x % 32 / 4, place = threadIdx.x % 4;
    u32 a[M][4], b[N][2];
#pragma unroll
    for (i32 m = 0; m < M; ++m)
        for (i32 r = 0; r < 4; ++r)
            a[m][r] = left[spot(row + 16 * m + group + 8 * (r % 2), 2 * step + r / 2)].words[place];
#pragma unroll
    for (i32 n = 0; n < N; ++n)
        for (i32 r = 0; r < 2; ++r)
            b[n][r] = right[spot(column + 8 * n + group, 2 * step + r)].words[place];
#pragma unroll
    for (i32 m = 0; m < M; ++m)
        for (i32 n = 0; n < N; ++n)
            mma<SIGNED>(sums[m][n], a[m], b[n]);
}
