// Pooling over windows of channels-last arrays; SUM is i64 for integers and f64 for floats.

// Maxima and the first tap where each stands; NaN is above every number, and no tap outside the image is looked at.
KERNEL max_pool2d(const X* x, X* out, u8* taps, i64 size, i64 height, i64 width, i64 channels, i64 rows, i64 columns,
                  i64 kernel_rows, i64 kernel_columns, i64 down, i64 right, i64 top, i64 left, f64 lowest)
{
    EACH(at, size)
    {
        i64 c = at % channels, column = at / channels % columns, row = at / channels / columns % rows;
        const X* image = x + at / (channels * columns * rows) * height * width * channels + c;
        X best = (X)lowest;
        int winner = -1;
        for (i64 tap = 0; tap < kernel_rows * kernel_columns; ++tap) {
            i64 y = row * down + tap / kernel_columns - top, z = column * right + tap % kernel_columns - left;
            if (y < 0 || y >= height || z < 0 || z >= width)
                continue;
            X seen = image[(y * width + z) * channels];
            if (winner < 0 || (!(seen <= best) && best == best))
                best = seen, winner = (int)tap;
        }
        out[at] = best;
        taps[at] = (u8)winner;
    }
}

KERNEL average_pool2d(const X* x, SUM* out, i64 size, i64 height, i64 width, i64 channels, i64 rows, i64 columns,
                      i64 kernel_rows, i64 kernel_columns, i64 down, i64 right, i64 top, i64 left)
{
    EACH(at, size)
    {
        i64 c = at % channels, column = at / channels % columns, row = at / channels / columns % rows;
        const X* image = x + at / (channels * columns * rows) * height * width * channels + c;
        SUM sum = 0;
        for (i64 tap = 0; tap < kernel_rows * kernel_columns; ++tap) {
            i64 y = row * down + tap / kernel_columns - top, z = column * right + tap % kernel_columns - left;
            if (y >= 0 && y < height && z >= 0 && z < width)
                sum += (SUM)image[(y * width + z) * channels];
        }
        out[at] = sum;
    }
}

// Gradients (rows, columns) back to what their windows saw: to the tap that won, or where ``taps`` is null to all.
KERNEL pool2d_backward(const X* g, const u8* taps, SUM* out, i64 size, i64 height, i64 width, i64 channels, i64 rows,
                       i64 columns, i64 kernel_rows, i64 kernel_columns, i64 down, i64 right, i64 top, i64 left)
{
    EACH(at, size)
    {
        i64 c = at % channels, z = at / channels % width, y = at / channels / width % height;
        i64 image = at / (channels * width * height) * rows * columns;
        SUM sum = 0;
        for (i64 tap = 0; tap < kernel_rows * kernel_columns; ++tap) {
            i64 from_top = y + top - tap / kernel_columns, from_left = z + left - tap % kernel_columns;
            if (from_top < 0 || from_left < 0 || from_top % down || from_left % right)
                continue;
            i64 row = from_top / down, column = from_left / right;
            if (row >= rows || column >= columns)
                continue;
            i64 place = ((image + row * columns + column) * channels) + c;
            if (!taps || taps[place] == tap)
                sum += (SUM)g[place];
        }
        out[at] = sum;
    }
}
