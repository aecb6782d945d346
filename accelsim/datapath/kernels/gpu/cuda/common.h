// What all kernels share: types, shifts as NumPy has them, and the fixed-point steps of datapath/reference.py.
// The tests compile the same files for a CPU, with KERNEL and CUDA's names defined beforehand.
#ifndef KERNEL
#define KERNEL extern "C" __global__ void LIMITS
#endif
// What a file may tell the compiler of its blocks: __launch_bounds__.
#define LIMITS
#define INLINE static __device__ __forceinline__

typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;

// Elements of a grid-stride loop.
#define EACH(i, size)                                                     \
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < (size); \
         i += (i64)gridDim.x * blockDim.x)

INLINE i64 left_shift(i64 y, i64 bits) { return (u64)bits < 64 ? (i64)((u64)y << bits) : 0; }

INLINE i64 right_shift(i64 y, i64 bits) { return (u64)bits < 64 ? y >> bits : (y < 0 ? -1 : 0); }

INLINE i64 multiply(i64 a, i64 b) { return (i64)((u64)a * (u64)b); }

INLINE i64 clamp(i64 y, i64 low, i64 high) { return y < low ? low : y > high ? high : y; }

INLINE i64 clamp_word(i64 y) { return clamp(y, -2147483647LL - 1, 2147483647LL); }

// y times mantissa / 2**shift, rounded half up, saturated to 32 bits.
INLINE i64 scale_once(i64 y, i64 mantissa, i64 shift)
{
    return clamp_word(right_shift(multiply(y, mantissa) + left_shift(1, shift - 1), shift));
}

// Number of the last axis; most arrays have fewer than 2**32 elements, which divide faster.
INLINE i64 channel_of(i64 i, i64 channels)
{
    return (u64)i >> 32 ? i % channels : (i64)((u32)i % (u32)channels);
}

// A fixed-point multiplier: one for all (numbers is null), or (2, channels) mantissas and right shifts.
struct Scaling {
    i64 mantissa, shift;
};

INLINE Scaling scaling_of(i64 i, const i64* numbers, i64 channels, i64 mantissa, i64 shift)
{
    Scaling found;
    if (numbers) {
        i64 channel = channel_of(i, channels);
        found.mantissa = numbers[channel], found.shift = numbers[channels + channel];
    } else {
        found.mantissa = mantissa, found.shift = shift;
    }
    return found;
}
