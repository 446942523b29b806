/* points_flow.h: the state of an answer under way, between points_reply.c (which series is next)
 * and points_text.c (how it is written). Part of http. Thread: the worker's. */
#ifndef TB_HTTP_POINTS_FLOW_H
#define TB_HTTP_POINTS_FLOW_H

#include "http/columns.h"
#include "http/held.h"
#include "http/points_reply.h"

enum { POINTS_PIECE = 65536 };

struct points_flow {
    struct producer producer;
    struct http_shared *shared;
    struct ask *ask;
    bool single;
    size_t at;           /* series being written */
    struct held held;
    /* of series `at`, if `have` */
    bool have;
    struct news news;    /* of `after`; its points have been moved to `rows` */
    struct answer head;  /* tells about all of the answer; no columns */
    struct answer rows;  /* all of it, or the piece at hand: the only owner */
    struct walk *walk;   /* gives the pieces; NULL: there is one */
    /* text */
    struct columns_view view; /* of `rows` */
    enum { TEXT_BEGIN, TEXT_HEAD, TEXT_ROWS, TEXT_TAIL } stage;
    size_t column, row;
    bool any;            /* a frame was written: the next needs a comma */
    bool open;           /* within the numbers of a column */
};

/* Looks up series `at`. 0 or -errno. */
int points_look(struct points_flow *flow);
/* Is there an answer beside truncations? */
bool points_has_answer(const struct points_flow *flow);
/* Attempts differ: they are a column. */
static inline bool points_mixed(const struct points_flow *flow)
{
    return flow->head.attempt == 0 && flow->head.count > 0;
}
/* The next piece in `rows`: 1; 0: there is none; -errno. */
int points_more(struct points_flow *flow);
/* The first piece again. 1 or -errno. */
int points_again(struct points_flow *flow);
/* Goes on to the next series. */
void points_next(struct points_flow *flow);
/* Writes a piece as text; 1: there is more of this series; 0: it is all written; -errno. */
int points_text(struct points_flow *flow, struct buf *out);
/* What stands before the first and behind the last series. */
void points_text_begin(struct points_flow *flow, struct buf *out);
void points_text_end(struct points_flow *flow, struct buf *out);

#endif
