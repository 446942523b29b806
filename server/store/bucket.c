#include "base/check.h"
#include "base/cleanup.h"
#include "store/answer.h"
#include "store/scalar.h"

static inline int order(enum axis axis, int64_t a_step, double a_wall, int64_t b_step,
                        double b_wall)
{
    int by_step = (a_step > b_step) - (a_step < b_step);

    if (axis == AXIS_STEP && by_step != 0)
        return by_step;
    int by_wall = scalar_compare_x(a_wall, b_wall);
    return by_wall != 0 ? by_wall : by_step;
}

static inline void take_first(struct bucket *b, int64_t step, double wall, uint64_t bits,
                              uint8_t kind)
{
    b->step_first = step;
    b->wall_first = wall;
    b->first = bits;
    b->first_kind = kind;
}

static inline void take_last(struct bucket *b, int64_t step, double wall, uint64_t bits,
                             uint8_t kind)
{
    b->step_last = step;
    b->wall_last = wall;
    b->last = bits;
    b->last_kind = kind;
}

/* `better`: <0 if the value is a new extreme, 0 if it equals the one that is there. */
static inline bool replaces(enum axis axis, int better, int64_t step, double wall, int64_t old_step,
                            double old_wall)
{
    return better < 0 || (better == 0 && order(axis, step, wall, old_step, old_wall) < 0);
}

static inline void take_min(struct bucket *b, enum axis axis, int64_t step, double wall,
                            uint64_t bits, enum value_kind kind)
{
    if (b->min_kind != 0 &&
        !replaces(axis, scalar_compare(kind, bits, b->min_kind, b->min), step, wall, b->argmin,
                  b->wall_min))
        return;
    b->min = bits;
    b->min_kind = (uint8_t)kind;
    b->argmin = step;
    b->wall_min = wall;
}

static inline void take_max(struct bucket *b, enum axis axis, int64_t step, double wall,
                            uint64_t bits, enum value_kind kind)
{
    if (b->max_kind != 0 &&
        !replaces(axis, scalar_compare(b->max_kind, b->max, kind, bits), step, wall, b->argmax,
                  b->wall_max))
        return;
    b->max = bits;
    b->max_kind = (uint8_t)kind;
    b->argmax = step;
    b->wall_max = wall;
}

static inline void take_attempt(struct bucket *b, uint32_t attempt)
{
    if (b->n == 0)
        b->attempt = attempt;
    else if (b->attempt != attempt)
        b->attempt = 0;
}

void bucket_add(struct bucket *b, enum axis axis, int64_t step, double wall, uint64_t bits,
                enum value_kind kind, uint32_t attempt)
{
    take_attempt(b, attempt);
    if (b->n == 0 || order(axis, step, wall, b->step_first, b->wall_first) < 0)
        take_first(b, step, wall, bits, (uint8_t)kind);
    if (b->n == 0 || order(axis, step, wall, b->step_last, b->wall_last) >= 0)
        take_last(b, step, wall, bits, (uint8_t)kind);
    b->n++;
    if (!scalar_is_finite(kind, bits)) {
        if (scalar_is_nan(kind, bits))
            b->nan++;
        else
            b->inf++;
        return;
    }
    b->finite++;
    b->sum += scalar_double(kind, bits);
    take_min(b, axis, step, wall, bits, kind);
    take_max(b, axis, step, wall, bits, kind);
}

void bucket_add_tally(struct bucket *b, enum axis axis, const struct tally *t, uint32_t attempt)
{
    DCHECK(t->count > 0);
    take_attempt(b, attempt);
    if (b->n == 0 || order(axis, t->first_step, t->first_wall, b->step_first, b->wall_first) < 0)
        take_first(b, t->first_step, t->first_wall, t->first_bits, t->kind);
    if (b->n == 0 || order(axis, t->last_step, t->last_wall, b->step_last, b->wall_last) >= 0)
        take_last(b, t->last_step, t->last_wall, t->last_bits, t->kind);
    b->n += t->count;
    b->nan += t->nan;
    b->inf += (uint64_t)t->pinf + t->ninf;
    if (tally_finite(t) == 0)
        return;
    b->finite += tally_finite(t);
    b->sum += t->sum;
    take_min(b, axis, t->argmin, t->wall_min, t->min_bits, t->kind);
    take_max(b, axis, t->argmax, t->wall_max, t->max_bits, t->kind);
}
