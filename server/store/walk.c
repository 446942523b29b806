#include "store/walk.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/scalar.h"

/* ---- keys -------------------------------------------------------------------------------- */

static int compare_keys(enum axis axis, struct walk_key a, struct walk_key b)
{
    int by_step = (a.step > b.step) - (a.step < b.step);
    int by_wall = scalar_compare_x(a.wall, b.wall);

    if (axis == AXIS_STEP)
        return by_step != 0 ? by_step : by_wall;
    return by_wall != 0 ? by_wall : by_step;
}

static void part_keys(enum axis axis, const struct tally *t, struct walk_part *part)
{
    unsigned ascends = axis == AXIS_STEP ? TALLY_ASCENDS_STEP : TALLY_ASCENDS_WALL;

    if (t->flags & ascends) {
        part->low = (struct walk_key){t->first_step, t->first_wall};
        part->high = (struct walk_key){t->last_step, t->last_wall};
    } else if (t->flags & TALLY_WALL_FINITE) {
        part->low = (struct walk_key){t->min_step, t->min_wall};
        part->high = (struct walk_key){t->max_step, t->max_wall};
    } else { /* NaN is after all numbers */
        part->low = (struct walk_key){t->min_step, -INFINITY};
        part->high = (struct walk_key){t->max_step, NAN};
    }
}

static int compare_lows(const void *a, const void *b, void *axis)
{
    const struct walk_part *x = a, *y = b;
    int order = compare_keys(*(enum axis *)axis, x->low, y->low);

    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int compare_highs(const void *a, const void *b, void *axis)
{
    const struct walk_part *x = a, *y = b;

    return compare_keys(*(enum axis *)axis, x->high, y->high);
}

/* ---- beginning --------------------------------------------------------------------------- */

static int make_parts(struct walk *walk)
{
    const struct plan *plan = &walk->plan;

    walk->parts = calloc(plan->n_parts + 1, sizeof *walk->parts);
    if (!walk->parts)
        return -ENOMEM;
    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct part *p = &plan->parts[i];
        walk->parts[i] = (struct walk_part){.place = (uint64_t)i * PIECE_MAX,
                                            .view = (uint32_t)(p->view - walk->look.lanes),
                                            .piece = p->piece,
                                            .count = p->tally->count,
                                            .whole = p->whole};
        part_keys(walk->query.axis, p->tally, &walk->parts[i]);
    }
    walk->n_parts = plan->n_parts;
    return 0;
}

/* The most points that are loaded before those ahead of the next part can be given, at any
 * place: a part is open from its own turn until a later one begins behind its end. */
static int find_peak(const struct walk *walk, uint64_t *ret)
{
    size_t n = walk->n_parts, closed = 0;
    _cleanup_free_ struct walk_part *ends = malloc((n + 1) * sizeof *ends);
    enum axis axis = walk->query.axis;
    uint64_t open = 0, peak = 0;

    if (!ends)
        return -ENOMEM;
    memcpy(ends, walk->parts, n * sizeof *ends);
    qsort_r(ends, n, sizeof *ends, compare_highs, &axis);
    for (size_t i = 0; i < n; i++) {
        while (compare_keys(axis, ends[closed].high, walk->parts[i].low) < 0)
            open -= ends[closed++].count;
        open += walk->parts[i].count;
        peak = MAX(peak, open);
    }
    *ret = peak;
    return 0;
}

/* Does every number of a piece, as far as it belongs to the answer, fit a double? 1; 0; what
 * view_decode() says. */
static int fits_double(struct walk *walk, const struct part *part)
{
    enum value_kind kind = view_kind(part->view, part->piece);
    const struct points *p = &walk->plan.scratch.points;
    ssize_t count;

    if (kind != VALUE_I64 && kind != VALUE_U64)
        return 1;
    if (!p->step && scratch_init(&walk->plan.scratch) < 0)
        return -ENOMEM;
    count = view_decode(part->view, part->piece, p);
    for (ssize_t i = 0; i < count; i++)
        if ((part->whole || plan_takes(&walk->plan, part->view, p->step[i], p->wall[i])) &&
            !scalar_fits_double(kind, p->bits[i]))
            return 0;
    return count < 0 ? (int)count : 1;
}

/* What is told about the whole, as answer_points() would find it. */
static int make_head(struct walk *walk)
{
    const struct plan *plan = &walk->plan;
    uint32_t attempt = plan->parts[0].view->attempt;
    unsigned kinds = 0;
    int fit = 1;

    for (size_t i = 0; i < plan->n_parts; i++) {
        kinds |= 1u << view_kind(plan->parts[i].view, plan->parts[i].piece);
        if (plan->parts[i].view->attempt != attempt)
            attempt = 0;
    }
    for (size_t i = 0; i < plan->n_parts && (kinds & (kinds - 1)) && fit == 1; i++)
        fit = fits_double(walk, &plan->parts[i]);
    if (fit < 0)
        return fit;
    walk->own_kinds = fit == 0;
    walk->head = (struct answer){.count = plan->count,
                                 .complete = !plan->beyond,
                                 .ordinal = walk->look.ordinal,
                                 .attempt = attempt,
                                 .kind = VALUE_F64};
    if (!(kinds & (kinds - 1)))
        walk->head.kind = (enum value_kind)__builtin_ctz(kinds);
    return 0;
}

/* Everything that needs the first look. */
static int begin(struct walk *walk)
{
    enum axis axis = walk->query.axis;
    uint64_t peak = 0, sum = 0;
    int r = make_head(walk);

    if (r == 0)
        r = make_parts(walk);
    if (r < 0)
        return r;
    for (size_t i = 0; i < walk->n_parts; i++)
        sum += walk->parts[i].count;
    qsort_r(walk->parts, walk->n_parts, sizeof *walk->parts, compare_lows, &axis);
    if (find_peak(walk, &peak) < 0)
        return -ENOMEM;
    /* What is left of the last batch, and a new one of at least half of that; twice while
     * they are put in order. */
    peak = (peak + walk->step) * 3 / 2 + walk->step + PIECE_MAX;
    walk->most = 2 * MIN(peak, sum);
    return 0;
}

/* The lanes' cuts and attempts stay; the run's memory is let go. */
static void leave(struct walk *walk)
{
    struct lane_view *lanes = TAKE_PTR(walk->look.lanes);
    struct look kept = walk->look;

    look_done(&walk->look);
    walk->look = kept;
    walk->look.run = NULL;
    walk->look.lanes = lanes;
}

int walk_new(struct series *series, const struct query *query, uint64_t whole, size_t step,
             struct answer *ret, struct walk **ret_walk)
{
    struct walk *walk = calloc(1, sizeof *walk);
    int r = walk ? 0 : -ENOMEM;
    bool is_whole = true;

    if (r == 0) {
        walk->series = series;
        walk->query = *query;
        walk->step = step;
        r = series_look(series, query->view, &walk->look);
    }
    if (r == 0 && walk->look.kind != SERIES_SCALAR)
        walk->look.n_lanes = 0;
    if (r == 0)
        r = plan_make(&walk->plan, &walk->look, &walk->query);
    if (r == 0) {
        is_whole = plan_is_buckets(&walk->plan) || walk->plan.count <= whole;
        r = is_whole ? plan_answer(&walk->plan, ret) : begin(walk);
    }
    if (r < 0 || is_whole) {
        walk_free(walk);
        if (r == 0)
            *ret_walk = NULL;
        return r;
    }
    leave(walk);
    *ret = walk->head;
    *ret_walk = walk;
    return 0;
}

int series_walk(struct series *series, const struct query *query, struct answer *ret,
                struct walk **ret_walk)
{
    return walk_new(series, query, WALK_FROM, WALK_PIECE, ret, ret_walk);
}

struct walk *walk_free(struct walk *walk)
{
    if (!walk)
        return NULL;
    plan_done(&walk->plan);
    gather_done(&walk->held);
    if (walk->look.run)
        look_done(&walk->look);
    else
        free(walk->look.lanes);
    free(walk->parts);
    free(walk);
    return NULL;
}

uint64_t walk_points(const struct walk *walk)
{
    return walk->most;
}

void walk_rewind(struct walk *walk)
{
    gather_done(&walk->held);
    walk->at = walk->next = 0;
    walk->given = 0;
}

/* ---- loading ----------------------------------------------------------------------------- */

static int look_again(struct walk *walk, struct look *ret)
{
    struct series *series = walk->series;
    uint64_t ordinal = walk->head.ordinal;
    bool stale;
    int r = -ESTALE;

    run_lock(series->run);
    stale = series->lost_event > ordinal;
    for (size_t i = 0; i < series->n_events; i++)
        stale |= series->events[i].reset && series->events[i].ordinal > ordinal;
    if (!stale)
        r = series_look_locked(series, walk->query.view, ret);
    run_unlock(series->run);
    return r;
}

static const struct lane_view *find_lane(const struct look *look, const struct lane_view *old)
{
    for (size_t i = 0; i < look->n_lanes; i++)
        if (look->lanes[i].lane == old->lane)
            return look->lanes[i].data.count >= old->data.count ? &look->lanes[i] : NULL;
    return NULL;
}

/* Appends the first `count` of the decoded points, as far as they belong to the answer. */
static void take(struct walk *walk, const struct walk_part *part, const struct lane_view *old,
                 enum value_kind kind, size_t count, uint64_t place)
{
    const struct points *p = &walk->plan.scratch.points;
    struct gather *g = &walk->held;

    for (size_t i = 0; i < count; i++) {
        if (!part->whole && !plan_takes(&walk->plan, old, p->step[i], p->wall[i]))
            continue;
        CHECK(g->count < g->cap);
        g->step[g->count] = p->step[i];
        g->wall[g->count] = p->wall[i];
        g->bits[g->count] = p->bits[i];
        g->place[g->count] = place + i;
        g->attempt[g->count] = old->attempt;
        g->kind[g->count++] = (uint8_t)kind;
    }
}

/* The tail of the beginning may be a chunk now, and a tail behind it. */
static int load_part(struct walk *walk, const struct look *look, const struct walk_part *part)
{
    const struct lane_view *old = &walk->look.lanes[part->view], *v = find_lane(look, old);
    struct scratch *scratch = &walk->plan.scratch;
    uint64_t place = part->place;
    size_t left = part->count;

    if (!scratch->points.step && scratch_init(scratch) < 0)
        return -ENOMEM;
    for (size_t i = part->piece; left > 0; i++) {
        ssize_t decoded;
        size_t count;

        if (!v || i >= view_pieces(v))
            return -ESTALE;
        decoded = view_decode(v, i, &scratch->points);
        if (decoded < 0)
            return (int)decoded;
        count = MIN((size_t)decoded, left);
        take(walk, part, old, view_kind(v, i), count, place);
        place += count;
        left -= count;
    }
    return 0;
}

/* Keeps what is left, with room for `more`. */
static int make_room(struct walk *walk, size_t more)
{
    struct gather *g = &walk->held, next;
    size_t at = walk->at, count = g->count - at;

    if (gather_init_placed(&next, count + more) < 0)
        return -ENOMEM;
    if (count > 0) {
        memcpy(next.step, g->step + at, count * sizeof *g->step);
        memcpy(next.wall, g->wall + at, count * sizeof *g->wall);
        memcpy(next.bits, g->bits + at, count * sizeof *g->bits);
        memcpy(next.place, g->place + at, count * sizeof *g->place);
        memcpy(next.attempt, g->attempt + at, count * sizeof *g->attempt);
        memcpy(next.kind, g->kind + at, count * sizeof *g->kind);
    }
    next.count = count;
    gather_done(g);
    *g = next;
    walk->at = 0;
    return 0;
}

/* The next parts: enough for a step, and in proportion to what is left, so that putting all in
 * order again costs each point a few steps only. */
static int load(struct walk *walk)
{
    _cleanup_(look_done) struct look look = {0};
    size_t end = walk->next, more = 0;
    size_t least = MAX(walk->step, (walk->held.count - walk->at) / 2);
    int r = look_again(walk, &look);

    for (; end < walk->n_parts && more < least; end++)
        more += walk->parts[end].count;
    if (r == 0)
        r = make_room(walk, more);
    while (r == 0 && walk->next < end)
        r = load_part(walk, &look, &walk->parts[walk->next++]);
    return r < 0 ? r : gather_sort(&walk->held, walk->query.axis);
}

/* ---- giving ------------------------------------------------------------------------------ */

/* How many of the held points are before every part that is not loaded. */
static size_t ready(const struct walk *walk)
{
    const struct gather *g = &walk->held;
    size_t low = walk->at, high = g->count;

    if (walk->next == walk->n_parts)
        return high - low;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct walk_key key = {g->step[middle], g->wall[middle]};

        if (compare_keys(walk->query.axis, key, walk->parts[walk->next].low) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low - walk->at;
}

static int give(struct walk *walk, size_t count, struct answer *ret)
{
    const struct gather *g = &walk->held;
    struct gather piece;
    size_t at = walk->at;

    if (gather_init(&piece, count) < 0)
        return -ENOMEM;
    memcpy(piece.step, g->step + at, count * sizeof *g->step);
    memcpy(piece.wall, g->wall + at, count * sizeof *g->wall);
    memcpy(piece.attempt, g->attempt + at, count * sizeof *g->attempt);
    memcpy(piece.kind, g->kind + at, count * sizeof *g->kind);
    for (size_t i = 0; i < count; i++) {
        enum value_kind kind = g->kind[at + i];
        bool as_is = walk->own_kinds || kind == walk->head.kind;

        piece.bits[i] = as_is ? g->bits[at + i]
                              : scalar_f64_bits(scalar_double(kind, g->bits[at + i]));
    }
    walk->at += count;
    walk->given += count;
    *ret = walk->head;
    ret->count = count;
    ret->complete = walk->head.complete && walk->given == walk->head.count;
    ret->step = piece.step;
    ret->wall = piece.wall;
    ret->bits = piece.bits;
    ret->attempts = walk->head.attempt == 0 ? piece.attempt : NULL;
    ret->kinds = walk->own_kinds ? piece.kind : NULL;
    ret->memory = piece.step;
    return 1;
}

int walk_next(struct walk *walk, struct answer *ret)
{
    size_t count = ready(walk);

    while (count < walk->step && walk->next < walk->n_parts) {
        int r = load(walk);

        if (r < 0)
            return r;
        count = ready(walk);
    }
    if (count > 0)
        return give(walk, MIN(count, walk->step), ret);
    CHECK(walk->given == walk->head.count);
    return 0;
}
