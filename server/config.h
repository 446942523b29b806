/* config.h: what `tailboard serve` was asked to do, and that checked and made whole.
 *
 * cmd_serve.c fills the first half from flags and environment; config_resolve() checks it and fills
 * the second half, which the server reads. Nothing changes after that. Thread: the main one. */
#ifndef TB_CONFIG_H
#define TB_CONFIG_H

#include "base/limits.h"
#include "front/front.h"
#include "tail/tail.h"

#define CONFIG_PORT 6006     /* TensorBoard's */
#define CONFIG_MEMORY (UINT64_C(512) << 20)
#define CONFIG_CACHE_SIZE (UINT64_C(10) << 30)
#define CONFIG_OUTPUT_VERSIONS 1
#define CONFIG_PORT_TRIES 10 /* further ports when it is taken and nobody asked for it */

enum { CONFIG_PREFIX_BYTES = 200 };

struct config {
    /* as given; strings are borrowed */
    const char *const *logdirs;
    size_t n_logdirs;
    const char *host; /* NULL: localhost */
    bool bind_all;
    uint16_t port; /* 0: any */
    bool port_given;
    const char *path_prefix;          /* NULL: none */
    double reload_interval;           /* seconds between polls; 0: decided by the file system */
    bool poll;                        /* never inotify */
    unsigned workers;                 /* 0: as many as there are CPUs */
    const char *auth;                 /* "user" or "token" */
    const char *public_url;           /* NULL: none */
    const char *const *allow_hosts;   /* NULL-ended */
    const char *const *allow_origins; /* NULL-ended */
    const char *state;                /* NULL: the user's usual place */
    const char *cache;                /* the same */
    const char *archive;              /* the same */
    bool no_archive;                  /* nothing is kept of what is followed */
    uint64_t archive_reserve;         /* bytes kept free; 0: the smaller of 5 % and 10 GB */
    unsigned output_versions;         /* older ones of a file of ./outputs that are kept */
    bool no_index;                    /* everything is read again at each start */
    bool index_anew;                  /* an index that is there is not used; only reading runs */
    uint64_t memory, cache_size;      /* bytes */
    bool data_server;                 /* TensorBoard's data provider service and nothing else */
    const char *samples;              /* of that: points kept at most, by plugin; NULL: all */

    /* resolved */
    struct tail_logdir resolved[LIMIT_LOGDIRS];
    size_t n_resolved;
    const char *given[LIMIT_LOGDIRS + 1]; /* the same as given, NULL-ended */
    char prefix[CONFIG_PREFIX_BYTES];     /* "" or "/x/y" */
    char state_dir[LIMIT_PATH_BYTES];
    char cache_dir[LIMIT_PATH_BYTES]; /* "" : there is no place for one */
    char archive_dir[LIMIT_PATH_BYTES]; /* "": none */
    uint32_t poll_ms;
    enum auth_mode auth_mode;
};

/* Checks and fills the second half. 0; -EINVAL or -ENOMEM with a sentence in `ret_why`, which may
 * hold control characters from the command line (log_line() escapes them). */
_must_check_ int config_resolve(struct config *config, char *ret_why, size_t size);
void config_done(struct config *config);
/* The second half for a data server: one log directory, not looked at, no archive; an index only if
 * there is a place for it. 0 or -ENOMEM. */
_must_check_ int config_data_server(struct config *config, const char *logdir);

/* Where the archive is: as given, or (NULL) the user's usual place. -ENOENT: there is none;
 * -ENAMETOOLONG. */
_must_check_ int config_archive_place(const char *given, char *ret, size_t size);

/* The same for the state: token, secret. */
_must_check_ int config_state_place(const char *given, char *ret, size_t size);

/* May others than programs of this machine reach the server? */
bool config_beyond_loopback(const struct config *config);

#endif
