// Codes (X) times a multiplier, rounded half up, saturated to 32 bits, as OUT.
KERNEL rescale(const X* x, OUT* out, i64 size, const i64* numbers, i64 channels, i64 mantissa, i64 shift)
{
    EACH(i, size)
    {
        Scaling by = scaling_of(i, numbers, channels, mantissa, shift);
        out[i] = (OUT)scale_once(x[i], by.mantissa, by.shift);
    }
}
