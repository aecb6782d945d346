// Sums (count, width) of the rows that go to each place, in order: ``order`` lists rows by place, ``starts``
// (count + 1) where each place's begin. SUM is i64 for integers and f64 for floats.
KERNEL scatter_rows(const X* rows, const i64* order, const i64* starts, SUM* out, i64 count, i64 width)
{
    EACH(at, count * width)
    {
        i64 place = at / width, column = at % width;
        SUM sum = 0;
        for (i64 k = starts[place]; k < starts[place + 1]; ++k)
            sum += (SUM)rows[order[k] * width + column];
        out[at] = sum;
    }
}
