/* eventname.h: which names are event files.
 *
 * TensorBoard's rule: the base name contains "tfevents". Names that tools use while they write a
 * file (rsync's ".name.Ab3dE", "name.tmp", …) are left out until renamed: read under two names,
 * their points would count twice. Before: a directory listing or an inotify event. After: discover,
 * and the commands that read files. Thread: any. */
#ifndef TB_BASE_EVENTNAME_H
#define TB_BASE_EVENTNAME_H

#include <stdbool.h>
#include <stddef.h>

enum eventname {
    EVENTNAME_OTHER,     /* no event file */
    EVENTNAME_EVENT,     /* an event file */
    EVENTNAME_TEMPORARY, /* looks like one, but is somebody's unfinished copy: counted only */
};

enum eventname eventname_class(const char *name);
/* Is this the name of any file that a tool has not finished? */
bool eventname_temporary(const char *name);

/* Copies a name, every byte that is not UTF-8 replaced by U+FFFD. Heap; NULL: out of memory. */
char *eventname_utf8(const char *name);

#endif
