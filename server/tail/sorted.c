#include "tail/sorted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 2 };

static const char *name_at(const struct sorted *kind, const void *items, size_t at)
{
    return kind->name((const char *)items + at * kind->size);
}

ptrdiff_t sorted_place(const struct sorted *kind, const void *items, size_t n, const char *name)
{
    size_t low = 0, high = n;

    if (n > 0 && strcmp(name_at(kind, items, n - 1), name) < 0)
        return ~(ptrdiff_t)n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name_at(kind, items, middle), name);
        if (order == 0)
            return (ptrdiff_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return ~(ptrdiff_t)low;
}

int sorted_open(const struct sorted *kind, void *items_pointer, size_t *n, size_t *capacity,
                size_t at)
{
    char **items = items_pointer;

    if (*n == *capacity) {
        size_t wanted = *capacity ? 2 * *capacity : FIRST_CAPACITY;
        char *grown = realloc(*items, wanted * kind->size);
        if (!grown)
            return -ENOMEM;
        *items = grown;
        *capacity = wanted;
    }
    char *place = *items + at * kind->size;
    memmove(place + kind->size, place, (*n - at) * kind->size);
    ++*n;
    return 0;
}

void sorted_close(const struct sorted *kind, void *items, size_t *n, size_t at)
{
    char *place = (char *)items + at * kind->size;

    --*n;
    memmove(place, place + kind->size, (*n - at) * kind->size);
}
