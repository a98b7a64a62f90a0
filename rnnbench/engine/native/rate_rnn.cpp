// Forward and backward through time of one vanilla rate RNN, in float32 on one core.
//
//     h[t+1] = (1 - dt) h[t] + dt (W r[t] + W_in x[t] + b) + s xi[t],   r = phi(h)        forward
//     z[t]   = W_out r[t+1]
//     e[t]   = phi'(h[t+1]) (W_out^T dz[t] + dt W^T e[t+1]) + (1 - dt) e[t+1]             backward
//
// The sums over time and trials of x[t] e[t]^T and dz[t] r[t+1]^T, which give the gradients of W_in and W_out, are
// computed in the same loop, while the arrays of a step are in the cache. Source: Schuessler et al. 2020, eq. 1; the
// adjoint is derived in engine/rate_rnn.py.
//
// Each step is one product of the inputs [trial, input] and rates [trial, unit] with one matrix. It is computed in
// tiles of M trials by NR units that stay in registers during the summation. All other operations of a step are applied
// to the tile before it is stored once. The matrix is packed into panels of NR units, so that a panel stays in the
// level-1 cache while all trials are multiplied with it. The order of operations depends neither on other networks nor
// on where the arrays lie in memory, so that the results are the same bits every time.

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>

// M NV sums, NV columns and one trial fit into the registers, of which there are 32, 16, 32 and 16.
#if defined(__AVX512F__)
constexpr int VL = 16, M = 8, NV = 2;
#elif defined(__AVX__)
constexpr int VL = 8, M = 6, NV = 2;
#elif defined(__aarch64__)
constexpr int VL = 4, M = 6, NV = 4;
#else
constexpr int VL = 4, M = 4, NV = 2;
#endif
constexpr int NR = NV * VL;

// Trials are independent. BLOCK of them go through all time steps together, so that the results of one step are still
// in the level-2 cache when the next step reads them, for any size of the batch.
constexpr long BLOCK = 32;

typedef float Vec __attribute__((vector_size(VL * 4)));
typedef int32_t Int __attribute__((vector_size(VL * 4)));

enum Phi { TANH = 0, RELU = 1, IDENTITY = 2 };

static inline Vec load(const float* from) {
    Vec x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

static inline void store(float* to, Vec x) { std::memcpy(to, &x, sizeof x); }

// Loads the first n numbers of a vector and fills the rest with zeros; store_some stores the first n numbers.
static inline Vec load_some(const float* from, long n) {
    if (n >= VL) return load(from);
    Vec x = {};
    if (n > 0) std::memcpy(&x, from, n * sizeof(float));
    return x;
}

static inline void store_some(float* to, Vec x, long n) {
    if (n >= VL) store(to, x);
    else if (n > 0) std::memcpy(to, &x, n * sizeof(float));
}

// tanh |x| = t / (t + 2) with t = exp(2 |x|) - 1, which keeps all digits at small x. With 2 |x| = k log 2 + f,
// t = 2^k p + (2^k - 1), where p = exp(f) - 1 is computed by its Taylor series. |f| <= 0.35, so that eight terms have a
// relative error of 2e-9. Above 9.02 tanh x rounds to 1 in float32. NaN stays NaN.
static inline Vec tanh_of(Vec x) {
    const Int sign = (Int)x & (int32_t)0x80000000;
    Vec a = (Vec)((Int)x & 0x7fffffff);
    a = a > 9.02f ? (Vec{} + 9.02f) : a;
    const Vec y = a + a;
    const Int k = __builtin_convertvector(y * 1.44269504f + 0.5f, Int);
    const Vec whole = __builtin_convertvector(k, Vec);
    const Vec f = (y - whole * 0.693145752f) - whole * 1.42860677e-6f;  // log 2 in two parts, the first of few digits
    Vec p = f * (1.0f / 40320) + (1.0f / 5040);
    p = p * f + (1.0f / 720);
    p = p * f + (1.0f / 120);
    p = p * f + (1.0f / 24);
    p = p * f + (1.0f / 6);
    p = p * f + 0.5f;
    p = p * (f * f) + f;
    const Vec two_to_k = (Vec)((k + 127) << 23);
    const Vec t = two_to_k * p + (two_to_k - 1.0f);
    return (Vec)((Int)(t / (t + 2.0f)) | sign);
}

static inline Vec phi(int which, Vec h) {
    if (which == TANH) return tanh_of(h);
    if (which == RELU) return h < 0.0f ? Vec{} : h;  // NaN stays NaN
    return h;
}

// phi'(h), from r = phi(h).
static inline Vec slope(int which, Vec r) {
    if (which == TANH) return 1.0f - r * r;
    if (which == RELU) return r > 0.0f ? (Vec{} + 1.0f) : Vec{};
    return Vec{} + 1.0f;
}

// Calls f(n) with n as a compile-time constant, 1 <= n <= MOST; larger n are passed as MOST.
template <int MOST, class F>
static inline void with_constant(long n, F f) {
    if constexpr (MOST > 1)
        if (n < MOST) return with_constant<MOST - 1>(n, f);
    f(std::integral_constant<int, MOST>());
}

// A matrix from drivers (inputs, outputs or units) to n units: scale times w, where the element for driver k and unit i
// is at w[k * by_driver + i * by_unit].
struct Matrix {
    const float* w;
    long drivers, by_driver, by_unit;
    float scale;
};

// Packs two matrices into panels [panel, driver, NR], the drivers of the first before those of the second. Units beyond
// n are filled with zeros.
static void pack(Matrix first, Matrix second, long n, float* panels) {
    for (long begin = 0; begin < n; begin += NR)
        for (const Matrix& m : {first, second})
            for (long k = 0; k < m.drivers; ++k)
                for (long i = begin; i < begin + NR; ++i)
                    *panels++ = i < n ? m.scale * m.w[k * m.by_driver + i * m.by_unit] : 0.0f;
}

// An array x [trial, n] that is multiplied with a matrix.
struct Drive {
    const float* x;
    long n;

    Drive from(long trial) const { return {x + trial * n, n}; }
};

// Adds the product of ROWS trials with COLUMNS vectors of the drive's part of a panel. Returns the part that follows.
template <int ROWS, int COLUMNS>
static inline const float* add(Vec (&sum)[ROWS][COLUMNS], Drive drive, const float* panel) {
    for (long k = 0; k < drive.n; ++k, panel += NR) {
        Vec column[COLUMNS];
        for (int v = 0; v < COLUMNS; ++v) column[v] = load(panel + v * VL);
        for (int m = 0; m < ROWS; ++m)
            for (int v = 0; v < COLUMNS; ++v) sum[m][v] += drive.x[m * drive.n + k] * column[v];
    }
    return panel;
}

// Multiplies all trials of two drives with the packed matrix and passes the results to finish(trial, unit, remaining
// units, sum). Trials are divided evenly among the smallest number of tiles, since a tile with few rows has too few
// independent sums to keep the processor busy.
template <class Finish>
static inline void product(Drive a, Drive b, long trials, long n, const float* panels, Finish finish) {
    for (long unit = 0; unit < n; unit += NR, panels += (a.n + b.n) * NR)
        with_constant<NV>((n - unit + VL - 1) / VL, [&](auto columns) {
            for (long trial = 0, tiles = (trials + M - 1) / M, size; tiles > 0; --tiles, trial += size) {
                size = (trials - trial + tiles - 1) / tiles;
                with_constant<M>(size, [&](auto rows) {
                    Vec sum[rows.value][columns.value] = {};
                    add(sum, b.from(trial), add(sum, a.from(trial), panels));
                    for (int m = 0; m < rows.value; ++m)
                        for (int v = 0; v < columns.value; ++v)
                            finish(trial + m, unit + v * VL, n - unit - v * VL, sum[m][v]);
                });
            }
        });
}

// Adds a^T b to sums [column, n], for a [trial, column] and b [trial, n].
static void correlate(Drive a, Drive b, long trials, float* sums) {
    for (long unit = 0; unit < b.n; unit += VL)
        for (long column = 0; column < a.n; column += M)
            with_constant<M>(a.n - column, [&](auto rows) {
                const long some = b.n - unit;
                float* to = sums + column * b.n + unit;
                Vec sum[rows.value];
                for (int m = 0; m < rows.value; ++m) sum[m] = load_some(to + m * b.n, some);
                for (long trial = 0; trial < trials; ++trial) {
                    const Vec part = load_some(b.x + trial * b.n + unit, some);
                    for (int m = 0; m < rows.value; ++m) sum[m] += a.x[trial * a.n + column + m] * part;
                }
                for (int m = 0; m < rows.value; ++m) store_some(to + m * b.n, sum[m], some);
            });
}

// The sum of SIZE numbers, by adding the two halves repeatedly.
template <int SIZE>
static inline float total(const float* x) {
    if constexpr (SIZE == 1) return *x;
    else {
        typedef float Half __attribute__((vector_size(SIZE * 2)));
        Half a, b;
        std::memcpy(&a, x, sizeof a);
        std::memcpy(&b, x + SIZE / 2, sizeof b);
        a += b;
        float sums[SIZE / 2];
        std::memcpy(sums, &a, sizeof a);
        return total<SIZE / 2>(sums);
    }
}

// z [trial, output] = r [trial, n] w_out^T, with w_out [output, n].
static void readout(Drive r, const float* w_out, long trials, long outputs, float* z) {
    const long n = r.n, whole = n / VL * VL;
    for (long trial = 0; trial < trials; ++trial, z += outputs)
        for (long output = 0; output < outputs; output += 4)
            with_constant<4>(outputs - output, [&](auto some) {
                const float *rate = r.x + trial * n, *w = w_out + output * n;
                Vec sum[some.value] = {};
                for (long i = 0; i < whole; i += VL)
                    for (int o = 0; o < some.value; ++o) sum[o] += load(rate + i) * load(w + o * n + i);
                if (whole < n)
                    for (int o = 0; o < some.value; ++o)
                        sum[o] += load_some(rate + whole, n - whole) * load_some(w + o * n + whole, n - whole);
                for (int o = 0; o < some.value; ++o) {
                    float parts[VL];
                    std::memcpy(parts, &sum[o], sizeof parts);
                    z[output + o] = total<VL>(parts);
                }
            });
}

struct Sizes {
    long steps, trials, units, inputs, outputs;
    float dt;
    int phi;
};

struct Weights {
    const float *w_rec, *w_in, *w_out, *b;  // [unit, unit], [unit, input], [output, unit], [unit] or null
};

extern "C" {

// Number of floats in the packed matrices of n units with so many inputs or outputs.
long rnnbench_panels(long n, long others) { return (n + NR - 1) / NR * NR * (n + others); }

int rnnbench_vector() { return VL; }

// Forward pass. Reads x [step, trial, input] and noise [step, trial, n], which is multiplied by strength or null.
// state [trial, n] holds the initial state and is overwritten with the last one. Writes r [1 + step, trial, n] and
// z [step, trial, output]. panels is memory for the packed matrices.
void rnnbench_forward(Sizes s, Weights w, const float* x, const float* noise, float strength, float* state, float* r,
                      float* z, float* panels) {
    const long n = s.units, size = s.trials * n;
    const float leak = 1.0f - s.dt;
    pack({w.w_in, s.inputs, 1, s.inputs, s.dt}, {w.w_rec, n, 1, n, s.dt}, n, panels);
    for (long i = 0; i < size; i += VL) store_some(r + i, phi(s.phi, load_some(state + i, size - i)), size - i);
    for (long first = 0; first < s.trials; first += BLOCK) {
        const long block = s.trials - first < BLOCK ? s.trials - first : BLOCK;
        float* h = state + first * n;
        for (long t = 0; t < s.steps; ++t) {
            const long at = t * s.trials + first;
            const float *before = r + at * n, *xi = noise ? noise + at * n : nullptr;
            float* after = r + size + at * n;
            const Drive input = {x + at * s.inputs, s.inputs};
            product(input, {before, n}, block, n, panels, [&](long b, long i, long some, Vec sum) {
                const long k = b * n + i;
                Vec now = leak * load_some(h + k, some) + sum;
                if (w.b) now += s.dt * load_some(w.b + i, some);
                if (xi) now += strength * load_some(xi + k, some);
                store_some(h + k, now, some);
                store_some(after + k, phi(s.phi, now), some);
            });
            readout({after, n}, w.w_out, block, s.outputs, z + at * s.outputs);
        }
    }
}

// Backward pass. Reads x, dz [step, trial, output], r as written by the forward pass, and following [trial, n], the
// adjoint of the step after the last one. Writes e [step, trial, n]. Adds the sums for the gradients to in [input, n]
// and out [output, n], unless these are null.
void rnnbench_backward(Sizes s, Weights w, const float* x, const float* dz, const float* r, const float* following,
                       float* e, float* in, float* out, float* panels) {
    const long n = s.units, size = s.trials * n;
    const float leak = 1.0f - s.dt;
    pack({w.w_out, s.outputs, n, 1, 1.0f}, {w.w_rec, n, n, 1, s.dt}, n, panels);
    for (long first = 0; first < s.trials; first += BLOCK) {
        const long block = s.trials - first < BLOCK ? s.trials - first : BLOCK;
        for (long t = s.steps - 1; t >= 0; --t) {
            const long at = t * s.trials + first;
            const Drive error = {dz + at * s.outputs, s.outputs}, input = {x + at * s.inputs, s.inputs};
            const float* rate = r + size + at * n;
            const float* later = t < s.steps - 1 ? e + size + at * n : following + first * n;
            float* now = e + at * n;
            product(error, {later, n}, block, n, panels, [&](long b, long i, long some, Vec sum) {
                const long k = b * n + i;
                const Vec adjoint = sum * slope(s.phi, load_some(rate + k, some)) + leak * load_some(later + k, some);
                store_some(now + k, adjoint, some);
            });
            if (in) correlate(input, {now, n}, block, in);
            if (out) correlate(error, {rate, n}, block, out);
        }
    }
}

}
