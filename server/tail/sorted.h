/* sorted.h: arrays that are kept sorted by name: a directory's children, its files, posted names.
 *
 * The items are structs or pointers; what they are called is told by a function. Before: a name
 * from a listing or an event. Thread: that of the array. */
#ifndef TB_TAIL_SORTED_H
#define TB_TAIL_SORTED_H

#include <stddef.h>

#include "base/cleanup.h"

/* What an array holds. */
struct sorted {
    size_t size; /* of an item */
    const char *(*name)(const void *item);
};

/* Index of the item with this name, or ~index where it belongs. The last place is tried first:
 * listings come sorted. */
ptrdiff_t sorted_place(const struct sorted *kind, const void *items, size_t n, const char *name);
/* Makes room for an item at `at`, uninitialized; *items may move. -ENOMEM: nothing changed. */
_must_check_ int sorted_open(const struct sorted *kind, void *items_pointer, size_t *n,
                             size_t *capacity, size_t at);
/* Takes the item at `at` out. */
void sorted_close(const struct sorted *kind, void *items, size_t *n, size_t at);

#endif
