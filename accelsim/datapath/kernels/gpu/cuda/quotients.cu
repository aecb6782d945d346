// Integer quotients of vectors, a number a channel, rounded half up; denominators are positive.

INLINE i64 divide_rounded(i64 numerator, i64 denominator)
{
    i64 n = left_shift(numerator, 1) + denominator, d = left_shift(denominator, 1);
    return n / d - (n % d < 0);
}

// (numerator << bits) by one denominator.
KERNEL quotients(const i64* numerator, i64* out, i64 size, i64 bits, i64 denominator)
{
    EACH(i, size)
    {
        out[i] = divide_rounded(left_shift(numerator[i], bits), denominator);
    }
}

// Products over spread (X), times what epsilon leaves of it: ``damping``, or all but where the spread is 0.
KERNEL spread_share(const i64* products, const X* spread, const f64* damping, i64* out, i64 size)
{
    EACH(i, size)
    {
        i64 divisor = spread[i] > 1 ? spread[i] : 1;
        f64 factor = damping ? damping[i] : spread[i] != 0;
        out[i] = (i64)floor((f64)divide_rounded(products[i], divisor) * factor + 0.5);
    }
}
