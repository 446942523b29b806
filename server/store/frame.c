/* Frames of the wire (docs/formats/frames.md): an answer as little-endian columns that a browser
 * overlays. Codes are chosen once for all step-like, wall-like and value-like columns. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/scalar.h"
#include "store/store.h"

#define HEADER 32
#define EXACT_STEP (INT64_C(1) << 53)
#define WALL_UNITS 4096.0 /* code 3: in units of 2^-12 s */

enum frame_kind { FRAME_POINTS = 1, FRAME_BUCKETS, FRAME_TRUNCATE, FRAME_BEHIND };
enum code { CODE_F64, CODE_F32, CODE_LINEAR, CODE_WALL, CODE_I64, CODE_U64 = 6 };
enum flags { FLAG_STRANGE = 1, FLAG_LARGE_STEPS = 2, FLAG_NO_STEP = 4, FLAG_NO_WALL = 8 };

static const char *const column_words[] = {
    "step", "wall", "first", "last", "min", "max", "mean", "n", "nan",
    "inf", "argmin", "argmax", "step_last", "wall_last", "wall_min", "wall_max",
};

uint32_t frame_column_parse(const char *name, size_t size)
{
    for (uint32_t i = 0; i < ARRAY_LEN(column_words); i++) {
        if (strlen(column_words[i]) == size && memcmp(column_words[i], name, size) == 0)
            return 1u << i;
    }
    return size == 5 && memcmp(name, "value", 5) == 0 ? COL_FIRST : 0;
}

const char *frame_column_word(uint32_t bit)
{
    CHECK(bit != 0 && (bit & (bit - 1)) == 0 && bit <= COL_WALL_MAX);
    return column_words[__builtin_ctz(bit)];
}

struct header {
    uint8_t kind, codes, value_code, flags;
    uint32_t handle, count, attempt;
    uint64_t length, ordinal;
};
_Static_assert(sizeof(struct header) == HEADER, "layout of the wire");

/* ---- columns ----------------------------------------------------------------------------- */

/* Items [from, from + count) of an answer, with the codes of its columns. */
struct slice {
    const struct answer *answer;
    size_t from, count;
    enum code step, wall, value;
    enum value_kind kind; /* of the value columns */
};

static void put_linear(struct buf *out, double first, double difference)
{
    buf_add(out, &first, sizeof first);
    buf_add(out, &difference, sizeof difference);
}

static void put_steps(struct buf *out, const struct slice *s, const int64_t *column)
{
    column += s->from;
    if (s->step == CODE_LINEAR) {
        put_linear(out, (double)column[0], (double)(column[1] - column[0]));
        return;
    }
    if (s->step == CODE_I64) {
        buf_add(out, column, s->count * sizeof *column);
        return;
    }
    if (buf_reserve(out, s->count * sizeof(double)) < 0)
        return;
    for (size_t i = 0; i < s->count; i++) {
        double x = (double)column[i];
        memcpy(out->data + out->length + i * sizeof x, &x, sizeof x);
    }
    out->length += s->count * sizeof(double);
}

static double least(const double *column, size_t count)
{
    double base = column[0];

    for (size_t i = 1; i < count; i++)
        base = column[i] < base ? column[i] : base;
    return base;
}

static void put_walls(struct buf *out, const struct slice *s, const double *column)
{
    column += s->from;
    if (s->wall == CODE_LINEAR) {
        put_linear(out, column[0], column[1] - column[0]);
    } else if (s->wall == CODE_WALL) {
        double base = least(column, s->count);
        if (buf_reserve(out, sizeof base + (s->count + 1) * sizeof(uint32_t)) < 0)
            return;
        buf_add(out, &base, sizeof base);
        for (size_t i = 0; i < s->count; i++) {
            uint32_t units = (uint32_t)((column[i] - base) * WALL_UNITS + 0.5);
            buf_add(out, &units, sizeof units);
        }
        buf_pad(out, 8);
    } else {
        buf_add(out, column, s->count * sizeof *column);
    }
}

static void put_values(struct buf *out, const struct slice *s, const uint64_t *column)
{
    size_t item = s->value == CODE_F32 ? sizeof(float) : sizeof(uint64_t);

    column += s->from;
    if (s->value != CODE_F32 && s->kind != VALUE_F32 &&
        (s->kind == VALUE_F64 || s->value != CODE_F64)) {
        buf_add(out, column, s->count * sizeof *column);
        return;
    }
    if (buf_reserve(out, s->count * item + 8) < 0)
        return;
    for (size_t i = 0; i < s->count; i++) {
        char *at = out->data + out->length + i * item;
        if (s->value == CODE_F32) {
            uint32_t bits = (uint32_t)column[i];
            if (s->kind != VALUE_F32)
                bits = (uint32_t)scalar_f32_bits((float)scalar_double(s->kind, column[i]));
            memcpy(at, &bits, sizeof bits);
        } else {
            double x = scalar_double(s->kind, column[i]);
            memcpy(at, &x, sizeof x);
        }
    }
    out->length += s->count * item;
    buf_pad(out, 8);
}

static void put_u32(struct buf *out, const struct slice *s, const uint32_t *column)
{
    buf_add(out, column + s->from, s->count * sizeof *column);
    buf_pad(out, 8);
}

/* ---- choosing codes ---------------------------------------------------------------------- */

static bool steps_linear(const int64_t *step, size_t count)
{
    uint64_t difference = count < 3 ? 0 : (uint64_t)step[1] - (uint64_t)step[0];

    for (size_t i = 2; i < count; i++) {
        if ((uint64_t)step[i] - (uint64_t)step[i - 1] != difference)
            return false;
    }
    return count >= 3;
}

static bool steps_exact(const int64_t *step, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (step[i] > EXACT_STEP || step[i] < -EXACT_STEP)
            return false;
    }
    return true;
}

static bool walls_linear(const double *wall, size_t count)
{
    if (count < 3 || !isfinite(wall[0]) || !isfinite(wall[1]))
        return false;
    double difference = wall[1] - wall[0];
    for (size_t i = 0; i < count; i++) {
        if (wall[0] + (double)i * difference != wall[i] || (wall[i] == 0 && signbit(wall[i])))
            return false;
    }
    return true;
}

static bool walls_near(const double *wall, size_t count)
{
    if (count < 3)
        return false;
    double base = least(wall, count);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(wall[i]) || !((wall[i] - base) * WALL_UNITS + 0.5 < 0x1p32))
            return false;
    }
    return isfinite(base);
}

static void choose_step(struct slice *s, const int64_t *const *columns, size_t n)
{
    bool linear = n > 0, exact = true;

    for (size_t c = 0; c < n; c++) {
        exact = exact && steps_exact(columns[c] + s->from, s->count);
        linear = linear && steps_linear(columns[c] + s->from, s->count);
    }
    s->step = !exact ? CODE_I64 : linear ? CODE_LINEAR : CODE_F64;
}

static void choose_wall(struct slice *s, const double *const *columns, size_t n, bool approximate)
{
    bool linear = !approximate, near = approximate;

    for (size_t c = 0; c < n; c++) {
        linear = linear && walls_linear(columns[c] + s->from, s->count);
        near = near && walls_near(columns[c] + s->from, s->count);
    }
    s->wall = n == 0 ? CODE_F64 : near ? CODE_WALL : linear ? CODE_LINEAR : CODE_F64;
}

static void choose_value(struct slice *s, const uint64_t *const *columns, size_t n)
{
    bool floats = true, doubles = true;

    if (s->kind == VALUE_F32 || n == 0) {
        s->value = n == 0 ? CODE_F64 : CODE_F32;
        return;
    }
    for (size_t c = 0; c < n && doubles; c++) {
        const uint64_t *column = columns[c] + s->from;
        for (size_t i = 0; i < s->count && doubles; i++) {
            doubles = scalar_fits_double(s->kind, column[i]);
            floats = floats && doubles && scalar_fits_float(scalar_double(s->kind, column[i]));
        }
    }
    if (!doubles)
        s->value = scalar_is_unsigned(s->kind) ? CODE_U64 : CODE_I64;
    else
        s->value = floats ? CODE_F32 : CODE_F64;
}

/* ---- frames ------------------------------------------------------------------------------ */

static int finish(struct buf *out, size_t start, struct header *header)
{
    if (buf_failed(out))
        return buf_failed(out);
    DCHECK((out->length - start) % 8 == 0);
    header->length = out->length - start;
    memcpy(out->data + start, header, sizeof *header);
    return 0;
}

static struct header header_of(const struct slice *s, enum frame_kind kind, uint32_t handle,
                               bool last)
{
    const struct answer *a = s->answer;
    bool complete = a->complete && last;

    return (struct header){.kind = (uint8_t)kind,
                           .codes = (uint8_t)(s->step | s->wall << 4),
                           .value_code = (uint8_t)(s->value | (complete ? 0x80 : 0)),
                           .flags = s->step == CODE_I64 ? FLAG_LARGE_STEPS : 0,
                           .handle = handle,
                           .count = (uint32_t)s->count,
                           .attempt = s->count > 0 ? a->attempt : 0,
                           .ordinal = a->ordinal};
}

static int put_points(struct buf *out, struct slice *s, uint32_t handle, uint32_t cols,
                      bool approximate, bool last)
{
    const struct answer *a = s->answer;
    const int64_t *const steps[] = {a->step};
    const double *const walls[] = {a->wall};
    const uint64_t *const values[] = {a->bits};
    size_t start = out->length;
    bool step = (cols & COL_STEP) != 0, wall = (cols & COL_WALL) != 0;

    choose_step(s, steps, step && s->count > 0);
    choose_wall(s, walls, wall && s->count > 0, approximate);
    choose_value(s, values, s->count > 0);
    if (!step)
        s->step = CODE_F64;
    struct header header = header_of(s, FRAME_POINTS, handle, last);
    header.flags |= (uint8_t)((step ? 0 : FLAG_NO_STEP) | (wall ? 0 : FLAG_NO_WALL));
    for (size_t i = 0; i < s->count && !(header.flags & FLAG_STRANGE); i++)
        header.flags |= scalar_is_finite(s->kind, a->bits[s->from + i]) ? 0 : FLAG_STRANGE;
    buf_add(out, &header, sizeof header);
    if (s->count > 0) {
        if (step)
            put_steps(out, s, a->step);
        if (wall)
            put_walls(out, s, a->wall);
        put_values(out, s, a->bits);
        if (a->attempts)
            put_u32(out, s, a->attempts);
    }
    return finish(out, start, &header);
}

/* The columns asked for, grouped by what kind of number they hold. */
struct groups {
    const int64_t *steps[4];
    const double *walls[4];
    const uint64_t *values[4];
    size_t n_steps, n_walls, n_values;
};

static const void *column_of(const struct answer *a, uint32_t bit)
{
    const void *const columns[] = {a->step,   a->wall,      a->bits,      a->last,
                                   a->min,    a->max,       a->mean,      a->n,
                                   a->nan,    a->inf,       a->argmin,    a->argmax,
                                   a->step_last, a->wall_last, a->wall_min, a->wall_max};

    return columns[__builtin_ctz(bit)];
}

#define STEP_COLUMNS (COL_STEP | COL_ARGMIN | COL_ARGMAX | COL_STEP_LAST)
#define WALL_COLUMNS (COL_WALL | COL_WALL_LAST | COL_WALL_MIN | COL_WALL_MAX)
#define VALUE_COLUMNS (COL_FIRST | COL_LAST | COL_MIN | COL_MAX)

static void group(const struct answer *a, uint32_t cols, struct groups *g)
{
    *g = (struct groups){0};
    for (uint32_t bit = COL_STEP; bit <= COL_WALL_MAX; bit <<= 1) {
        const void *column = column_of(a, bit);
        if (!(cols & bit))
            continue;
        if (bit & STEP_COLUMNS)
            g->steps[g->n_steps++] = column;
        else if (bit & WALL_COLUMNS)
            g->walls[g->n_walls++] = column;
        else if (bit & VALUE_COLUMNS)
            g->values[g->n_values++] = column;
    }
}

static void put_bucket_columns(struct buf *out, const struct slice *s, uint32_t cols)
{
    const uint32_t head[2] = {cols, 0};

    buf_add(out, head, sizeof head);
    for (uint32_t bit = COL_STEP; bit <= COL_WALL_MAX; bit <<= 1) {
        const void *column = column_of(s->answer, bit);
        if (!(cols & bit))
            continue;
        if (bit & STEP_COLUMNS)
            put_steps(out, s, column);
        else if (bit & WALL_COLUMNS)
            put_walls(out, s, column);
        else if (bit & VALUE_COLUMNS)
            put_values(out, s, column);
        else if (bit == COL_MEAN)
            buf_add(out, (const double *)column + s->from, s->count * sizeof(double));
        else
            put_u32(out, s, column);
    }
    if (s->answer->attempts)
        put_u32(out, s, s->answer->attempts);
}

static int put_buckets(struct buf *out, struct slice *s, uint32_t handle, uint32_t cols,
                       bool approximate, bool last)
{
    const struct answer *a = s->answer;
    size_t start = out->length;
    struct groups g;

    group(a, cols, &g);
    choose_step(s, g.steps, g.n_steps);
    choose_wall(s, g.walls, g.n_walls, approximate);
    choose_value(s, g.values, g.n_values);
    if (g.n_steps == 0)
        s->step = CODE_F64;
    struct header header = header_of(s, FRAME_BUCKETS, handle, last);
    for (size_t i = s->from; i < s->from + s->count; i++)
        header.flags |= a->nan[i] > 0 || a->inf[i] > 0 ? FLAG_STRANGE : 0;
    buf_add(out, &header, sizeof header);
    put_bucket_columns(out, s, cols);
    return finish(out, start, &header);
}

/* What one frame can hold of values whose kinds differ: doubles, or large integers of one sign. */
static enum value_kind item_kind(const struct answer *a, size_t i)
{
    enum value_kind kind = a->kinds[i];

    if (kind == VALUE_F64)
        return VALUE_F64;
    bool small = scalar_fits_double(kind, a->bits[i]);
    if (a->buckets)
        small = small && scalar_fits_double(kind, a->last[i]) &&
                scalar_fits_double(kind, a->min[i]) && scalar_fits_double(kind, a->max[i]);
    if (small || kind == VALUE_F32)
        return kind;
    return scalar_is_unsigned(kind) ? VALUE_U64 : VALUE_I64;
}

int frame_answer(struct buf *out, const struct answer *answer, uint32_t handle, uint32_t cols,
                 bool approximate)
{
    size_t from = 0;
    int r;

    do {
        struct slice s = {.answer = answer, .from = from, .kind = answer->kind};
        s.count = answer->count - from;
        if (answer->kinds && s.count > 0) {
            s.kind = item_kind(answer, from);
            for (s.count = 1; from + s.count < answer->count; s.count++) {
                if (item_kind(answer, from + s.count) != s.kind)
                    break;
            }
        }
        bool last = from + s.count == answer->count;
        if (answer->buckets && s.count > 0)
            r = put_buckets(out, &s, handle, cols & COL_ALL, approximate, last);
        else
            r = put_points(out, &s, handle, cols, approximate, last);
        from += s.count;
    } while (r == 0 && from < answer->count);
    return r;
}

int frame_truncate(struct buf *out, uint32_t handle, int64_t step, uint64_t ordinal)
{
    struct header header = {.kind = FRAME_TRUNCATE,
                            .codes = CODE_I64,
                            .handle = handle,
                            .length = HEADER + sizeof step,
                            .ordinal = ordinal};

    buf_add(out, &header, sizeof header);
    return buf_add(out, &step, sizeof step);
}

int frame_behind(struct buf *out, uint32_t handle, uint64_t ordinal)
{
    struct header header = {
        .kind = FRAME_BEHIND, .handle = handle, .length = HEADER, .ordinal = ordinal};

    return buf_add(out, &header, sizeof header);
}
