// max |x| into ``out[place]``, which is 0 before; blocks of 256 threads.

INLINE void largest_of_block(u64* found, u64 mine, u64* out)
{
    found[threadIdx.x] = mine;
    for (int half = 128; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half && found[threadIdx.x + half] > found[threadIdx.x])
            found[threadIdx.x] = found[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        atomicMax(out, found[0]);
}

KERNEL largest_magnitude(const X* x, u64* out, i64 place, i64 size)
{
    __shared__ u64 found[256];
    u64 most = 0;
    EACH(i, size)
    {
        i64 y = x[i];
        u64 magnitude = y < 0 ? (u64)0 - (u64)y : (u64)y;
        most = magnitude > most ? magnitude : most;
    }
    largest_of_block(found, most, out + place);
}

// Of floats, given as the integers X of their bits: those without the sign are in the order of the magnitudes, with
// infinity above all numbers and NaN above infinity.
KERNEL largest_bits(const X* x, u64* out, i64 place, i64 size)
{
    __shared__ u64 found[256];
    u64 most = 0, unsigned_bits = ((u64)1 << (8 * sizeof(X) - 1)) - 1;
    EACH(i, size)
    {
        u64 magnitude = (u64)x[i] & unsigned_bits;
        most = magnitude > most ? magnitude : most;
    }
    largest_of_block(found, most, out + place);
}
