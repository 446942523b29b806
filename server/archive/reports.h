/* reports.h: the events of a run, understood and put in order: what the rows of the fold look at.
 * Part of archive, of lifecycle.
 *
 * Each id counts once, and the order is one of what events say, so that the same set always gives
 * the same. Only the last attempt is kept. Thread: any. */
#ifndef TB_ARCHIVE_REPORTS_H
#define TB_ARCHIVE_REPORTS_H

#include <jansson.h>
#include <string.h>

#include "archive/lifecycle.h"

enum report_kind { REPORT_OTHER, REPORT_CREATED, REPORT_SUBMITTED, REPORT_ENGINE, REPORT_PREPARING,
                 REPORT_STARTED, REPORT_EXITED, REPORT_FLUSHED, REPORT_CANCEL, REPORT_STOP };

/* An event that was understood. */
struct report {
    enum report_kind kind;
    uint32_t attempt;
    int32_t rank;
    double time_s;
    const char *id;
    const char *text; /* of the data */
    json_t *data;     /* parsed, where the event counts; else NULL */
};

struct report_rank {
    int32_t number;
    const struct report *started, *exited, *flushed; /* of each the newest */
};

struct reports {
    struct report *list; /* by time */
    size_t count;
    uint32_t attempt;
    bool began;              /* a report of that attempt is there */
    struct report_rank *ranks; /* by number */
    size_t n_ranks;
    uint32_t world;          /* how many ranks there should be */
    const struct report *created, *submitted, *engine, *preparing, *cancel, *stop, *agent;
    bool cancel_now;
};

/* 0 or -ENOMEM; reports_done() in both cases. The events must outlive the reports. */
_must_check_ int reports_init(struct reports *reports, const struct archive_event *events,
                            size_t count);
void reports_done(struct reports *reports);

/* Members of an event's data; "" or `usual` where they are not there or something else. */
static inline const char *report_text(const json_t *data, const char *key)
{
    const char *text = json_string_value(json_object_get(data, key));

    return text ? text : "";
}

static inline int64_t report_number(const json_t *data, const char *key, int64_t usual)
{
    const json_t *value = json_object_get(data, key);

    return json_is_integer(value) ? json_integer_value(value) : usual;
}

static inline bool report_is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

#endif
