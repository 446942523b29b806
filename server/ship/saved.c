/* saved.c: run.json of a spool, read back: for drain, and for an agent that starts again. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/limits.h"
#include "ship/ship.h"
#include "ship/spool.h"

#define ROOTS_MAX 130

/* Holds what struct ship_saved points into. */
struct saved_tree {
    json_t *root;
    char *document, *spool;
    struct ship_root roots[ROOTS_MAX];
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int number_of(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(object, key));

    return n < 0 || n > 1000000 ? 0 : (int)n;
}

static size_t read_roots(const json_t *list, struct ship_root *ret)
{
    size_t count = 0, i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        const char *path = text_of(item, "path"), *name = text_of(item, "name");
        if (path && name && *path == '/' && count < ROOTS_MAX)
            ret[count++] =
                (struct ship_root){path, name, json_is_true(json_object_get(item, "outputs"))};
    }
    return count;
}

static int fill(struct saved_tree *tree, struct ship_saved *ret)
{
    const json_t *root = tree->root;
    struct ship_run *run = &ret->run;

    tree->document = json_dumps(json_object_get(root, "document"), JSON_COMPACT);
    *run = (struct ship_run){
        .id = text_of(root, "id"),
        .spool = tree->spool,
        .attempt = number_of(root, "attempt"),
        .rank = number_of(root, "rank"),
        .ranks = number_of(root, "ranks"),
        .node = number_of(root, "node"),
        .document = tree->document,
        .source = text_of(root, "source"),
        .roots = tree->roots,
        .n_roots = read_roots(json_object_get(root, "roots"), tree->roots),
        .console = text_of(root, "console"),
        .keep = json_is_true(json_object_get(root, "keep")),
    };
    ret->server = text_of(root, "server");
    bool whole =
        run->id && *run->id && run->document && run->source && run->console && run->attempt > 0;
    return whole ? 0 : -EBADMSG;
}

int ship_load(const char *spool, struct ship_saved *ret)
{
    struct spool place = {.dir = (char *)spool, .lock_fd = -1};
    _cleanup_(buf_done) struct buf text = BUF_INIT(1u << 20);
    json_error_t where;

    *ret = (struct ship_saved){0};
    int r = spool_read(&place, "run.json", &text);
    if (r < 0)
        return r;
    struct saved_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return -ENOMEM;
    ret->tree = tree;
    tree->spool = strdup(spool);
    tree->root = json_loadb(text.data ? text.data : "", text.length, 0, &where);
    r = tree->root && tree->spool ? fill(tree, ret) : -EBADMSG;
    if (r < 0)
        ship_saved_done(ret);
    return r;
}

void ship_saved_done(struct ship_saved *saved)
{
    struct saved_tree *tree = saved->tree;

    if (tree) {
        json_decref(tree->root);
        free(tree->document);
        free(tree->spool);
        free(tree);
    }
    *saved = (struct ship_saved){0};
}

char *ship_spool_path(const char *base, const char *run, int attempt, int rank)
{
    char *path;

    return asprintf(&path, "%s/" SPOOL_FOLDER "/%s-a%d-r%d", base, run, attempt, rank) < 0 ? NULL
                                                                                           : path;
}
