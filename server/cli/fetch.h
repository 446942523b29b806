/* fetch.h: one file of a run brought here: in ranges, gone on with, its hash checked. Private to
 * cli/. Thread: main. */
#ifndef TB_CLI_FETCH_H
#define TB_CLI_FETCH_H

#include "cli/asker.h"

/* Writes the file to `to` (NULL: standard output), making directories. What a broken connection
 * left in `to`.part is gone on with. 0, or CLI_FAILED after a message. */
int fetch_file(struct asker *asker, const char *run, const json_t *kept, const char *to);
/* The files of a run (member `kept` of GET files): newest generations whose path fits a pattern
 * ("*": any text, "?": one character) or lies below it as a folder; NULL: all. A new array; NULL
 * after a message. */
json_t *fetch_list(struct asker *asker, const char *run, const char *pattern);
/* Makes the directories in front of the last part of a path. 0 or -errno. */
int fetch_parents(const char *path);

#endif
