#include "store/tally.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "store/scalar.h"
#include "store/simd.h"

#define LANES 8 /* independent sums and extremes that a vector unit can hold */

void tally_init(struct tally *tally, enum value_kind kind)
{
    *tally = (struct tally){
        .kind = (uint8_t)kind,
        .flags = TALLY_ASCENDS_STEP | TALLY_ASCENDS_WALL | TALLY_WALL_FINITE,
        .min_step = INT64_MAX,
        .max_step = INT64_MIN,
        .min_wall = INFINITY,
        .max_wall = -INFINITY,
    };
}

/* ---- order and extent of x ------------------------------------------------------------ */

struct extent {
    bool steps_fall, steps_equal, walls_rise, walls_finite;
};

static inline __attribute__((always_inline)) void extent_body(const int64_t *step,
                                                              const double *wall, size_t count,
                                                              struct extent *ret)
{
    /* The index is signed, for the item before the first is looked at. */
    uint64_t falls = 0, equals = 0, not_rising = 0, not_finite = 0;

    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        falls |= (uint64_t)(step[i] < step[i - 1]);
        equals |= (uint64_t)(step[i] == step[i - 1]);
    }
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        not_rising |= (uint64_t)!(wall[i] > wall[i - 1]);
        not_finite |= (uint64_t)!(wall[i] - wall[i] == 0);
    }
    *ret = (struct extent){falls != 0, equals != 0, not_rising == 0, not_finite == 0};
}

SIMD_VARIANTS(extent, (const int64_t *step, const double *wall, size_t count, struct extent *ret),
              (step, wall, count, ret))

static bool ascends_step(const int64_t *step, const double *wall, size_t count)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        if (step[i] < step[i - 1] ||
            (step[i] == step[i - 1] && scalar_compare_x(wall[i], wall[i - 1]) < 0))
            return false;
    }
    return true;
}

static bool ascends_wall(const int64_t *step, const double *wall, size_t count)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        int order = scalar_compare_x(wall[i], wall[i - 1]);
        if (order < 0 || (order == 0 && step[i] < step[i - 1]))
            return false;
    }
    return true;
}

/* Only what does not rise is looked at item by item. */
static void add_steps(struct tally *t, const int64_t *step, size_t count, bool fall)
{
    int64_t min = step[0], max = step[count - 1];

    for (size_t i = 0; i < count && fall; i++) {
        min = MIN(min, step[i]);
        max = MAX(max, step[i]);
    }
    t->min_step = MIN(t->min_step, min);
    t->max_step = MAX(t->max_step, max);
}

static void add_walls(struct tally *t, const double *wall, size_t count, bool rise)
{
    double min = rise ? wall[0] : INFINITY, max = rise ? wall[count - 1] : -INFINITY;

    for (size_t i = 0; i < count && !rise; i++) {
        if (isfinite(wall[i])) {
            min = MIN(min, wall[i]);
            max = MAX(max, wall[i]);
        }
    }
    t->min_wall = MIN(t->min_wall, min);
    t->max_wall = MAX(t->max_wall, max);
}

static void add_extent(struct tally *t, const int64_t *step, const double *wall, size_t count)
{
    struct extent e;

    extent(step, wall, count, &e);
    if (!e.walls_finite)
        t->flags &= (uint8_t)~TALLY_WALL_FINITE;
    if (e.steps_fall)
        t->flags &= (uint8_t)~TALLY_ASCENDS_STEP;
    else if (e.steps_equal && (t->flags & TALLY_ASCENDS_STEP) && !ascends_step(step, wall, count))
        t->flags &= (uint8_t)~TALLY_ASCENDS_STEP;
    if (!e.walls_rise && (t->flags & TALLY_ASCENDS_WALL) && !ascends_wall(step, wall, count))
        t->flags &= (uint8_t)~TALLY_ASCENDS_WALL;
    add_steps(t, step, count, e.steps_fall);
    add_walls(t, wall, count, e.walls_rise && e.walls_finite);
}

/* ---- values ---------------------------------------------------------------------------- */

struct value_sums {
    int64_t min, max; /* keys of finite values; min > max: none */
    size_t finite;
    double sum;
};

typedef int32_t ints __attribute__((vector_size(LANES * 4)));
typedef float singles __attribute__((vector_size(LANES / 2 * 4)));
typedef double doubles __attribute__((vector_size(LANES / 2 * 8)));

/* Floats in order of their bits, so that extremes are those of integers: keys, but for negative
 * ones, which are one less (-0 has a place of its own here). */
struct float_sums {
    ints min, max;
    ints strange; /* ones where not all were finite */
    doubles low, high; /* sums of the lanes */
};

static inline __attribute__((always_inline)) void add_floats(struct float_sums *s,
                                                             const uint64_t *bits)
{
    ints a, b;

    memcpy(&a, bits, sizeof a); /* little endian: every other number is the float */
    memcpy(&b, bits + LANES / 2, sizeof b);
    ints x = __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14);
    ints order = x ^ ((x >> 31) & INT32_MAX);
    ints less = order < s->min, more = order > s->max;
    s->min = (order & less) | (s->min & ~less);
    s->max = (order & more) | (s->max & ~more);
    s->strange |= (x & 0x7f800000) == 0x7f800000;
    singles low, high;
    memcpy(&low, &x, sizeof low);
    memcpy(&high, (const char *)&x + sizeof low, sizeof high);
    s->low += __builtin_convertvector(low, doubles);
    s->high += __builtin_convertvector(high, doubles);
}

/* Sums as if all were finite: false where they are not. `count` is a multiple of LANES. */
static inline __attribute__((always_inline)) void floats_body(const uint64_t *bits, size_t count,
                                                              struct value_sums *ret,
                                                              bool *ret_finite)
{
    const ints zero = {0};
    const doubles none = {0};
    struct float_sums s = {zero + INT32_MAX, zero + INT32_MIN, zero, none, none};
    int32_t min = INT32_MAX, max = INT32_MIN, strange = 0;

    for (size_t i = 0; i < count; i += LANES)
        add_floats(&s, bits + i);
    for (int l = 0; l < LANES; l++) {
        min = MIN(min, s.min[l]);
        max = MAX(max, s.max[l]);
        strange |= s.strange[l];
    }
    *ret = (struct value_sums){
        .min = (int64_t)min + (min < 0),
        .max = (int64_t)max + (max < 0),
        .finite = count,
        .sum = (s.low[0] + s.low[1] + s.low[2] + s.low[3]) +
               (s.high[0] + s.high[1] + s.high[2] + s.high[3]),
    };
    *ret_finite = strange == 0;
}

SIMD_VARIANTS(floats,
              (const uint64_t *bits, size_t count, struct value_sums *ret, bool *ret_finite),
              (bits, count, ret, ret_finite))

static void numbers(enum value_kind kind, const uint64_t *bits, size_t count,
                    struct value_sums *ret)
{
    struct value_sums s = {.min = INT64_MAX, .max = INT64_MIN};
    double sum[4] = {0};

    for (size_t i = 0; i < count; i++) {
        if (!scalar_is_finite(kind, bits[i]))
            continue;
        int64_t key = scalar_key(kind, bits[i]);
        s.min = MIN(s.min, key);
        s.max = MAX(s.max, key);
        s.finite++;
        sum[i & 3] += scalar_double(kind, bits[i]);
    }
    s.sum = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    *ret = s;
}

/* Index of the first finite value with this key; there is one. */
static size_t find_key(enum value_kind kind, const uint64_t *bits, size_t count, int64_t key)
{
    if (kind == VALUE_F32 && key != 0) { /* then only one float has it */
        uint64_t wanted = key < 0 ? UINT64_C(0x80000000) - (uint64_t)key : (uint64_t)key;
        for (size_t i = 0; i < count; i++) {
            if (bits[i] == wanted)
                return i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (scalar_key(kind, bits[i]) == key && scalar_is_finite(kind, bits[i]))
            return i;
    }
    CHECK(false);
    return 0;
}

static void count_strange(struct tally *t, enum value_kind kind, const uint64_t *bits,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (scalar_is_finite(kind, bits[i]))
            continue;
        if (scalar_is_nan(kind, bits[i]))
            t->nan++;
        else if (scalar_key(kind, bits[i]) > 0)
            t->pinf++;
        else
            t->ninf++;
    }
}

static void add_values(struct tally *t, const int64_t *step, const double *wall,
                       const uint64_t *bits, size_t count)
{
    enum value_kind kind = t->kind;
    struct value_sums s;
    bool none = tally_finite(t) == 0;

    bool done = false;
    if (kind == VALUE_F32 && count % LANES == 0)
        floats(bits, count, &s, &done);
    if (!done)
        numbers(kind, bits, count, &s);
    if (s.finite < count)
        count_strange(t, kind, bits, count);
    if (s.finite == 0)
        return;
    t->sum += s.sum;
    if (none || s.min < scalar_key(kind, t->min_bits)) {
        size_t i = find_key(kind, bits, count, s.min);
        t->min_bits = bits[i];
        t->argmin = step[i];
        t->wall_min = wall[i];
    }
    if (none || s.max > scalar_key(kind, t->max_bits)) {
        size_t i = find_key(kind, bits, count, s.max);
        t->max_bits = bits[i];
        t->argmax = step[i];
        t->wall_max = wall[i];
    }
}

void tally_add(struct tally *tally, const int64_t *step, const double *wall, const uint64_t *bits,
               size_t count)
{
    DCHECK(count > 0 && count <= UINT32_MAX - tally->count);
    if (tally->count == 0) {
        tally->first_step = step[0];
        tally->first_wall = wall[0];
        tally->first_bits = bits[0];
    }
    add_extent(tally, step, wall, count);
    add_values(tally, step, wall, bits, count);
    tally->count += (uint32_t)count;
    tally->last_step = step[count - 1];
    tally->last_wall = wall[count - 1];
    tally->last_bits = bits[count - 1];
}
