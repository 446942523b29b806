/* target.h: a request's path and query, decoded. Part of http.
 *
 * libmicrohttpd decodes leniently and loses what was written, so the address is taken as it came
 * and decoded here, strictly: a bad escape or a NUL is an error. Everything points into one copy
 * of the address. Thread: the worker's. */
#ifndef TB_HTTP_TARGET_H
#define TB_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/limits.h"

struct target_pair {
    const char *name, *value;
    size_t size; /* of the value */
};

struct target {
    char *memory;
    const char *query; /* as written, without '?'; "" if none (a copy of its own) */
    const char *segments[LIMIT_PATH_SEGMENTS]; /* decoded, without a last empty one */
    size_t n_segments;
    size_t depth; /* slashes behind the prefix: how far the page is from its root */
    struct target_pair *pairs;
    size_t n_pairs;
};

/* Parses the part of an address behind the prefix: "/a/b?x=y". 0; -EBADMSG: not well formed;
 * -E2BIG: too many parts; -ENOMEM. */
_must_check_ int target_init(struct target *target, const char *address);
void target_done(struct target *target);

/* The value of a name, NULL if it is not there; *ret_count (may be NULL) says how often it is. */
const char *target_value(const struct target *target, const char *name, size_t *ret_count);

/* Decodes percent escapes in place ('+' is a space when `form`). The length, or -1. */
ssize_t target_decode(char *text, bool form);

#endif
