/* dirnode.c: one directory's record: its children and entries, sorted. See discover.h. */
#include <errno.h>
#include <string.h>

#include "tail/discover.h"
#include "tail/sorted.h"

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

static const char *child_name(const void *item)
{
    return (*(struct dirnode *const *)item)->base;
}

static const char *entry_name(const void *item)
{
    return ((const struct direntry *)item)->name;
}

static const struct sorted children = {sizeof(struct dirnode *), child_name};
static const struct sorted entries = {sizeof(struct direntry), entry_name};

ptrdiff_t dirnode_child(const struct dirnode *node, const char *base)
{
    return sorted_place(&children, node->children, node->n_children, base);
}

ptrdiff_t dirnode_entry(const struct dirnode *node, const char *name)
{
    return sorted_place(&entries, node->entries, node->n_entries, name);
}

int dirnode_add_child(struct dirnode *node, struct dirnode *child)
{
    size_t at = (size_t)~dirnode_child(node, child->base);

    if (sorted_open(&children, &node->children, &node->n_children, &node->children_capacity,
                    at) < 0)
        return -ENOMEM;
    node->children[at] = child;
    return 0;
}

void dirnode_drop_child(struct dirnode *node, size_t at)
{
    sorted_close(&children, node->children, &node->n_children, at);
}

int dirnode_add_entry(struct dirnode *node, const char *name, bool link, bool temporary)
{
    ptrdiff_t place = dirnode_entry(node, name);

    if (place >= 0) {
        node->entries[place].link = link;
        return 0;
    }
    size_t at = (size_t)~place;
    char *copy = strdup(name);
    if (!copy || sorted_open(&entries, &node->entries, &node->n_entries, &node->entries_capacity,
                             at) < 0) {
        free(copy);
        return -ENOMEM;
    }
    node->entries[at] = (struct direntry){.name = copy, .wd = -1, .link = link,
                                          .temporary = temporary};
    node->n_temporary += temporary;
    return 0;
}

void dirnode_drop_entry(struct dirnode *node, size_t at)
{
    node->n_temporary -= node->entries[at].temporary;
    free(node->entries[at].name);
    sorted_close(&entries, node->entries, &node->n_entries, at);
}
