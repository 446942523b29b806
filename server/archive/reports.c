#include "archive/reports.h"

#include <errno.h>
#include <math.h>

static const char *const kind_words[] = {
    [REPORT_CREATED] = "created", [REPORT_SUBMITTED] = "submitted", [REPORT_ENGINE] = "engine",
    [REPORT_PREPARING] = "preparing", [REPORT_STARTED] = "started", [REPORT_EXITED] = "exited",
    [REPORT_FLUSHED] = "flushed", [REPORT_CANCEL] = "cancel", [REPORT_STOP] = "stop",
};

static enum report_kind kind_of(const char *word)
{
    for (size_t i = 1; word && i < ARRAY_LEN(kind_words); i++)
        if (strcmp(word, kind_words[i]) == 0)
            return (enum report_kind)i;
    return REPORT_OTHER;
}

bool lifecycle_kind_is_known(const char *kind)
{
    return kind_of(kind) != REPORT_OTHER;
}

static int order_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* A total order of what an event says, so that the same set is always folded alike. */
static int by_time(const void *left, const void *right)
{
    const struct report *a = left, *b = right;
    int order = (a->time_s > b->time_s) - (a->time_s < b->time_s);

    if (order == 0)
        order = order_text(a->id, b->id);
    if (order == 0)
        order = order_text(a->text, b->text);
    if (order == 0)
        order = (a->attempt > b->attempt) - (a->attempt < b->attempt);
    if (order == 0)
        order = (a->rank > b->rank) - (a->rank < b->rank);
    return order ? order : (int)a->kind - (int)b->kind;
}

static int by_id(const void *left, const void *right)
{
    const struct report *a = left, *b = right;
    int order = order_text(a->id, b->id);

    return order ? order : by_time(left, right);
}

static bool is_report(enum report_kind kind)
{
    return kind >= REPORT_SUBMITTED && kind <= REPORT_FLUSHED;
}

/* Fills `reports`, each id once, by time. */
static int collect(struct reports *f, const struct archive_event *events, size_t count)
{
    size_t kept = 0;

    f->list = calloc(count + 1, sizeof *f->list);
    if (!f->list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct archive_event *e = &events[i];
        enum report_kind kind = kind_of(e->kind);

        if (kind == REPORT_OTHER)
            continue;
        f->list[f->count++] = (struct report){
            .kind = kind,
            .attempt = MAX(e->attempt, 1u),
            .rank = MAX(e->rank, 0),
            .time_s = isfinite(e->time_s) ? e->time_s : 0,
            .id = e->id,
            .text = e->data,
        };
    }
    if (f->count > 1)
        qsort(f->list, f->count, sizeof *f->list, by_id);
    for (size_t i = 0; i < f->count; i++)
        if (i == 0 || order_text(f->list[i].id, f->list[kept - 1].id) != 0)
            f->list[kept++] = f->list[i];
    f->count = kept;
    if (f->count > 1)
        qsort(f->list, f->count, sizeof *f->list, by_time);
    f->attempt = 1;
    for (size_t i = 0; i < f->count; i++) {
        if (!is_report(f->list[i].kind))
            continue;
        f->attempt = MAX(f->attempt, f->list[i].attempt);
        f->began = true;
    }
    return 0;
}

static bool counts(const struct reports *f, const struct report *report)
{
    switch (report->kind) {
    case REPORT_OTHER:
        return false;
    case REPORT_CREATED:
        return true;
    case REPORT_CANCEL:
    case REPORT_STOP: /* asked for before the attempt was known here, perhaps */
        return report->attempt >= f->attempt;
    default:
        return report->attempt == f->attempt;
    }
}

static struct report_rank *rank_of(struct reports *f, int32_t number)
{
    size_t at = f->n_ranks;

    while (at > 0 && f->ranks[at - 1].number > number)
        at--;
    if (at > 0 && f->ranks[at - 1].number == number)
        return &f->ranks[at - 1];
    memmove(&f->ranks[at + 1], &f->ranks[at], (f->n_ranks - at) * sizeof *f->ranks);
    f->n_ranks++;
    f->ranks[at] = (struct report_rank){.number = number};
    return &f->ranks[at];
}

/* The newest of each kind of the last attempt; reports come by time. */
static void sort_in(struct reports *f, const struct report *report)
{
    bool of_rank = report->kind == REPORT_STARTED || report->kind == REPORT_EXITED ||
                   report->kind == REPORT_FLUSHED;
    struct report_rank *rank = of_rank ? rank_of(f, report->rank) : NULL;

    switch (report->kind) {
    case REPORT_CREATED:
        f->created = f->created ? f->created : report;
        break;
    case REPORT_SUBMITTED:
        f->submitted = report;
        break;
    case REPORT_ENGINE:
        f->engine = report;
        break;
    case REPORT_PREPARING:
        f->preparing = f->agent = report;
        break;
    case REPORT_STARTED:
        rank->started = f->agent = report;
        f->world = (uint32_t)MAX((int64_t)f->world,
                                 MIN(report_number(report->data, "world_size", 1),
                                     (int64_t)LIMIT_RANKS));
        break;
    case REPORT_EXITED:
        rank->exited = f->agent = report;
        break;
    case REPORT_FLUSHED:
        rank->flushed = f->agent = report;
        break;
    case REPORT_CANCEL:
        f->cancel = report;
        f->cancel_now |= json_is_true(json_object_get(report->data, "now"));
        break;
    case REPORT_STOP:
        f->stop = report;
        break;
    default:
        break;
    }
}

static int look(struct reports *f)
{
    f->ranks = calloc(f->count + 1, sizeof *f->ranks);
    if (!f->ranks)
        return -ENOMEM;
    for (size_t i = 0; i < f->count; i++) {
        struct report *report = &f->list[i];

        if (!counts(f, report))
            continue;
        report->data = json_loads(report->text ? report->text : "", 0, NULL);
        sort_in(f, report);
    }
    f->world = MAX(f->world, (uint32_t)f->n_ranks);
    f->world = MAX(f->world, 1u);
    return 0;
}

int reports_init(struct reports *reports, const struct archive_event *events, size_t count)
{
    int r;

    *reports = (struct reports){0};
    r = collect(reports, events, count);
    return r < 0 ? r : look(reports);
}

void reports_done(struct reports *reports)
{
    for (size_t i = 0; i < reports->count; i++)
        json_decref(reports->list[i].data);
    free(reports->list);
    free(reports->ranks);
    *reports = (struct reports){0};
}
