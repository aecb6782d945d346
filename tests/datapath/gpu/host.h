// CUDA's names for a CPU: a block's threads are fibers that run in turn up to the next __syncthreads, blocks run one
// after another. What the intrinsics do is written down from the CUDA C++ Programming Guide.
#include <math.h>
#include <string.h>
#include <ucontext.h>

#include <tuple>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define KERNEL static void

struct dim3 {
    unsigned x, y, z;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;
static ucontext_t scheduler, *fiber;
static bool waits;

static void __syncthreads()
{
    dim3 own = threadIdx;
    waits = true;
    swapcontext(fiber, &scheduler);
    threadIdx = own;
}

static int __dp4a(int a, int b, int sum)
{
    for (int k = 0; k < 4; ++k)
        sum = (int)((unsigned)sum + (unsigned)((signed char)(a >> 8 * k) * (signed char)(b >> 8 * k)));
    return sum;
}

static int __dp2a_lo(int a, int b, int sum)
{
    for (int k = 0; k < 2; ++k)
        sum = (int)((unsigned)sum + (unsigned)((short)(a >> 16 * k) * (signed char)(b >> 8 * k)));
    return sum;
}

template <class T>
static T exchanged(T* at, T value)
{
    T old = *at;
    *at = value;
    return old;
}

template <class T>
static T atomicAdd(T* at, T value) { return exchanged(at, (T)(*at + value)); }

template <class T>
static T atomicMax(T* at, T value) { return exchanged(at, value > *at ? value : *at); }

template <class T>
static T atomicMin(T* at, T value) { return exchanged(at, value < *at ? value : *at); }

template <class T>
static T read(void* from)
{
    T value;
    memcpy(&value, from, sizeof value);
    return value;
}

// A kernel and its arguments, which come as cuLaunchKernel takes them: the address of each.
template <class... A>
struct Call {
    static inline void (*kernel)(A...);
    static inline std::tuple<A...> arguments;

    template <size_t... I>
    static void take(void** from, std::index_sequence<I...>) { arguments = std::tuple<A...>(read<A>(from[I])...); }

    static void enter() { std::apply(kernel, arguments); }
};

// Threads of a source without ``barriers`` never wait and need no stack of their own.
// ``backwards`` gives the last thread its turn first: a barrier that is missing shows in one order or the other.
static void run_block(void (*enter)(), char* stacks, size_t stack, bool barriers, bool backwards)
{
    size_t threads = (size_t)blockDim.x * blockDim.y;
    if (!barriers) {
        for (size_t t = 0; t < threads; ++t) {
            threadIdx = {(unsigned)t % blockDim.x, (unsigned)t / blockDim.x, 0};
            enter();
        }
        return;
    }
    std::vector<ucontext_t> fibers(threads);
    std::vector<char> over(threads, 0);
    for (size_t t = 0; t < threads; ++t) {
        getcontext(&fibers[t]);
        fibers[t].uc_stack.ss_sp = stacks + t * stack;
        fibers[t].uc_stack.ss_size = stack;
        fibers[t].uc_link = &scheduler;
        makecontext(&fibers[t], enter, 0);
    }
    for (size_t left = threads; left > 0;)
        for (size_t turn = 0; turn < threads; ++turn) {
            size_t t = backwards ? threads - 1 - turn : turn;
            if (over[t])
                continue;
            threadIdx = {(unsigned)t % blockDim.x, (unsigned)t / blockDim.x, 0};
            fiber = &fibers[t];
            waits = false;
            swapcontext(&scheduler, fiber);
            if (!waits)
                over[t] = 1, --left;
        }
}

template <class... A>
static void run(void (*kernel)(A...), const unsigned* grid, const unsigned* block, void** arguments, bool barriers,
                bool backwards)
{
    const size_t stack = 1 << 14;
    Call<A...>::kernel = kernel;
    Call<A...>::take(arguments, std::index_sequence_for<A...>());
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], 1};
    std::vector<char> stacks(barriers ? stack * block[0] * block[1] : 0);
    for (unsigned z = 0; z < grid[2]; ++z)
        for (unsigned y = 0; y < grid[1]; ++y)
            for (unsigned x = 0; x < grid[0]; ++x) {
                blockIdx = {x, y, z};
                run_block(Call<A...>::enter, stacks.data(), stack, barriers, backwards);
            }
}
