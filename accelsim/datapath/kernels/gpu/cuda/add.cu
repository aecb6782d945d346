// Two operands (X, Y) rescaled and added, saturated to 32 bits.
KERNEL add(const X* a, const Y* b, i32* out, i64 size, i64 first, i64 first_shift, i64 second, i64 second_shift)
{
    EACH(i, size)
    {
        i64 left = scale_once(a[i], first, first_shift), right = scale_once(b[i], second, second_shift);
        out[i] = (i32)clamp_word(left + right);
    }
}
