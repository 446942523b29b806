#include "store/query.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/scalar.h"

#define SNAP_BUCKETS 3.0 /* a chunk that spans no more is put whole into the bucket it begins in */
#define SNAP_LANES 64    /* more lanes: looking for overlaps would cost more than decoding */

static inline double x_of(const struct plan *plan, int64_t step, double wall)
{
    switch (plan->query->axis) {
    case AXIS_STEP:
        return (double)step;
    case AXIS_RELATIVE:
        return wall - plan->look->first_wall;
    default:
        return wall;
    }
}

static inline bool in_range(const struct plan *plan, int64_t step, double wall)
{
    const struct query *q = plan->query;

    if (!q->limited)
        return true;
    if (q->axis == AXIS_STEP)
        return step >= q->from_step && step <= q->to_step;
    double x = x_of(plan, step, wall);
    return x >= q->from && x <= q->to && isfinite(x);
}

static bool is_beyond(const struct plan *plan, int64_t step, double wall)
{
    const struct query *q = plan->query;

    if (!q->limited)
        return false;
    if (q->axis == AXIS_STEP)
        return step > q->to_step;
    double x = x_of(plan, step, wall);
    return isfinite(x) && x > q->to;
}

bool plan_takes(const struct plan *plan, const struct lane_view *view, int64_t step, double wall)
{
    return !(view->has_cut && step >= view->cut) && in_range(plan, step, wall);
}

enum fit { FIT_OUT, FIT_WHOLE, FIT_EDGE };

static enum fit fit_range(struct plan *plan, const struct tally *t)
{
    const struct query *q = plan->query;

    if (!q->limited)
        return FIT_WHOLE;
    if (q->axis == AXIS_STEP) {
        if (t->min_step > q->to_step) {
            plan->beyond = true;
            return FIT_OUT;
        }
        if (t->max_step < q->from_step)
            return FIT_OUT;
        return t->min_step >= q->from_step && t->max_step <= q->to_step ? FIT_WHOLE : FIT_EDGE;
    }
    double low = x_of(plan, 0, t->min_wall), high = x_of(plan, 0, t->max_wall);
    if (!(t->flags & TALLY_WALL_FINITE) || !isfinite(low) || !isfinite(high))
        return FIT_EDGE;
    if (low > q->to) {
        plan->beyond = true;
        return FIT_OUT;
    }
    if (high < q->from)
        return FIT_OUT;
    return low >= q->from && high <= q->to ? FIT_WHOLE : FIT_EDGE;
}

static enum fit fit_piece(struct plan *plan, const struct lane_view *v, const struct tally *t)
{
    if (v->has_cut && t->min_step >= v->cut)
        return FIT_OUT;
    enum fit fit = fit_range(plan, t);
    if (fit == FIT_WHOLE && v->has_cut && t->max_step >= v->cut)
        return FIT_EDGE;
    return fit;
}

static void widen(struct plan *plan, double x)
{
    if (!isfinite(x))
        return;
    plan->low = MIN(plan->low, x);
    plan->high = MAX(plan->high, x);
}

/* Counts the points of a piece that an edge cuts. */
static int count_edge(struct plan *plan, const struct part *part, uint64_t *ret)
{
    const struct points *p = &plan->scratch.points;
    uint64_t taken = 0;

    if (!p->step && scratch_init(&plan->scratch) < 0)
        return -ENOMEM;
    ssize_t count = view_decode(part->view, part->piece, p);
    if (count < 0)
        return (int)count;
    for (ssize_t i = 0; i < count; i++) {
        if (part->view->has_cut && p->step[i] >= part->view->cut)
            continue;
        if (in_range(plan, p->step[i], p->wall[i])) {
            widen(plan, x_of(plan, p->step[i], p->wall[i]));
            taken++;
        } else if (is_beyond(plan, p->step[i], p->wall[i])) {
            plan->beyond = true;
        }
    }
    *ret = taken;
    return 0;
}

static int plan_piece(struct plan *plan, const struct lane_view *v, size_t piece,
                      struct tally *tail)
{
    const struct tally *t = view_tally(v, piece, tail);
    enum fit fit = fit_piece(plan, v, t);
    struct part part = {
        .view = v, .tally = t, .piece = (uint32_t)piece, .whole = fit == FIT_WHOLE};
    uint64_t count = t->count;

    if (fit == FIT_OUT)
        return 0;
    if (fit == FIT_EDGE) {
        int r = count_edge(plan, &part, &count);
        if (r < 0)
            return r;
    } else if (plan->query->axis == AXIS_STEP) {
        widen(plan, (double)t->min_step);
        widen(plan, (double)t->max_step);
    } else if (t->min_wall <= t->max_wall) {
        widen(plan, x_of(plan, 0, t->min_wall));
        widen(plan, x_of(plan, 0, t->max_wall));
    }
    if (count > 0) {
        plan->count += count;
        plan->parts[plan->n_parts++] = part;
    }
    return 0;
}

int plan_make(struct plan *plan, const struct look *look, const struct query *query)
{
    size_t pieces = 0;

    *plan = (struct plan){.look = look, .query = query, .low = INFINITY, .high = -INFINITY};
    for (size_t l = 0; l < look->n_lanes; l++)
        pieces += view_pieces(&look->lanes[l]);
    plan->parts = malloc((pieces + 1) * sizeof *plan->parts);
    plan->tails = malloc((look->n_lanes + 1) * sizeof *plan->tails);
    if (!plan->parts || !plan->tails)
        return -ENOMEM;
    for (size_t l = 0; l < look->n_lanes; l++) {
        const struct lane_view *v = &look->lanes[l];
        for (size_t i = 0; i < view_pieces(v); i++) {
            int r = plan_piece(plan, v, i, &plan->tails[l]);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

void plan_done(struct plan *plan)
{
    free(plan->parts);
    free(plan->tails);
    scratch_done(&plan->scratch);
    plan->parts = NULL;
    plan->tails = NULL;
}

/* ---- raw points -------------------------------------------------------------------------- */

static int gather_part(struct plan *plan, const struct part *part, struct gather *g)
{
    const struct points *p = &plan->scratch.points;

    if (!p->step && scratch_init(&plan->scratch) < 0)
        return -ENOMEM;
    ssize_t decoded = view_decode(part->view, part->piece, p);
    size_t count = (size_t)decoded, from = g->count;

    if (decoded < 0)
        return (int)decoded;
    uint8_t kind = (uint8_t)view_kind(part->view, part->piece);
    if (part->whole) {
        CHECK(count <= g->cap - from);
        memcpy(g->step + from, p->step, count * sizeof *p->step);
        memcpy(g->wall + from, p->wall, count * sizeof *p->wall);
        memcpy(g->bits + from, p->bits, count * sizeof *p->bits);
        g->count += count;
    } else {
        for (size_t i = 0; i < count; i++) {
            if (!plan_takes(plan, part->view, p->step[i], p->wall[i]))
                continue;
            CHECK(g->count < g->cap);
            g->step[g->count] = p->step[i];
            g->wall[g->count] = p->wall[i];
            g->bits[g->count++] = p->bits[i];
        }
    }
    for (size_t i = from; i < g->count; i++) {
        g->attempt[i] = part->view->attempt;
        g->kind[i] = kind;
    }
    return 0;
}

static int answer_raw(struct plan *plan, struct answer *ret)
{
    _cleanup_(gather_done) struct gather g = {0};

    if (gather_init(&g, plan->count) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < plan->n_parts; i++) {
        int r = gather_part(plan, &plan->parts[i], &g);
        if (r < 0)
            return r;
    }
    CHECK(g.count == plan->count);
    if (gather_sort(&g, plan->query->axis) < 0)
        return -ENOMEM;
    answer_points(ret, &g);
    return 0;
}

/* ---- buckets ----------------------------------------------------------------------------- */

struct spread {
    double low, scale;
    uint32_t width;     /* buckets 0 … width-1, and one more for points without a finite x */
    struct bucket *buckets;
};

static inline uint32_t bucket_index(const struct spread *s, double x)
{
    double place = (x - s->low) * s->scale;

    if (!isfinite(x))
        return s->width;
    if (!(place < (double)s->width))
        return s->width - 1;
    return place > 0 ? (uint32_t)place : 0;
}

static bool ascends(const struct tally *t, enum axis axis)
{
    if (axis == AXIS_STEP)
        return (t->flags & TALLY_ASCENDS_STEP) != 0;
    return (t->flags & TALLY_ASCENDS_WALL) && (t->flags & TALLY_WALL_FINITE);
}

static void tally_extent(const struct plan *plan, const struct tally *t, double *low, double *high)
{
    bool steps = plan->query->axis == AXIS_STEP;

    *low = steps ? (double)t->min_step : x_of(plan, 0, t->min_wall);
    *high = steps ? (double)t->max_step : x_of(plan, 0, t->max_wall);
}

struct lane_extent {
    const struct lane_view *view;
    double low, high;
    bool ascends; /* piece after piece */
};

/* Extents of lanes as the plan uses them; *ret has n_lanes items. */
static size_t lane_extents(const struct plan *plan, struct lane_extent *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct part *p = &plan->parts[i];
        double low, high;
        tally_extent(plan, p->tally, &low, &high);
        if (n == 0 || ret[n - 1].view != p->view) {
            ret[n++] = (struct lane_extent){p->view, low, high, true};
            continue;
        }
        struct lane_extent *e = &ret[n - 1];
        e->ascends = e->ascends && low >= e->high;
        e->low = MIN(e->low, low);
        e->high = MAX(e->high, high);
    }
    return n;
}

static bool overlaps(const struct lane_extent *lanes, size_t n_lanes, const struct lane_view *own,
                     double low, double high)
{
    for (size_t l = 0; l < n_lanes; l++) {
        if (lanes[l].view == own ? !lanes[l].ascends
                                 : lanes[l].low <= high && lanes[l].high >= low)
            return true;
    }
    return false;
}

static int spread_part(struct plan *plan, const struct part *part, const struct spread *s)
{
    const struct points *p = &plan->scratch.points;
    enum value_kind kind = view_kind(part->view, part->piece);
    enum axis axis = plan->query->axis;

    if (!p->step && scratch_init(&plan->scratch) < 0)
        return -ENOMEM;
    ssize_t count = view_decode(part->view, part->piece, p);
    if (count < 0)
        return (int)count;
    for (ssize_t i = 0; i < count; i++) {
        if (!part->whole && !plan_takes(plan, part->view, p->step[i], p->wall[i]))
            continue;
        uint32_t index = bucket_index(s, x_of(plan, p->step[i], p->wall[i]));
        bucket_add(&s->buckets[index], axis, p->step[i], p->wall[i], p->bits[i], kind,
                   part->view->attempt);
    }
    return 0;
}

static int spread_all(struct plan *plan, const struct spread *s)
{
    enum axis axis = plan->query->axis;
    size_t n_lanes = plan->look->n_lanes;
    _cleanup_free_ struct lane_extent *lanes = malloc((n_lanes + 1) * sizeof *lanes);

    if (!lanes)
        return -ENOMEM;
    n_lanes = lane_extents(plan, lanes);
    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct part *part = &plan->parts[i];
        const struct tally *t = part->tally;
        double low, high;
        tally_extent(plan, t, &low, &high);
        bool fits = part->whole && ascends(t, axis);
        if (fits && bucket_index(s, low) != bucket_index(s, high))
            fits = (high - low) * s->scale <= SNAP_BUCKETS && n_lanes <= SNAP_LANES &&
                   !overlaps(lanes, n_lanes, part->view, low, high);
        int r = 0;
        if (fits)
            bucket_add_tally(&s->buckets[bucket_index(s, low)], axis, t, part->view->attempt);
        else
            r = spread_part(plan, part, s);
        if (r < 0)
            return r;
    }
    return 0;
}

static int answer_spread(struct plan *plan, struct answer *ret)
{
    struct spread s = {.low = plan->low,
                       .width = MIN(plan->query->width, (uint32_t)LIMIT_WIDTH_PX)};
    double extent = plan->high - plan->low;

    if (extent > 0 && isfinite(extent))
        s.scale = s.width / extent;
    _cleanup_free_ struct bucket *buckets = calloc((size_t)s.width + 1, sizeof *buckets);
    if (!buckets)
        return -ENOMEM;
    s.buckets = buckets;
    int r = spread_all(plan, &s);
    if (r < 0)
        return r;
    return answer_buckets(ret, buckets, (size_t)s.width + 1);
}

int plan_sum(struct plan *plan, struct bucket *ret)
{
    struct spread one = {.width = 1, .buckets = ret};
    int r = 0;

    for (size_t i = 0; i < plan->n_parts && r == 0; i++) {
        const struct part *part = &plan->parts[i];
        if (part->whole && ascends(part->tally, plan->query->axis))
            bucket_add_tally(ret, plan->query->axis, part->tally, part->view->attempt);
        else
            r = spread_part(plan, part, &one);
    }
    return r;
}

/* ---- the call ---------------------------------------------------------------------------- */

bool plan_is_buckets(const struct plan *plan)
{
    return plan->query->width > 0 && plan->count > (uint64_t)4 * plan->query->width;
}

int plan_answer(struct plan *plan, struct answer *ret)
{
    struct answer answer = {0};
    int r = plan_is_buckets(plan) ? answer_spread(plan, &answer) : answer_raw(plan, &answer);

    if (r < 0)
        return r;
    answer.complete = !plan->beyond;
    answer.ordinal = plan->look->ordinal;
    *ret = answer;
    return 0;
}

/* Looks and plans. Errors of plan_make(); `look` and `plan` are the caller's to release in every
 * case. */
static int prepare(struct series *series, const struct query *query, struct look *look,
                   struct plan *plan)
{
    if (series_look(series, query->view, look) < 0)
        return -ENOMEM;
    if (look->kind != SERIES_SCALAR)
        look->n_lanes = 0;
    return plan_make(plan, look, query);
}

int series_query(struct series *series, const struct query *query, struct answer *ret)
{
    _cleanup_(look_done) struct look look = {0};
    _cleanup_(plan_done) struct plan plan = {0};
    uint64_t max = query->max_points ? query->max_points : LIMIT_ANSWER_POINTS;

    int r = prepare(series, query, &look, &plan);
    if (r < 0)
        return r;
    if (!plan_is_buckets(&plan) && plan.count > max)
        return -EOVERFLOW;
    return plan_answer(&plan, ret);
}

int series_count(struct series *series, const struct query *query, uint64_t *ret)
{
    _cleanup_(look_done) struct look look = {0};
    _cleanup_(plan_done) struct plan plan = {0};

    int r = prepare(series, query, &look, &plan);
    if (r < 0)
        return r;
    *ret = plan_is_buckets(&plan) ? (uint64_t)query->width + 1 : plan.count;
    return 0;
}
