// Codes or floats (X) times their scale in double precision, rounded to float32: a scale a channel, or one for all.
KERNEL floats(const X* x, f32* out, i64 size, const f64* scales, i64 channels, f64 scale)
{
    EACH(i, size)
    {
        out[i] = (f32)((f64)x[i] * (scales ? scales[channel_of(i, channels)] : scale));
    }
}
