/* tagname.h: tags as JSON shows them, and the way back.
 *
 * A tag is bytes. JSON is UTF-8, so a tag that is not shows U+FFFD in its bad places, and behind
 * it "#" and six digits of its hash: two tags that differ only in bad bytes stay two, and a client
 * can ask for either by the name it was shown. Part of store.h, for the HTTP API and the live
 * side. Thread: any. */
#ifndef TB_STORE_TAGNAME_H
#define TB_STORE_TAGNAME_H

#include "base/json.h"
#include "store/store.h"

enum { TAGNAME_HASH_DIGITS = 6 }; /* behind a tag that is not UTF-8 */

bool tagname_is_utf8(struct text tag);
/* Could it be what a tag that is not UTF-8 is shown as? */
bool tagname_may_be_shown(struct text name);
/* The shown name as the inside of a JSON string. Two names are equal if these are. */
void tagname_escape(struct buf *out, struct text tag);
void tagname_put(struct json *j, struct text tag);
static inline void tagname_write(struct json *j, const char *key, struct text tag)
{
    json_key(j, key);
    tagname_put(j, tag);
}
/* The series with this tag, or whose tag is shown like this. NULL: none. */
struct series *tagname_find(struct run *run, struct text dir, struct text shown);

#endif
