/* tagname.h: tags as JSON shows them, and the way back. Part of http.
 *
 * A tag is bytes. JSON is UTF-8, so a tag that is not shows U+FFFD in its bad places, and behind
 * it "#" and six digits of its hash: two tags that differ only in bad bytes stay two, and a client
 * can ask for either by the name it was shown. Thread: any. */
#ifndef TB_HTTP_TAGNAME_H
#define TB_HTTP_TAGNAME_H

#include "base/json.h"
#include "store/store.h"

bool tagname_is_utf8(struct text tag);
void tagname_put(struct json *j, struct text tag);
static inline void tagname_write(struct json *j, const char *key, struct text tag)
{
    json_key(j, key);
    tagname_put(j, tag);
}
/* The series with this tag, or whose tag is shown like this. NULL: none. */
struct series *tagname_find(struct run *run, struct text dir, struct text shown);

#endif
