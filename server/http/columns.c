#include "http/columns.h"

#include <inttypes.h>

#include "base/check.h"
#include "http/write.h"

static void add(struct columns_view *view, const char *name, enum column_type type,
                const void *data)
{
    CHECK(view->count < COLUMNS_MAX);
    view->list[view->count++] = (struct column){name, type, data};
}

static void points_of(const struct answer *a, uint32_t cols, struct columns_view *ret)
{
    if (cols & COL_STEP)
        add(ret, "step", COLUMN_I64, a->step);
    if (cols & COL_WALL)
        add(ret, "wall", COLUMN_F64, a->wall);
    add(ret, "value", COLUMN_VALUE, a->bits);
}

static void buckets_of(const struct answer *a, uint32_t cols, struct columns_view *ret)
{
    const struct {
        uint32_t bit;
        enum column_type type;
        const void *data;
    } all[] = {
        {COL_STEP, COLUMN_I64, a->step},           {COL_WALL, COLUMN_F64, a->wall},
        {COL_FIRST, COLUMN_VALUE, a->bits},        {COL_LAST, COLUMN_VALUE, a->last},
        {COL_MIN, COLUMN_VALUE, a->min},           {COL_MAX, COLUMN_VALUE, a->max},
        {COL_MEAN, COLUMN_F64, a->mean},           {COL_N, COLUMN_U32, a->n},
        {COL_NAN, COLUMN_U32, a->nan},             {COL_INF, COLUMN_U32, a->inf},
        {COL_ARGMIN, COLUMN_I64, a->argmin},       {COL_ARGMAX, COLUMN_I64, a->argmax},
        {COL_STEP_LAST, COLUMN_I64, a->step_last}, {COL_WALL_LAST, COLUMN_F64, a->wall_last},
        {COL_WALL_MIN, COLUMN_F64, a->wall_min},   {COL_WALL_MAX, COLUMN_F64, a->wall_max},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (cols & all[i].bit)
            add(ret, frame_column_word(all[i].bit), all[i].type, all[i].data);
}

void columns_of(const struct answer *answer, uint32_t cols, struct columns_view *ret)
{
    *ret = (struct columns_view){.answer = answer};
    if (answer->buckets)
        buckets_of(answer, cols, ret);
    else
        points_of(answer, cols, ret);
}

void columns_put(struct buf *out, const struct columns_view *view, const struct column *column,
                 size_t row, bool quoted)
{
    const struct answer *a = view->answer;
    enum value_kind kind = a->kinds ? (enum value_kind)a->kinds[row] : a->kind;
    struct json j = JSON_INIT(out);
    uint64_t bits;

    switch (column->type) {
    case COLUMN_I64:
        json_put_i64(&j, ((const int64_t *)column->data)[row]);
        return;
    case COLUMN_U32:
        json_put_u64(&j, ((const uint32_t *)column->data)[row]);
        return;
    case COLUMN_F64:
        kind = VALUE_F64;
        break;
    case COLUMN_VALUE:
        break;
    }
    bits = ((const uint64_t *)column->data)[row];
    if (quoted)
        write_number(&j, kind, bits);
    else
        write_number_text(out, kind, bits);
}

uint32_t columns_attempt(const struct answer *answer, size_t row)
{
    return answer->attempts ? answer->attempts[row] : answer->attempt;
}
