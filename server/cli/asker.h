/* asker.h: the HTTP API from the command line: a running server, or the archive where none runs.
 *
 *   cmd_runs, cmd_download, … ─► asker ─► tunnel ─► server
 *                                     └──► socket pair ─► the HTTP side in this process ─► archive
 *
 * Private to cli/. One request after another, each on a connection of its own. Where no server was
 * named, one that says where it is (beacon.h) is asked, or the one at the usual port; where none
 * answers, the archive is opened in this process and asked in the same words. Errors are printed
 * here. Thread: main. */
#ifndef TB_CLI_ASKER_H
#define TB_CLI_ASKER_H

#include <jansson.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"

struct asker_options { /* of the command line */
    const char *server, *token_file, *archive, *state;
    bool exact; /* of `archive` and no other: the usual server does not do */
};

#define ASKER_OPTION_ROWS(o)                                                                      \
    {"server", 0, CLI_STRING, &(o)->server, "URL",                                                \
     "the server to ask, http:// or https:// (default:\nthe one on this machine)", 0, 0,          \
     "TAILBOARD_SERVER"},                                                                         \
    {"token-file", 0, CLI_STRING, &(o)->token_file, "FILE", "a file with the token (else "         \
     "TAILBOARD_TOKEN; the\nuser's own server on this machine needs none)", 0, 0,                  \
     "TAILBOARD_TOKEN_FILE"},                                                                      \
    {"archive", 0, CLI_STRING, &(o)->archive, "DIR", "the archive to open where no server runs",   \
     0, 0, "TAILBOARD_ARCHIVE"},                                                                   \
    {"state", 0, CLI_STRING, &(o)->state, "DIR", "where the server keeps its token", 0, 0,         \
     "TAILBOARD_STATE"}

struct asker;

/* 0, or CLI_FAILED after a message. */
int asker_open(const struct cli_command *command, const struct asker_options *options,
                struct asker **ret);
/* Accepts NULL; returns NULL. */
struct asker *asker_close(struct asker *asker);

struct asker_request {
    const char *method, *target;  /* from "/api/v1" on */
    const char *headers;          /* "Name: value\r\n" lines; NULL: none */
    const void *body;             /* NULL: none */
    size_t size;
    int fd;                       /* >= 0: the body is `size` bytes from here instead */
    /* Takes the body of a 2xx answer as it comes; NULL: it is gathered. Not 0: broken off. */
    int (*take)(void *ctx, const char *data, size_t size);
    void *ctx;
};

#define ASKER_REQUEST(m, t) {.method = (m), .target = (t), .fd = -1}

struct asker_reply {
    int status;
    char etag[160], digest[80];
    uint64_t offset, received; /* Upload-Offset, Tailboard-Received */
    bool whole;  /* the body came to its end */
    struct buf body;
};
void asker_reply_done(struct asker_reply *reply);

/* One request. 0: an answer of whatever status came; CLI_FAILED after a message. */
int asker_ask(struct asker *asker, const struct asker_request *request,
               struct asker_reply *ret);
/* The answer is no: prints the problem. Returns CLI_FAILED. */
int asker_refused(struct asker *asker, const struct asker_reply *reply);

/* GET, and the answer's JSON. NULL after a message; *ret_status (may be NULL) tells what it was. */
json_t *asker_get(struct asker *asker, const char *target, int *ret_status);
/* Any method with a JSON body (may be NULL): the answer's JSON (an empty object if it has none). */
json_t *asker_send(struct asker *asker, const char *method, const char *target,
                    const json_t *body);

/* Appends text with all but plain characters percent-encoded; with `slashes` these stay. */
void asker_quote(struct buf *out, const char *text, bool slashes);

/* The run that is named by id, by the beginning of an id, or by name. Its object; NULL after a
 * message. */
json_t *asker_find_run(struct asker *asker, const char *name);
/* Calls `each` for every run of the list; `query` is "a=b&c=d" or "". */
int asker_each_run(struct asker *asker, const char *query,
                    int (*each)(void *ctx, json_t *run), void *ctx);

/* The worse of two exit statuses. (A function: MAX() would call what it is given twice.) */
static inline int worse(int a, int b)
{
    return a > b ? a : b;
}

/* "" where it is not there or no text. */
const char *asker_text(const json_t *object, const char *key);
double asker_number(const json_t *object, const char *key);
/* Prints text for people: control characters are escaped. */
void asker_print(FILE *out, const char *text);

#endif
