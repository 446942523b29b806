/* jsonbody.h: JSON bodies of the run history's requests. Part of http; includes jansson.
 * Thread: the worker's. */
#ifndef TB_HTTP_JSONBODY_H
#define TB_HTTP_JSONBODY_H

#include <jansson.h>

#include "http/request.h"

/* The body parsed: an object, or with `array` an array. An empty body is an empty one. NULL: a
 * problem is the reply. */
json_t *jsonbody_read(struct request *request, bool array);
/* Only members of `known` (NULL-ended) are there. False: a problem is the reply. */
bool jsonbody_knows(struct request *request, const json_t *object, const char *const *known);
/* A text member without NUL, at most `max` bytes;
 * not there: *ret stays. False: a problem is the reply. */
bool jsonbody_text(struct request *request, const json_t *object, const char *key, size_t max,
                   const char **ret);
/* The same as one line, sorted members: equal values give equal text. NULL: out of memory, or more
 * than `max` bytes (a problem is the reply). Freed by the caller. */
char *jsonbody_line(struct request *request, const json_t *value, size_t max);
/* Does the object of texts have KEY:VALUE? */
bool jsonbody_has_tag(const char *tags, const char *tag);
/* A copy of a text member of an object; *ret stays where there is none. 0 or -ENOMEM. */
_must_check_ int jsonbody_member(const char *object, const char *key, char **ret);

#endif
