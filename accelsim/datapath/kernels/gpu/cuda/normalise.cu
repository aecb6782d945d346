// ((x << bits) - centre) times a multiplier plus offset, for each channel; 32 bits, saturated. ``numbers`` (3, channels)
// are mantissas, right shifts and offsets.
KERNEL normalise(const X* x, i32* out, i64 size, const i64* numbers, const i64* centre, i64 channels, i64 bits)
{
    EACH(i, size)
    {
        i64 c = channel_of(i, channels);
        i64 y = scale_once(left_shift(x[i], bits) - centre[c], numbers[c], numbers[channels + c]);
        out[i] = (i32)clamp_word(y + numbers[2 * channels + c]);
    }
}
