/* history_rig.h: a store, an archive and the HTTP side on a port of their own, in one process.
 *
 * Every peer counts as the own user unless `stranger` is set. Requests are bytes on a socket. */
#ifndef TESTS_LIB_HISTORY_RIG_H
#define TESTS_LIB_HISTORY_RIG_H

#include <pthread.h>

#include "http/http.h"

struct history_rig {
    struct store *store;
    struct archive *archive;
    struct auth *auth;
    struct http *http;
    int listener;
    uint16_t port;
    pthread_t thread;
    _Atomic bool stranger;
    char dir[64]; /* state/, archive/ */
};

/* Aborts when something cannot be made. */
void history_rig_start(struct history_rig *rig);
/* Stops all and starts anew on the same directory. */
void history_rig_again(struct history_rig *rig);
void history_rig_stop(struct history_rig *rig);

struct history_answer {
    int status; /* 0: the connection ended without one */
    char *head, *body;
    size_t size;
};
void history_answer_done(struct history_answer *answer);

int history_rig_connect(struct history_rig *rig);
/* Sends all; false: the other end does not take it. */
bool history_send(int fd, const void *data, size_t size);
/* Reads one answer of known length, or to the end of the connection. */
struct history_answer history_read(int fd);
/* One request on a connection of its own. `headers`: lines with CR LF, or NULL. */
struct history_answer history_ask(struct history_rig *rig, const char *method, const char *path,
                                  const char *headers, const void *body, size_t size);
/* A header's value in `out`; "" if it is not there. */
const char *history_header(const struct history_answer *answer, const char *name, char *out,
                           size_t size);

#endif
