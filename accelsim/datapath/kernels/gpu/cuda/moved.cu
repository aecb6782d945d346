// A running average, moved on to what was found: codes (X) times their scale in double precision, or 1 / that, as one of
// ``scales``, or where that is null ``scale`` for all. 1 / 0 counts as 0.
KERNEL moved(const X* codes, const f32* running, f32* out, i64 size, const f64* scales, f64 scale, f64 share,
             i64 inverse)
{
    f32 old = (f32)share, fresh = 1.0f - old;
    EACH(i, size)
    {
        f64 real = (f64)codes[i] * (scales ? scales[i] : scale);
        if (inverse)
            real = real == 0.0 ? 0.0 : 1.0 / real;
        out[i] = old * running[i] + fresh * (f32)real;
    }
}
