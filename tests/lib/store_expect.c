#include "store_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

uint64_t expect_as_f64(enum value_kind kind, uint64_t bits)
{
    double value;
    uint64_t out;

    if (kind == VALUE_F64)
        return bits;
    if (kind == VALUE_F32) {
        float f;
        uint32_t low = (uint32_t)bits;
        memcpy(&f, &low, sizeof f);
        value = f;
    } else {
        value = (double)(int64_t)bits;
    }
    memcpy(&out, &value, sizeof out);
    return out;
}

bool expect_same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void expect_point(const struct answer *a, size_t i, const struct model_point *p,
                         uint64_t seed)
{
    enum value_kind kind = a->kinds ? a->kinds[i] : a->kind;
    uint64_t bits = kind == p->kind ? p->bits : expect_as_f64(p->kind, p->bits);
    uint32_t attempt = a->attempts ? a->attempts[i] : a->attempt;

    if (a->step[i] != p->step || !expect_same_double(a->wall[i], p->wall) || a->bits[i] != bits ||
        attempt != p->attempt)
        fail_msg("seed %llu: point %zu is %lld/%a/%llx/%u, should be %lld/%a/%llx/%u",
                 (unsigned long long)seed, i, (long long)a->step[i], a->wall[i],
                 (unsigned long long)a->bits[i], attempt, (long long)p->step, p->wall,
                 (unsigned long long)bits, p->attempt);
}

static void expect_references(struct series *series, enum view view,
                              const struct model_point *points, size_t count)
{
    struct value_place *places;
    size_t n;

    assert_int_equal(series_references(series, view, &places, &n), 0);
    assert_int_equal(n, count);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(places[i].reference.step, points[i].step);
        assert_int_equal(places[i].reference.record, points[i].event * 10);
        assert_string_equal(places[i].path, points[i].file->path);
        assert_int_equal(places[i].generation, points[i].file->number);
        assert_int_equal(places[i].attempt, points[i].attempt);
    }
    free(places);
}

/* One series in one view is what the model says. */
static void expect_series(struct world *w, int tag, enum view view, uint64_t seed)
{
    size_t count, other;
    struct model_point *points =
        model_points(w, tag, view == VIEW_STITCHED, &count, &other);
    struct series *series = world_series(w, tag);
    struct query query = {.axis = AXIS_STEP, .view = view};
    struct series_summary summary;
    struct answer a;

    if (!series) {
        assert_int_equal(count + other, 0);
        free(points);
        return;
    }
    assert_int_equal(series_summarize(series, view, &summary), 0);
    assert_int_equal(summary.other, other);
    if (summary.count != count)
        fail_msg("seed %llu: %llu points in the summary, should be %zu", (unsigned long long)seed,
                 (unsigned long long)summary.count, count);
    if (summary.meta.kind != SERIES_SCALAR) {
        expect_references(series, view, points, count);
        free(points);
        return;
    }
    assert_int_equal(series_query(series, &query, &a), 0);
    if (a.count != count)
        fail_msg("seed %llu: %zu points, should be %zu", (unsigned long long)seed, a.count, count);
    for (size_t i = 0; i < count; i++)
        expect_point(&a, i, &points[i], seed);
    if (count > 0) {
        assert_int_equal(summary.first_step, points[0].step);
        assert_int_equal(summary.last_step, points[count - 1].step);
        assert_int_equal(summary.last_bits, points[count - 1].bits);
    }
    answer_done(&a);
    free(points);
}

void expect_run(struct world *w, uint64_t seed)
{
    struct run_summary summary;
    uint64_t points = 0, hidden = 0;

    for (int tag = 0; tag < WORLD_TAGS; tag++) {
        expect_series(w, tag, VIEW_STITCHED, seed);
        expect_series(w, tag, VIEW_ALL, seed);
        for (int tensor = 0; tensor < 2; tensor++) {
            size_t all, shown, other;
            free(model_points(w, tag, false, &all, &other));
            free(model_points(w, tag, true, &shown, &other));
            struct series *series = world_series(w, tag);
            struct series_summary s;
            if (tensor || !series || series_summarize(series, VIEW_ALL, &s) < 0 ||
                s.meta.kind != SERIES_SCALAR)
                continue;
            points += all;
            hidden += all - shown;
        }
    }
    run_summarize(w->run, &summary);
    if (w->simple) {
        assert_int_equal(summary.points, points);
        assert_int_equal(summary.hidden, hidden);
    }
}
