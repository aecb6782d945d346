// Input gradients of the three norms, 32-bit words; ``numbers`` and ``along`` are (2, channels) multipliers.

// Range norm: ``share`` off each maximum and onto each minimum; ``extremes`` are rows, (2, chunks, channels).
KERNEL range_norm_backward(const X* g, i32* out, i64 size, const i64* numbers, const i64* centre, const i64* share,
                           const i64* extremes, i64 chunks, i64 channels, i64 bits)
{
    EACH(i, size)
    {
        i64 c = channel_of(i, channels), row = (i - c) / channels, e = left_shift(g[i], bits) - centre[c];
        for (i64 chunk = 0; chunk < chunks; ++chunk) {
            e -= extremes[chunk * channels + c] == row ? share[c] : 0;
            e += extremes[(chunks + chunk) * channels + c] == row ? share[c] : 0;
        }
        out[i] = (i32)scale_once(clamp_word(e), numbers[c], numbers[channels + c]);
    }
}

// ``centres`` (2, channels): means of g and of x.
KERNEL batch_norm_backward(const X* g, const Y* x, i32* out, i64 size, const i64* numbers, const i64* along,
                           const i64* centres, i64 channels, i64 bits)
{
    EACH(i, size)
    {
        i64 c = channel_of(i, channels), d = left_shift(x[i], bits) - centres[channels + c];
        i64 e = left_shift(g[i], bits) - centres[c] - scale_once(d, along[c], along[channels + c]);
        out[i] = (i32)scale_once(clamp_word(e), numbers[c], numbers[channels + c]);
    }
}

// ``share`` by the sign of x - mean off g.
KERNEL l1_norm_backward(const X* g, const Y* x, i32* out, i64 size, const i64* numbers, const i64* centres,
                        const i64* share, i64 channels, i64 bits)
{
    EACH(i, size)
    {
        i64 c = channel_of(i, channels), d = left_shift(x[i], bits) - centres[channels + c];
        i64 e = left_shift(g[i], bits) - centres[c] - ((d > 0) - (d < 0)) * share[c];
        out[i] = (i32)scale_once(clamp_word(e), numbers[c], numbers[channels + c]);
    }
}
