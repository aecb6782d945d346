// Floats (X) to codes (OUT): divided by the scale in double precision, rounded, clamped.

KERNEL quantise(const X* x, OUT* out, i64 size, f64 scale, f64 low, f64 high)
{
    EACH(i, size)
    {
        f64 y = rint((f64)x[i] / scale);
        out[i] = (OUT)(y < low ? low : y > high ? high : y);
    }
}

// floor(x / scale + random fraction); ``unit`` is 2**-bits.
KERNEL quantise_stochastic(const X* x, OUT* out, i64 size, f64 scale, f64 low, f64 high, f64 unit, i64 step, i64 seed,
                           i64 tensor, i64 bits)
{
    EACH(block, (size + 7) / 8)
    {
        Codes random = philox(block, step, seed, tensor);
        for (int lane = 0; lane < 8 && 8 * block + lane < size; ++lane) {
            i64 i = 8 * block + lane;
            f64 dither = (f64)code_of(random, lane, bits) * unit;
            f64 y = floor((f64)x[i] / scale + dither);
            out[i] = (OUT)(y < low ? low : y > high ? high : y);
        }
    }
}
