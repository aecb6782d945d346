// Wide codes (X) to narrow ones (OUT): fixed-point multiplication, one of the roundings, clamp.

// gemmlowp: left shift, rounding doubling high multiplication, rounding right shift half away from zero.
KERNEL requantise(const X* x, OUT* out, i64 size, const i64* numbers, i64 channels, i64 mantissa, i64 shift, i64 low,
                  i64 high)
{
    EACH(i, size)
    {
        Scaling by = scaling_of(i, numbers, channels, mantissa, shift);
        i64 exponent = 31 - by.shift, right = exponent < 0 ? -exponent : 0, y = x[i];
        if (exponent > 0)
            y = clamp_word(left_shift(y, exponent));
        y = (multiply(y, by.mantissa) + (1LL << 30)) >> 31;
        i64 half = left_shift(1, right) >> 1, magnitude = right_shift((y < 0 ? -y : y) + half, right);
        out[i] = (OUT)clamp(y < 0 ? -magnitude : magnitude, low, high);
    }
}

// Rounded once: MODE 0 truncates, 1 takes ties to even, 2 takes them away from zero.
KERNEL requantise_once(const X* x, OUT* out, i64 size, const i64* numbers, i64 channels, i64 mantissa, i64 shift,
                       i64 mode, i64 low, i64 high)
{
    EACH(i, size)
    {
        Scaling by = scaling_of(i, numbers, channels, mantissa, shift);
        i64 y = multiply(x[i], by.mantissa), half = left_shift(1, by.shift - 1);
        if (mode == 1)
            y += half - 1 + (right_shift(y, by.shift) & 1);
        else if (mode == 2)
            y += half - (y < 0);
        out[i] = (OUT)clamp(right_shift(y, by.shift), low, high);
    }
}

// Random bits just below the last kept bit; a thread has the eight elements of one counter.
KERNEL requantise_stochastic(const X* x, OUT* out, i64 size, const i64* numbers, i64 channels, i64 mantissa, i64 shift,
                             i64 low, i64 high, i64 step, i64 seed, i64 tensor, i64 bits)
{
    EACH(block, (size + 7) / 8)
    {
        Codes random = philox(block, step, seed, tensor);
#pragma unroll
        for (int lane = 0; lane < 8 && 8 * block + lane < size; ++lane) {
            i64 i = 8 * block + lane;
            Scaling by = scaling_of(i, numbers, channels, mantissa, shift);
            i64 up = by.shift > bits ? by.shift - bits : 0, down = bits > by.shift ? bits - by.shift : 0;
            i64 dither = right_shift(left_shift(code_of(random, lane, bits), up), down);
            out[i] = (OUT)clamp(right_shift(multiply(x[i], by.mantissa) + dither, by.shift), low, high);
        }
    }
}
