/* filter.h: the q, kind, sort, limit and after of lists. Part of http.
 *
 * Thread: the worker's. */
#ifndef TB_HTTP_FILTER_H
#define TB_HTTP_FILTER_H

#include "base/regex.h"
#include "http/request.h"

struct filter {
    struct regex *regex; /* NULL: everything fits */
    bool costly;         /* matching was given up */
};

/* Reads `q`. False: a problem is the reply. */
bool filter_init(struct filter *filter, struct request *request);
void filter_done(struct filter *filter);
bool filter_fits(struct filter *filter, const char *text, size_t size);
/* After the matching: false when it was given up, with a problem as the reply. */
bool filter_ended(const struct filter *filter, struct request *request);

/* Reads `kind`; 0: any. False: a problem is the reply. */
bool filter_kind(struct request *request, enum series_kind *ret);
/* Reads `view`. */
bool filter_view(struct request *request, enum view usual, enum view *ret);
/* Link: rel=next to the same list after `after` (a text of URL-safe characters). */
void filter_link_next(struct request *request, const char *after);

#endif
