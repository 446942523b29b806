/* front.h: the listening sockets, and who gets in.
 *
 * One port for everything. The acceptor peeks at the first bytes of a connection (edge-triggered
 * epoll, MSG_PEEK) and hands it over whole:
 *   "GET <prefix>/live" with "Upgrade: websocket"  ─► doors.live
 *   the HTTP/2 preface                             ─► doors.grpc (NULL: closed)
 *   anything else, as early as it is known         ─► doors.http
 * A connection that stays undecided is closed after LIMIT_UNDECIDED_MS; over the client limit, or
 * over that of its address, it gets a 503 at once. Connections of the own user are not counted by
 * address: who else shares 127.0.0.1 with us must not be able to shut us out.
 *
 * The second half of this header decides whether a request is admitted: one set of rules for HTTP
 * and WebSocket (docs/security.md).
 *
 * Threads: the acceptor is one thread of its own; door callbacks run on it and must only queue.
 * auth_*() may be called from any thread. */
#ifndef TB_FRONT_FRONT_H
#define TB_FRONT_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "front/head.h"

/* Who is at the other end, found at accept. */
struct peer {
    struct sockaddr_storage address;
    bool loopback;
    bool own_user;  /* loopback, its socket has a non-zero inode and our own uid (sock_diag) */
    char text[56];  /* address for logs */
};

struct door {
    void *ctx;
    /* Takes over `fd` (non-blocking); nothing was read from it. */
    void (*take)(void *ctx, int fd, const struct peer *peer);
};

struct front_options {
    const char *host;      /* address or name to bind; NULL: "localhost" (127.0.0.1 and ::1) */
    bool bind_all;         /* 0.0.0.0 and :: */
    uint16_t port;         /* 0: any free one */
    uint16_t port_tries;   /* further ports tried when taken (default port only) */
    const char *prefix;    /* path prefix, "" or "/x" */
    struct door http, live, grpc; /* take NULL: that kind is refused */
    unsigned max_clients;  /* 0: half of RLIMIT_NOFILE */
    unsigned max_per_address; /* of others than the own user; 0: LIMIT_CONNECTIONS_PER_ADDRESS */
};

struct front;
/* Binds and starts the thread. -EADDRINUSE, -EADDRNOTAVAIL, -errno. */
_must_check_ int front_start(const struct front_options *options, struct front **ret);
uint16_t front_port(const struct front *front);
/* Stops accepting, closes undecided connections, joins. Comes before the doors are stopped, so
 * whoever passes on their front_closed() must hold it back from here on. Accepts NULL; returns
 * NULL. */
struct front *front_stop(struct front *front);
/* Doors say when a connection that they took is closed (for the limits), once for each. Any
 * thread. */
void front_closed(struct front *front, const struct peer *peer);

/* ---- who gets in ------------------------------------------------------------------------ */

enum auth_mode { AUTH_USER, /* own user on loopback, else a token */ AUTH_TOKEN /* always */ };

struct auth_options {
    enum auth_mode mode;
    const char *state_dir;        /* holds server secret and token (0600); made if missing */
    const char *prefix;           /* "" or "/x": cookie path */
    const char *public_url;       /* or NULL */
    const char *const *allow_hosts;   /* NULL-ended, or NULL */
    const char *const *allow_origins; /* NULL-ended, or NULL */
};

struct auth;
/* Loads or makes secret and token. -errno (message logged). */
_must_check_ int auth_new(const struct auth_options *options, struct auth **ret);
struct auth *auth_free(struct auth *auth);
/* The token's text (for the link printed at start when one is needed). */
const char *auth_token(const struct auth *auth);
bool auth_token_is_new(const struct auth *auth);

/* What a caller may do; each includes those before it. */
enum auth_right {
    AUTH_READ = 1,
    AUTH_WRITE, /* make runs, upload, annotate */
    AUTH_ADMIN, /* delete, tokens */
};
/* "read", "write", "admin"; and back (0: unknown word). */
const char *auth_right_word(enum auth_right right);
enum auth_right auth_right_parse(const char *word);

/* A request as the rules see it; header() returns a value or NULL, and sets *ret_count to how
 * often the header was sent. */
struct auth_request {
    const struct peer *peer;
    const char *method;
    bool websocket;
    bool reads_only; /* changes nothing, though its method is not GET: no key with a cookie */
    enum auth_right needs; /* 0: AUTH_READ */
    const char *run;       /* id of the run that it is about, or NULL: that run's token will do */
    const char *(*header)(void *ctx, const char *name, unsigned *ret_count);
    void *ctx;
};

struct auth_verdict {
    int status;          /* 0: admitted; 401, 403, 429 */
    const char *code;    /* "token-needed", "host-not-allowed", "origin-not-allowed", … */
    char detail[256];    /* names header, value and the flag to use */
    bool by_user, by_cookie, by_token;
    bool by_run_token; /* admitted for request->run alone */
    enum auth_right right;
};

/* Decides. Wrong tokens are counted per address (LIMIT_AUTH_FAILURES_PER_MINUTE). */
void auth_check(struct auth *auth, const struct auth_request *request, struct auth_verdict *ret);
/* The part of the rules that holds where no credential is asked for (POST /session, page files):
 * Origin and Sec-Fetch-Site. status 0 or 403. */
void auth_check_origin(const struct auth *auth, const struct auth_request *request,
                       struct auth_verdict *ret);

/* POST /session: compares the token in constant time, and on success writes the value of a
 * Set-Cookie header and of X-Tailboard-Key. 0; -EACCES; -EBUSY (too many failures). */
_must_check_ int auth_session(struct auth *auth, const struct peer *peer, const char *token,
                              bool secure, char ret_cookie[512], char ret_key[128]);
/* The token of one run: writes and reads that run only, the same each time. 0 or -ENOMEM. */
enum { AUTH_RUN_TOKEN_BYTES = 160 };
_must_check_ int auth_run_token(const struct auth *auth, const char *run,
                                char ret_token[AUTH_RUN_TOKEN_BYTES]);

/* Further tokens beside the server's own. */
enum { TOKEN_NAME_BYTES = 64 };
struct token_row {
    char id[9];
    enum auth_right right;
    uint8_t hash[32];
    double made_s;
    char name[TOKEN_NAME_BYTES + 1];
};
struct tokens;
/* See tokens_list(), tokens_add() and tokens_revoke() of front/tokens.h. */
_must_check_ int auth_tokens_list(struct auth *auth, struct token_row **ret, size_t *ret_count);
_must_check_ int auth_tokens_add(struct auth *auth, const char *name, enum auth_right right,
                                 char ret_text[64], char ret_id[9]);
_must_check_ int auth_tokens_revoke(struct auth *auth, const char *id);

/* Set-Cookie value that ends the session. */
void auth_session_end(const struct auth *auth, char ret_cookie[512]);

#endif
