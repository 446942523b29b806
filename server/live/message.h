/* message.h: what a client says: one JSON text, checked and laid out flat.
 *
 *   socket ─ text ─► message ─► client (watch, unwatch, ack, runs, pause, resume)
 *
 * A single watch is a block of one run and one tag, so there is one way to watch. Unknown `t` and
 * unknown fields are skipped: a newer page may talk to an older server. Hostile input: nothing
 * here depends on the text but its size, which the socket limits. Thread: the live thread. */
#ifndef TB_LIVE_MESSAGE_H
#define TB_LIVE_MESSAGE_H

#include "store/store.h"

enum message_kind {
    MESSAGE_UNKNOWN, MESSAGE_WATCH, MESSAGE_UNWATCH, MESSAGE_ACK, MESSAGE_RUNS, MESSAGE_PAUSE,
    MESSAGE_RESUME,
};

#define MESSAGE_FROM_END UINT64_MAX

struct message_run {
    const char *id;  /* terminated; may be an id that no run has */
    struct text dir;
};

struct message {
    enum message_kind kind;
    bool has_id;
    uint32_t id;
    /* watch; unwatch of a block: count = n_runs * n_tags, or as given */
    size_t n_runs, n_tags;
    struct message_run *runs;
    struct text *tags;
    enum view view;
    uint32_t cols;
    bool has_epoch;      /* cursors were given; they hold in this epoch only */
    uint64_t epoch;
    uint64_t *ordinals;  /* n_runs * n_tags; MESSAGE_FROM_END; NULL: all from the end */
    /* unwatch */
    size_t n_ids;
    uint32_t *ids;
    uint64_t count;
    /* ack */
    uint64_t bytes;
    /* runs */
    bool on;
    const char *experiment, *query; /* NULL: any */
    uint64_t since;      /* changes after this one are wanted, if has_epoch and it is this one */

    void *memory; /* the parsed tree: strings above belong to it */
};

struct message_error {
    const char *code; /* static */
    char text[160];
};

/* 0: *ret is to be released with message_done(). -EBADMSG: *error says why, and ret->has_id and
 * ret->id which watch was meant if that could be read. -ENOMEM. */
_must_check_ int message_parse(const char *data, size_t size, struct message *ret,
                               struct message_error *error);
void message_done(struct message *message);

#endif
