/* ask.h: what a request for points asks for: series, range, form. Part of http.
 *
 *   POST body (ask_read.c) or query (ask.c) ─► struct ask ─► route_points.c
 *
 * A series that is not there yet stays in the list by its name: it answers no points, and a long
 * poll finds it when it comes. Thread: the worker's. */
#ifndef TB_HTTP_ASK_H
#define TB_HTTP_ASK_H

#include "http/request.h"

struct ask_series {
    struct series *series; /* NULL: not there (yet) */
    const char *run;       /* id; these point into `root` or the request */
    struct text dir, tag;
    uint64_t ordinal;      /* of `after` */
};

enum ask_format { ASK_BINARY, ASK_JSON, ASK_NDJSON, ASK_CSV };

struct ask {
    struct ask_series *series;
    size_t count;
    struct query query;
    uint32_t cols;
    bool has_after;   /* asks for what came after the ordinals */
    bool other_epoch; /* which are of another one: all are behind */
    double wait_s;
    enum ask_format format;
    void *root; /* parsed JSON that the names point into */
};

struct ask *ask_free(struct ask *ask);

/* From the body of POST /points. NULL: a problem is the reply. */
struct ask *ask_read(struct request *request);
/* From the query of GET /runs/{id}/points. */
struct ask *ask_query(struct request *request, struct run *run);

/* Looks for series that were not there. */
void ask_find(struct ask *ask, struct store *store);
/* Is there anything after the ordinals? */
bool ask_has_news(struct ask *ask, struct store *store);

/* Pieces that both ways share. False: a problem is the reply. */
bool ask_axis(struct request *request, const char *word, struct query *query);
bool ask_view(struct request *request, const char *word, struct query *query);
bool ask_cols(struct request *request, const char *words, size_t size, uint32_t *cols);
bool ask_range(struct request *request, struct query *query, double from, double to);
/* By `format` or Accept; `csv`: that is possible too. */
bool ask_choose_format(struct request *request, bool csv, enum ask_format *ret);
/* Sixteen or fewer hexadecimal digits. */
bool ask_epoch(const char *text, size_t size, uint64_t *ret);

#endif
