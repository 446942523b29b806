/* upload.h: which file's turn it is, what is asked of the server, and what its answers mean.
 *
 * A file's way: HEAD (where do you stand? are these my bytes?) ─► PATCH in pieces ─► a last PATCH
 * with the hash. Differing bytes: POST opens a new generation. A lost connection, a refusal or a
 * surprise all lead back to HEAD: the server's offset is the truth (docs/formats/upload.md).
 *
 * Several requests are under way on one connection, in order. Event files and the console go
 * before whole files. Thread: ship's. */
#ifndef TB_SHIP_UPLOAD_H
#define TB_SHIP_UPLOAD_H

#include "ship/channel.h"
#include "ship/shipfile.h"

enum upload_kind { UPLOAD_ASK, UPLOAD_ANEW, UPLOAD_PIECE, UPLOAD_LAST, UPLOAD_REPAIR };

struct upload_request {
    struct shipfile *file;
    enum upload_kind kind;
    uint64_t end; /* of a piece */
};

struct upload_queue {
    struct shipfile *first, **last;
};

struct upload {
    struct channel *channel; /* NULL: no server */
    struct upload_request pending[LIMIT_PIECES_UNDER_WAY];
    unsigned first, count;
    struct upload_queue live, bulk;
    unsigned turns;
    uint64_t piece;  /* bytes of the next one: as much as goes in a quarter of a second */
    uint64_t most;   /* with a rate: no piece is larger */
    int64_t hold_ns; /* nothing is sent before */
    unsigned tries;
    const char *server; /* for messages */
    void (*trouble)(void *ctx, const char *text);
    void *ctx;
    bool told; /* that the server does not answer */
    char error[256];
};

void upload_init(struct upload *upload);
/* Puts the file into its queue, if it wants anything. */
void upload_queue(struct upload *upload, struct shipfile *file);
/* Sends what can be sent now. Returns when more is due, ns; INT64_MAX: after the next answer. */
int64_t upload_send(struct upload *upload, int64_t now_ns);
/* Takes in answers; waits for the first at most timeout_ms. */
void upload_receive(struct upload *upload, int timeout_ms);
/* A run ends for good: its files leave the queues and the list. */
void upload_forget(struct upload *upload);

#endif
