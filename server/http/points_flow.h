/* points_flow.h: the state of an answer under way, between points_reply.c (which series is next)
 * and points_text.c (how it is written). Part of http. Thread: the worker's. */
#ifndef TB_HTTP_POINTS_FLOW_H
#define TB_HTTP_POINTS_FLOW_H

#include "http/columns.h"
#include "http/points_reply.h"

enum { POINTS_PIECE = 65536 };

struct points_flow {
    struct producer producer;
    struct http_shared *shared;
    struct ask *ask;
    bool single;
    size_t at;              /* series being written */
    uint64_t left;          /* points that may still be answered */
    uint64_t held;          /* points of `answer` counted in shared->held_points */
    bool have;              /* `news` and `answer` are those of `at` */
    struct news news;       /* of `after` */
    struct answer answer;   /* else; or the points of the news, borrowed */
    bool borrowed;
    /* text */
    struct columns_view view;
    enum { TEXT_BEGIN, TEXT_HEAD, TEXT_ROWS, TEXT_TAIL } stage;
    size_t column, row;
    bool any;               /* a frame was written: the next needs a comma */
};

/* Looks up series `at`. 0 or -errno. */
int points_look(struct points_flow *flow);
/* Is there an answer beside truncations? */
bool points_has_answer(const struct points_flow *flow);
/* Goes on to the next series. */
void points_next(struct points_flow *flow);
/* Writes a piece as text; 1: there is more of this series; 0: it is all written. */
int points_text(struct points_flow *flow, struct buf *out);
/* What stands before the first and behind the last series. */
void points_text_begin(struct points_flow *flow, struct buf *out);
void points_text_end(struct points_flow *flow, struct buf *out);

#endif
