/* addition.c: files that are kept elsewhere than in a followed directory, on their way to a run.
 *
 *   tail_add_file() ── list ──► tail thread: the run's source ── mail ──► source_turn()
 *
 * A run with a directory shares the source that discovery makes for it; others have one under
 * their id. Which run is which is known to tail_poke() by a table of its own. */
#include "tail/addition.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "tail/discover.h"

void additions_init(struct additions *additions)
{
    *additions = (struct additions){.tail = &additions->head};
    pthread_mutex_init(&additions->lock, NULL);
}

void additions_done(struct additions *additions)
{
    while (additions->head) {
        struct addition *addition = additions->head;
        additions->head = addition->next;
        free(addition);
    }
    for (size_t i = 0; i < additions->n_pokes; i++)
        free(additions->pokes[i].id);
    free(additions->pokes);
    pthread_mutex_destroy(&additions->lock);
}

static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    const char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

int additions_post(struct additions *additions, const struct tail_added *added)
{
    const struct tail_run *run = &added->run;
    size_t size = strlen(run->id) + strlen(run->name) + strlen(run->experiment) +
                  strlen(run->path) + strlen(added->dir) + strlen(added->path) +
                  strlen(added->at) + 7;
    struct addition *addition = malloc(sizeof *addition + size);

    if (!addition)
        return -ENOMEM;
    char *text = (char *)(addition + 1);
    addition->next = NULL;
    addition->added = *added;
    addition->added.run = (struct tail_run){
        .id = put(&text, run->id), .name = put(&text, run->name),
        .experiment = put(&text, run->experiment), .path = put(&text, run->path)};
    addition->added.dir = put(&text, added->dir);
    addition->added.path = put(&text, added->path);
    addition->added.at = put(&text, added->at);
    pthread_mutex_lock(&additions->lock);
    *additions->tail = addition;
    additions->tail = &addition->next;
    pthread_mutex_unlock(&additions->lock);
    return 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct poke *)a)->id, ((const struct poke *)b)->id);
}

/* Remembers which source tail_poke() means. */
static void remember(struct additions *additions, const char *id, struct source *source)
{
    struct poke key = {.id = (char *)id};

    pthread_mutex_lock(&additions->lock);
    if (additions->n_pokes == 0 ||
        !bsearch(&key, additions->pokes, additions->n_pokes, sizeof key, by_id)) {
        struct poke *pokes =
            realloc(additions->pokes, (additions->n_pokes + 1) * sizeof *additions->pokes);
        char *copy = strdup(id);
        if (pokes)
            additions->pokes = pokes;
        if (pokes && copy) {
            pokes[additions->n_pokes++] = (struct poke){copy, source};
            qsort(pokes, additions->n_pokes, sizeof *pokes, by_id);
        } else {
            free(copy);
            log_error("out of memory: run %s shows what comes later than it should", id);
        }
    }
    pthread_mutex_unlock(&additions->lock);
}

void additions_poke(struct additions *additions, const char *id)
{
    struct poke key = {.id = (char *)id};

    pthread_mutex_lock(&additions->lock);
    struct poke *poke = additions->n_pokes > 0 ? bsearch(&key, additions->pokes,
                                                         additions->n_pokes, sizeof key, by_id)
                                               : NULL;
    struct source *source = poke ? poke->source : NULL;
    pthread_mutex_unlock(&additions->lock);
    if (source)
        source_poke(source);
}

/* Does the run's directory hold the file now? */
static bool is_found(const struct discover *discover, const struct tail_added *added)
{
    const char *path = added->run.path;
    const struct dirnode *node =
        hashindex_find(&discover->by_path, hashindex_hash_text(path), path);

    return node && node->state == DIRNODE_LIVE && dirnode_entry(node, added->path) >= 0;
}

static void give(struct additions *additions, struct discover *discover,
                 struct addition *addition)
{
    const struct tail_added *added = &addition->added;
    const char *key = *added->run.path ? added->run.path : added->run.id;
    struct source *source = hashindex_find(&discover->sources, hashindex_hash_text(key), key);

    if (!source) {
        source = discover_make_source(discover, key, &added->run);
        if (source && !(source->id = strdup(added->run.id)))
            log_error("out of memory: run %s has an id of its own for now", added->run.id);
    }
    if (!source) {
        log_error("out of memory: %s is not read", added->at);
        free(addition);
        return;
    }
    if (added->grows)
        remember(additions, added->run.id, source);
    source_post_addition(source, addition);
}

void additions_take(struct additions *additions, struct discover *discover)
{
    bool walked = atomic_load(&discover->first_walk_done);
    struct addition *kept = NULL, **kept_tail = &kept;

    pthread_mutex_lock(&additions->lock);
    struct addition *list = additions->head;
    additions->head = NULL;
    additions->tail = &additions->head;
    pthread_mutex_unlock(&additions->lock);
    while (list) {
        struct addition *addition = list;
        list = addition->next;
        addition->next = NULL;
        if (addition->added.unless_found && !walked) {
            *kept_tail = addition;
            kept_tail = &addition->next;
        } else if (addition->added.unless_found && is_found(discover, &addition->added)) {
            free(addition);
        } else {
            give(additions, discover, addition);
        }
    }
    if (!kept)
        return;
    pthread_mutex_lock(&additions->lock); /* in front of what came meanwhile */
    *kept_tail = additions->head;
    if (!additions->head)
        additions->tail = kept_tail;
    additions->head = kept;
    pthread_mutex_unlock(&additions->lock);
}
