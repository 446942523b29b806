/* regex.h: a user's regular expression over names, with limits on what it may cost.
 *
 * PCRE2 with limits on steps, depth and memory of one match, and on the time of all matches of one
 * struct regex; text that is not UTF-8 is matched as well as can be. Thread: one owner. */
#ifndef TB_BASE_REGEX_H
#define TB_BASE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

enum { REGEX_ERROR_BYTES = 160 };

struct regex;

/* 0; -EINVAL: not a regular expression, the message says what and where; -EMSGSIZE: longer than
 * LIMIT_REGEX_BYTES; -ENOMEM. */
_must_check_ int regex_new(const char *pattern, size_t size, struct regex **ret,
                           char message[REGEX_ERROR_BYTES]);
struct regex *regex_free(struct regex *regex);

/* Is there a match anywhere in the text? 1 or 0; -E2BIG: it costs too much. */
_must_check_ int regex_match(struct regex *regex, const char *text, size_t size);

#endif
