/* client.h: one connection: what it watches, what it was told, what it is owed.
 *
 *   text ─► client_receive ─► cursors      hub: due ─► client_writable ─► one message
 *
 * There is no queue: what is owed is a set of flags and cursors, and the message is made when the
 * socket can take it. A client that does not read therefore costs its socket's buffer only.
 *
 * Life: open ─► (saying bye) ─► closing; after `bye` is set nothing else is read or sent.
 * Thread: the live thread. */
#ifndef TB_LIVE_CLIENT_H
#define TB_LIVE_CLIENT_H

#include "live/message.h"
#include "live/sub.h"

struct hub;

enum bye { BYE_NONE, BYE_SHUTDOWN, BYE_SLOW, BYE_PROTOCOL };

struct client_error {
    bool has_id;
    uint32_t id;
    struct message_error error;
};

struct client {
    struct hub *hub;
    void *connection;              /* the socket's own, for hub_options callbacks */
    struct client *previous, *next;
    struct client *next_pending;
    bool pending;                  /* in the hub's list for the next tick */
    bool asked;                    /* for a writable socket; since asked_ns */
    bool due;                      /* a tick has come: points may be sent */
    int64_t asked_ns;

    struct buf in;                 /* a message in parts */
    double tokens;                 /* messages that it may still send */
    int64_t tokens_ns;
    bool throttled;

    struct sub **subs;             /* by slot; NULL: free */
    uint32_t n_subs, scan_slot;
    struct idmap by_feed;          /* feed -> slot */
    struct idmap handles;          /* watch id -> slot << 32 | index */

    uint64_t sent, acked;          /* payload bytes of binary messages */
    int64_t progress_ns;           /* acknowledged last, or not over the limit */
    bool paused;

    bool welcome_due, beat_due, ping_due, subs_due, runs_due;
    int64_t heard_ns, ping_ns, beat_ns;

    bool runs_on;
    char *experiment, *query;      /* filters of `runs`, or NULL */
    uint64_t runs_seen;
    int64_t runs_ns;               /* no `runs` before */

    struct client_error errors[LIMIT_LIVE_ERRORS];
    unsigned n_errors;
    enum bye bye;
    bool bye_said, closed_said;
};

enum output_kind { OUTPUT_NONE, OUTPUT_TEXT, OUTPUT_BINARY, OUTPUT_PING, OUTPUT_CLOSE };
struct output {
    enum output_kind kind;
    char *data;     /* in the hub's buffer: valid until the next call; HUB_HEADROOM bytes before */
    size_t size;
    int close_code;
    bool more;      /* ask for a writable socket again */
};

/* NULL: out of memory. */
struct client *client_new(struct hub *hub, void *connection, int64_t now_ns);
struct client *client_free(struct client *client);

/* A piece of a message. */
void client_receive(struct client *client, const char *data, size_t size, bool final,
                    bool binary);
/* A pong came. */
void client_heard(struct client *client);
/* The socket can take a message: makes it. */
void client_writable(struct client *client, struct output *ret);
/* Time passes (each LIMIT_TICK): beats, pings, limits. false: it is to be closed at once. */
bool client_pass_time(struct client *client, int64_t now_ns);
void client_say_bye(struct client *client, enum bye why);
/* There is something to say besides points. */
void client_ask(struct client *client);

/* watch.c: the messages `watch` and `unwatch`. */
void client_watch(struct client *client, const struct message *message);
void client_unwatch(struct client *client, const struct message *message);
void client_unwatch_all(struct client *client);
/* The cursor is gone from its sub: keeps handles and counts right. */
void client_remove(struct client *client, struct sub *sub, uint32_t index);
void client_fail(struct client *client, bool has_id, uint32_t id, const char *code,
                 const char *text);

/* batch.c: appends frames of all subs that are due. true: there is more. */
bool client_points(struct client *client, struct buf *out);
/* Is a sub due, and may points be sent? */
bool client_may_send_points(const struct client *client);

#endif
