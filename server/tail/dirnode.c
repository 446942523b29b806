/* dirnode.c: one directory's record: its children and entries, sorted. See discover.h. */
#include <errno.h>
#include <string.h>

#include "tail/discover.h"

static char *join(const char *a, const char *b)
{
    char *out = NULL;

    if (!*a)
        return strdup(b);
    return asprintf(&out, "%s/%s", a, b) < 0 ? NULL : out;
}

struct dirnode *dirnode_new(struct logroot *root, struct dirnode *parent, const char *base,
                            bool link)
{
    struct dirnode *node = calloc(1, sizeof *node);

    if (!node)
        return NULL;
    node->root = root;
    node->parent = parent;
    node->link = link;
    node->wd = -1;
    node->depth = parent ? parent->depth + 1 : 0;
    node->name = parent ? join(parent->name, base) : strdup("");
    if (!node->name)
        return dirnode_free(node);
    const char *slash = strrchr(node->name, '/');
    node->base = slash ? slash + 1 : node->name;
    return node;
}

struct dirnode *dirnode_free(struct dirnode *node)
{
    if (!node)
        return NULL;
    for (size_t i = 0; i < node->n_entries; i++)
        free(node->entries[i].name);
    free(node->entries);
    free(node->children);
    free(node->path);
    free(node->name);
    free(node);
    return NULL;
}

ptrdiff_t dirnode_child(const struct dirnode *node, const char *base)
{
    size_t low = 0, high = node->n_children;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(node->children[middle]->base, base);
        if (order == 0)
            return (ptrdiff_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return ~(ptrdiff_t)low;
}

ptrdiff_t dirnode_entry(const struct dirnode *node, const char *name)
{
    size_t low = 0, high = node->n_entries;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(node->entries[middle].name, name);
        if (order == 0)
            return (ptrdiff_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return ~(ptrdiff_t)low;
}

int dirnode_add_entry(struct dirnode *node, const char *name, bool link, bool temporary)
{
    ptrdiff_t place = dirnode_entry(node, name);

    if (place >= 0) {
        node->entries[place].link = link;
        return 0;
    }
    if (node->n_entries == node->entries_capacity) {
        size_t capacity = node->entries_capacity ? 2 * node->entries_capacity : 2;
        struct direntry *entries = realloc(node->entries, capacity * sizeof *entries);
        if (!entries)
            return -ENOMEM;
        node->entries = entries;
        node->entries_capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    size_t at = (size_t)~place;
    memmove(node->entries + at + 1, node->entries + at,
            (node->n_entries - at) * sizeof *node->entries);
    node->entries[at] = (struct direntry){.name = copy, .wd = -1, .link = link,
                                          .temporary = temporary};
    node->n_entries++;
    node->n_temporary += temporary;
    return 0;
}
