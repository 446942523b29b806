/* route_runs.c: GET /runs and GET /experiments. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "http/filter.h"
#include "http/jsonbody.h"
#include "http/lives.h"
#include "http/router.h"
#include "http/write.h"
#include "store/summary_json.h"

/* ---- order ------------------------------------------------------------------------------- */

/* NaN (never) comes last in both directions: such an order is 2, and is not turned. */
static int order_double(double a, double b)
{
    if (isnan(a) || isnan(b))
        return 2 * (!!isnan(a) - !!isnan(b));
    return (a > b) - (a < b);
}

static int order_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_start(const struct run_summary *a, const struct run_summary *b)
{
    return order_double(a->first_wall, b->first_wall);
}

static int by_last(const struct run_summary *a, const struct run_summary *b)
{
    return order_double(a->last_wall, b->last_wall);
}

static int by_points(const struct run_summary *a, const struct run_summary *b)
{
    return order_u64(a->points, b->points);
}

static int by_bytes(const struct run_summary *a, const struct run_summary *b)
{
    return order_u64(a->bytes, b->bytes);
}

static int by_damage(const struct run_summary *a, const struct run_summary *b)
{
    return order_u64(a->damage, b->damage);
}

struct order {
    const char *name;
    int (*compare)(const struct run_summary *a, const struct run_summary *b);
};

/* "name" is the order in which the store gives them. */
static const struct order orders[] = {
    {"name", NULL},      {"start", by_start}, {"last", by_last},
    {"points", by_points}, {"bytes", by_bytes}, {"damage", by_damage},
};

struct placed {
    const struct run_summary *run;
    size_t place; /* in order of name: decides among equals */
    const struct order *order;
    bool down;
};

static int compare_placed(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    int order = a->order->compare ? a->order->compare(a->run, b->run)
                                  : order_u64(a->place, b->place);

    if (order == 0)
        return order_u64(a->place, b->place);
    return a->down && abs(order) == 1 ? -order : order;
}

static bool read_order(struct request *request, const struct order **ret, bool *ret_down)
{
    const char *word = request_value(request, "sort");

    *ret = &orders[0];
    *ret_down = word && *word == '-';
    if (!word)
        return true;
    word += *ret_down;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        if (strcmp(orders[i].name, word) == 0) {
            *ret = &orders[i];
            return true;
        }
    }
    response_problem(request, 400, "bad-parameter",
                     "sort is name, start, last, points, bytes or damage, with \"-\" in front for "
                     "the other direction.");
    return false;
}

/* ---- the list ---------------------------------------------------------------------------- */

struct selection {
    struct run_summary *runs; /* as the store gave them */
    struct placed *placed;    /* those that fit, in the order asked for */
    size_t count;
    uint64_t limit, changes; /* store_changes(), read before the list */
    bool loading;            /* runs may be missing; read before the list too */
};

static void selection_done(struct selection *selection)
{
    free(selection->runs);
    free(selection->placed);
}

/* Runs of the history come in behind the start. */
static bool is_loading(const struct request *request)
{
    return request->shared->lives && !lives_loaded(request->shared->lives);
}

static bool asks_deleted(const struct request *request)
{
    const char *deleted = request_value(request, "deleted");

    return deleted && strcmp(deleted, "1") == 0;
}

static bool has_tag(struct request *request, const char *id, const char *tag)
{
    struct lives *lives = request->shared->lives;
    struct life life;
    bool has;

    if (!lives || !lives_take(lives, id, &life))
        return false;
    has = jsonbody_has_tag(life.tags, tag);
    lives_give_back(lives);
    return has;
}

static bool run_fits(struct request *request, struct filter *filter, const struct run_summary *run)
{
    const char *experiment = request_value(request, "experiment");
    const char *activity = request_value(request, "activity");
    const char *status = request_value(request, "status"), *tag = request_value(request, "tag");

    if (run->life.deleted != asks_deleted(request) || (run->life.deleted && !run->life.kept))
        return false;
    /* No run has a parent. */
    if (request_value(request, "parent") || (tag && !has_tag(request, run->id, tag)))
        return false;
    return (!experiment || strcmp(experiment, run->experiment) == 0) &&
           (!status || (run->life.status && strcmp(status, run->life.status) == 0)) &&
           (!activity || strcmp(activity, activity_word(run->activity)) == 0) &&
           filter_fits(filter, run->name, strlen(run->name));
}

/* tag=KEY:VALUE. */
static bool is_label(struct request *request)
{
    const char *tag = request_value(request, "tag");

    if (!tag || (*tag != ':' && strchr(tag, ':')))
        return true;
    response_problem(request, 400, "bad-parameter", "tag is KEY:VALUE.");
    return false;
}

static bool select_runs(struct request *request, struct filter *filter,
                        struct selection *selection)
{
    const struct order *order;
    bool down;
    size_t all;
    uint64_t deleted;
    int r;

    if (!is_label(request) || !request_number(request, "deleted", 0, 1, 0, &deleted) ||
        !read_order(request, &order, &down) ||
        !request_number(request, "limit", 1, LIMIT_LIST_ROWS, LIMIT_LIST_ROWS, &selection->limit))
        return false;
    selection->loading = is_loading(request);
    selection->changes = store_changes(request->shared->options.store);
    r = store_runs(request->shared->options.store, &selection->runs, &all);
    if (r == 0) {
        selection->placed = calloc(all + 1, sizeof *selection->placed);
        r = selection->placed ? 0 : -ENOMEM;
    }
    if (r < 0) {
        response_error(request, r);
        return false;
    }
    for (size_t i = 0; i < all; i++)
        if (run_fits(request, filter, &selection->runs[i]))
            selection->placed[selection->count++] =
                (struct placed){&selection->runs[i], i, order, down};
    if (selection->count > 0)
        qsort(selection->placed, selection->count, sizeof *selection->placed, compare_placed);
    return filter_ended(filter, request);
}

/* Index of the first run of this page; -1: `after` names none of the list. */
static ssize_t first_of_page(struct request *request, const struct selection *selection)
{
    const char *after = request_value(request, "after");

    if (!after)
        return 0;
    for (size_t i = 0; i < selection->count; i++)
        if (strcmp(selection->placed[i].run->id, after) == 0)
            return (ssize_t)i + 1;
    return -1;
}

/* The ages change all the time; the list counts as the same as long as all else is. */
static int list_etag(struct request *request, const struct selection *selection, size_t from,
                     size_t to, char ret_etag[64])
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(LIMIT_ANSWER_BYTES);
    char hex[33];
    int r;

    buf_printf(&text, "%s %zu %d", request->shared->epoch, selection->count, selection->loading);
    for (size_t i = from; i < to; i++) {
        struct run_summary run = *selection->placed[i].run;

        run_summary_json(&text, &run, run.commit_wall_s);
    }
    if (buf_failed(&text))
        return buf_failed(&text);
    r = sha256_hex(text.data, text.length, 32, hex);
    snprintf(ret_etag, 64, "W/\"%s\"", hex);
    return r;
}

static void write_runs(struct request *request, const struct selection *selection, size_t from,
                       size_t to)
{
    struct json j = JSON_INIT(&request->reply.body);
    double now = request_now(request);
    char cursor[64];

    snprintf(cursor, sizeof cursor, "%s-%llu", request->shared->epoch,
             (unsigned long long)selection->changes);
    json_open(&j, '{');
    write_text(&j, "epoch", request->shared->epoch);
    write_double(&j, "now", now);
    write_text(&j, "cursor", cursor);
    write_u64(&j, "total", selection->count);
    write_bool(&j, "loading", selection->loading);
    json_key(&j, "runs");
    json_open(&j, '[');
    for (size_t i = from; i < to; i++) {
        if (i > from)
            buf_char(j.out, ',');
        run_summary_json(j.out, selection->placed[i].run, now);
    }
    json_close(&j, ']');
    json_close(&j, '}');
    response_json(request);
}

void route_runs(struct request *request)
{
    _cleanup_(selection_done) struct selection selection = {0};
    _cleanup_(filter_done) struct filter filter;
    char etag[64];
    ssize_t from;
    size_t to;
    int r;

    if (!filter_init(&filter, request) || !select_runs(request, &filter, &selection))
        return;
    from = first_of_page(request, &selection);
    if (from < 0) {
        response_problem(request, 400, "bad-parameter", "after names no run of this list.");
        return;
    }
    to = MIN(selection.count, (size_t)from + (size_t)selection.limit);
    if (to < selection.count)
        filter_link_next(request, selection.placed[to - 1].run->id);
    r = list_etag(request, &selection, (size_t)from, to, etag);
    if (r < 0)
        response_error(request, r);
    else if (!response_etag(request, etag))
        write_runs(request, &selection, (size_t)from, to);
}

/* ---- experiments ------------------------------------------------------------------------- */

struct experiment {
    const char *name;
    uint64_t runs[ACTIVITY_GONE + 1];
    uint64_t statuses[STATUS_CANCELED + 1];
    uint64_t points, bytes, damage, total;
    double first_wall, last_wall;
};

static int by_experiment(const void *left, const void *right)
{
    const struct run_summary *a = left, *b = right;

    return strcmp(a->experiment, b->experiment);
}

static void write_experiment(struct json *j, const struct experiment *e)
{
    json_open(j, '{');
    write_text(j, "name", e->name);
    write_u64(j, "runs", e->total);
    json_key(j, "activity");
    json_open(j, '{');
    for (unsigned i = 0; i <= ACTIVITY_GONE; i++)
        write_u64(j, activity_word((enum activity)i), e->runs[i]);
    json_close(j, '}');
    json_key(j, "status");
    json_open(j, '{');
    for (unsigned i = STATUS_NOT_STARTED; i <= STATUS_CANCELED; i++)
        if (e->statuses[i] > 0)
            write_u64(j, lifecycle_word((enum lifecycle_status)i), e->statuses[i]);
    json_close(j, '}');
    write_u64(j, "points", e->points);
    write_u64(j, "bytes", e->bytes);
    write_u64(j, "damage", e->damage);
    write_finite(j, "first_wall", e->first_wall);
    json_key(j, "first_time");
    json_put_time(j, e->first_wall);
    write_finite(j, "last_wall", e->last_wall);
    json_key(j, "last_time");
    json_put_time(j, e->last_wall);
    json_close(j, '}');
}

static void add_run(struct experiment *e, const struct run_summary *run)
{
    e->total++;
    e->runs[run->activity]++;
    for (unsigned i = STATUS_NOT_STARTED; run->life.status && i <= STATUS_CANCELED; i++)
        e->statuses[i] += strcmp(run->life.status, lifecycle_word((enum lifecycle_status)i)) == 0;
    e->points += run->points;
    e->bytes += run->bytes;
    e->damage += run->damage;
    e->first_wall = fmin(e->first_wall, run->first_wall);
    e->last_wall = fmax(e->last_wall, run->last_wall);
}

static size_t drop_deleted(struct run_summary *runs, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (!runs[i].life.deleted)
            runs[kept++] = runs[i];
    return kept;
}

void route_experiments(struct request *request)
{
    _cleanup_free_ struct run_summary *runs = NULL;
    struct json j = JSON_INIT(&request->reply.body);
    struct experiment e = {0};
    size_t count;
    bool loading = is_loading(request);
    int r = store_runs(request->shared->options.store, &runs, &count);

    if (r < 0) {
        response_error(request, r);
        return;
    }
    count = drop_deleted(runs, count);
    if (count > 0)
        qsort(runs, count, sizeof *runs, by_experiment);
    json_open(&j, '{');
    write_bool(&j, "loading", loading);
    json_key(&j, "experiments");
    json_open(&j, '[');
    for (size_t i = 0; i < count; i++) {
        if (!e.name || strcmp(e.name, runs[i].experiment) != 0)
            e = (struct experiment){.name = runs[i].experiment, .first_wall = NAN,
                                    .last_wall = NAN};
        add_run(&e, &runs[i]);
        if (i + 1 == count || strcmp(e.name, runs[i + 1].experiment) != 0)
            write_experiment(&j, &e);
    }
    json_close(&j, ']');
    json_close(&j, '}');
    response_json(request);
}
