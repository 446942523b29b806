#include "tail/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/eventname.h"
#include "tail/listing.h"

enum {
    WALK_NS = 2 * NS_PER_MS, /* at once; then events get their turn */
    RACY_NS = 2 * NS_PER_S,  /* a change so short before a listing may have the same mtime */
};

/* A watch number and whom it stands for. */
struct watched {
    int wd;
    struct dirnode *node;
    char *file; /* entry of a link, NULL: the directory */
};

static void unwatch(struct discover *discover, int *wd)
{
    uint64_t hash = hashindex_hash_number((uint64_t)*wd);
    struct watched *watched = *wd >= 0 ? hashindex_find(&discover->by_wd, hash, NULL) : NULL;

    if (watched) {
        hashindex_remove(&discover->by_wd, hash, watched);
        atomic_fetch_sub(&discover->watches, 1);
        watch_inotify_remove(discover->inotify, *wd);
        free(watched->file);
        free(watched);
    }
    *wd = -1;
}

static int watch(struct discover *discover, const char *path, struct dirnode *node,
                 const char *file)
{
    if (!discover->inotify)
        return -1;
    int wd = watch_inotify_add(discover->inotify, path, !file);
    if (wd < 0) {
        if (wd == -ENOSPC && !discover->told_watches) {
            discover->told_watches = true;
            log_warn("the limit of inotify watches (fs.inotify.max_user_watches) is reached: "
                     "%s and others are polled", path);
        }
        return -1;
    }
    uint64_t hash = hashindex_hash_number((uint64_t)wd);
    struct watched *old = hashindex_find(&discover->by_wd, hash, NULL);
    if (old && old->node == node && !file && !old->file)
        return wd;
    if (old && (file || old->file))
        return -1; /* two links to one file, or so: the second is polled */
    if (old) {
        /* A directory that was moved here, and its old place does not know yet. */
        old->node->wd = -1;
        discover_queue(discover, old->node);
        old->node = node;
        return wd;
    }
    struct watched *watched = calloc(1, sizeof *watched);
    char *copy = file ? strdup(file) : NULL;
    if (!watched || (file && !copy) || hashindex_add(&discover->by_wd, hash, watched) < 0) {
        free(watched);
        free(copy);
        watch_inotify_remove(discover->inotify, wd);
        return -1;
    }
    *watched = (struct watched){.wd = wd, .node = node, .file = copy};
    atomic_fetch_add(&discover->watches, 1);
    return wd;
}

bool discover_watch_link(struct discover *discover, struct dirnode *node, struct direntry *entry)
{
    char path[LIMIT_PATH_BYTES];

    int n = snprintf(path, sizeof path, "%s/%s", node->path, entry->name);
    if (n < 0 || (size_t)n >= sizeof path || watch_is_remote(path))
        return false;
    if (entry->wd < 0)
        entry->wd = watch(discover, path, node, entry->name);
    return entry->wd >= 0;
}

struct dirnode *discover_watched(const struct discover *discover, int wd, const char **ret_file)
{
    struct watched *watched =
        hashindex_find(&discover->by_wd, hashindex_hash_number((uint64_t)wd), NULL);

    if (!watched)
        return NULL;
    *ret_file = watched->file;
    return watched->node;
}

void discover_watch_lost(struct discover *discover, int wd)
{
    uint64_t hash = hashindex_hash_number((uint64_t)wd);
    struct watched *watched = hashindex_find(&discover->by_wd, hash, NULL);

    if (!watched)
        return;
    ptrdiff_t at = watched->file ? dirnode_entry(watched->node, watched->file) : -1;
    if (!watched->file)
        watched->node->wd = -1;
    else if (at >= 0)
        watched->node->entries[at].wd = -1;
    hashindex_remove(&discover->by_wd, hash, watched);
    atomic_fetch_sub(&discover->watches, 1);
    watch_inotify_remove(discover->inotify, wd);
    free(watched->file);
    free(watched);
}

bool discover_polled(const struct discover *discover, const struct dirnode *node)
{
    return node->remote || node->wd < 0;
}

void discover_queue(struct discover *discover, struct dirnode *node)
{
    if (node->queued || node->state == DIRNODE_DEAD)
        return;
    node->queued = true;
    if (node->state == DIRNODE_PENDING) {
        node->next_queued = discover->stack;
        discover->stack = node;
        return;
    }
    node->next_queued = NULL;
    *discover->known_tail = node;
    discover->known_tail = &node->next_queued;
}

/* Other names of a path that has no LIVE node any more get their chance. */
static void revive_aliases(struct discover *discover, const char *path)
{
    for (struct dirnode **p = &discover->aliases; *p;) {
        struct dirnode *node = *p;
        if (strcmp(node->path, path) != 0) {
            p = &node->next_alias;
            continue;
        }
        *p = node->next_alias;
        node->state = DIRNODE_PENDING;
        discover_queue(discover, node);
    }
}

static void drop_alias(struct discover *discover, const struct dirnode *node)
{
    for (struct dirnode **p = &discover->aliases; *p; p = &(*p)->next_alias) {
        if (*p == node) {
            *p = node->next_alias;
            return;
        }
    }
}

static void kill_node(struct discover *discover, struct dirnode *node)
{
    enum dirnode_state was = node->state;

    node->state = DIRNODE_DEAD;
    if (was == DIRNODE_ALIAS)
        drop_alias(discover, node);
    watch_wheel_remove(&discover->wheel, node);
    unwatch(discover, &node->wd);
    for (size_t i = 0; i < node->n_entries; i++)
        unwatch(discover, &node->entries[i].wd);
    if (was == DIRNODE_LIVE) {
        hashindex_remove(&discover->by_path, hashindex_hash_text(node->path), node);
        if (!discover->closing)
            revive_aliases(discover, node->path);
        if (node->source && !discover->closing)
            (void)source_post(node->source, NULL, 0, true, true);
    }
    if (!node->parent && node->root->fd >= 0) {
        close(node->root->fd);
        node->root->fd = -1;
    }
    discover->n_dirs--;
    if (!node->queued)
        dirnode_free(node);
}

void discover_remove(struct discover *discover, struct dirnode *node)
{
    struct dirnode *parent = node->parent;

    if (!parent) {
        node->root->node = NULL;
        discover->roots_due = 0;
    } else {
        ptrdiff_t at = dirnode_child(parent, node->base);
        DCHECK(at >= 0 && parent->children[at] == node);
        dirnode_drop_child(parent, (size_t)at);
    }
    /* The deepest first, without recursion: the tree is as deep as somebody made it. */
    for (struct dirnode *n = node; n;) {
        if (n->n_children > 0) {
            n = n->children[--n->n_children];
            continue;
        }
        struct dirnode *next = n == node ? NULL : n->parent;
        kill_node(discover, n);
        n = next;
    }
}

static bool room_for_dir(struct discover *discover, const struct dirnode *parent, const char *base)
{
    if (parent->depth >= LIMIT_DIR_DEPTH) {
        if (!discover->told_depth)
            log_warn("%s/%s: deeper than %d directories, left out", parent->path, base,
                     LIMIT_DIR_DEPTH);
        discover->told_depth = true;
        return false;
    }
    if (discover->n_dirs >= LIMIT_DIRS) {
        if (!discover->told_dirs)
            log_warn("more than %d directories: %s/%s and others are left out", LIMIT_DIRS,
                     parent->path, base);
        discover->told_dirs = true;
        return false;
    }
    return true;
}

void discover_add_child(struct discover *discover, struct dirnode *node, const char *base,
                        bool link)
{
    DCHECK(dirnode_child(node, base) < 0);
    if (!room_for_dir(discover, node, base))
        return;
    struct dirnode *child = dirnode_new(node->root, node, base, link);
    if (!child || dirnode_add_child(node, child) < 0) {
        dirnode_free(child);
        node->again = true;
        log_error("out of memory: %s/%s is left out", node->path, base);
        return;
    }
    discover->n_dirs++;
    discover_queue(discover, child);
}

static char *display_name(const struct discover *discover, const struct dirnode *node)
{
    _cleanup_free_ char *raw = NULL;
    const char *name = *node->name ? node->name : ".";

    if (!discover->many_roots)
        return eventname_utf8(name);
    if (asprintf(&raw, "%s/%s", node->root->alias, name) < 0)
        return NULL;
    return eventname_utf8(raw);
}

struct source *discover_make_source(struct discover *discover, const char *key,
                                    const struct tail_run *run)
{
    if (discover->n_sources == discover->sources_capacity) {
        size_t capacity = discover->sources_capacity ? 2 * discover->sources_capacity : 64;
        struct source **list = realloc(discover->source_list, capacity * sizeof *list);
        if (!list)
            return NULL;
        discover->source_list = list;
        discover->sources_capacity = capacity;
    }
    struct source *source = source_new(discover->set, key, run->name, run->experiment);
    if (!source)
        return NULL;
    if (hashindex_add(&discover->sources, hashindex_hash_text(key), source) < 0)
        return source_free(source);
    discover->source_list[discover->n_sources++] = source;
    if (!atomic_load(&discover->first_walk_done)) {
        source->first_load = true;
        atomic_fetch_add(&discover->set->loading, 1);
    }
    return source;
}

static struct source *make_source(struct discover *discover, const struct dirnode *node)
{
    _cleanup_free_ char *name = display_name(discover, node);
    const struct tail_run run = {.name = name, .experiment = node->root->alias};

    return name ? discover_make_source(discover, node->path, &run) : NULL;
}

bool discover_source(struct discover *discover, struct dirnode *node)
{
    if (!node->source)
        node->source = hashindex_find(&discover->sources, hashindex_hash_text(node->path),
                                      node->path);
    if (!node->source && node->n_entries > node->n_temporary) {
        node->source = make_source(discover, node);
        if (!node->source) {
            node->again = true;
            log_error("out of memory: %s is looked at later", node->path);
        }
    }
    if (!node->source)
        return false;
    bool polled = discover_polled(discover, node);
    uint32_t poll_ms = discover->poll_ms ? discover->poll_ms : LIMIT_POLL_MIN_MS;
    source_post_watch(node->source, polled ? TAIL_WATCH_POLL : TAIL_WATCH_INOTIFY,
                      polled ? poll_ms : 0, (uint32_t)node->n_temporary);
    return true;
}

void discover_post(struct dirnode *node, const char *name)
{
    if (source_post(node->source, &name, 1, false, true) < 0)
        log_error("out of memory: %s/%s is looked at later", node->path, name);
}

void discover_forget_entry(struct discover *discover, struct dirnode *node, size_t at)
{
    unwatch(discover, &node->entries[at].wd);
    dirnode_drop_entry(node, at);
}

static bool is_entry(enum listing_kind kind)
{
    return kind == LISTING_FILE || kind == LISTING_LINK || kind == LISTING_TEMPORARY;
}

static void apply_files(struct discover *discover, struct dirnode *node,
                        const struct listing *listing)
{
    size_t at = 0;

    /* Entries that are not in the listing go first; what is new is added after. */
    for (size_t i = 0; i < listing->n || at < node->n_entries;) {
        if (i < listing->n && !is_entry(listing->entries[i].kind)) {
            i++;
            continue;
        }
        int order = i == listing->n ? 1
                    : at == node->n_entries
                        ? -1
                        : strcmp(listing->entries[i].name, node->entries[at].name);
        if (order > 0) {
            discover_forget_entry(discover, node, at);
            continue;
        }
        const struct listing_entry *e = &listing->entries[i++];
        if (order == 0 && e->kind != LISTING_LINK)
            unwatch(discover, &node->entries[at].wd);
        if (dirnode_add_entry(node, e->name, e->kind == LISTING_LINK,
                              e->kind == LISTING_TEMPORARY) < 0) {
            node->again = true;
            return;
        }
        at++;
    }
    for (size_t i = 0; i < node->n_entries; i++) {
        if (node->entries[i].link && !discover_watch_link(discover, node, &node->entries[i]))
            node->remote = true;
    }
}

static void apply_dirs(struct discover *discover, struct dirnode *node,
                       const struct listing *listing)
{
    size_t at = node->n_children;

    /* From the last to the first, so that the first ends on top of the stack. */
    for (size_t i = listing->n; i > 0 || at > 0;) {
        enum listing_kind kind = i > 0 ? listing->entries[i - 1].kind : LISTING_NONE;
        if (i > 0 && kind != LISTING_DIR && kind != LISTING_DIR_LINK) {
            i--;
            continue;
        }
        int order = i == 0 ? -1
                    : at == 0 ? 1
                              : strcmp(listing->entries[i - 1].name, node->children[at - 1]->base);
        if (order < 0) {
            discover_remove(discover, node->children[--at]);
            continue;
        }
        bool link = kind == LISTING_DIR_LINK;
        if (order == 0 && node->children[at - 1]->link != link) {
            discover_remove(discover, node->children[--at]); /* comes again as the other kind */
            continue;
        }
        i--;
        if (order == 0)
            at--;
        else
            discover_add_child(discover, node, listing->entries[i].name, link);
    }
}

static void post_listing(struct discover *discover, struct dirnode *node)
{
    if (!discover_source(discover, node))
        return;
    _cleanup_free_ const char **names = calloc(node->n_entries + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; names && i < node->n_entries; i++) {
        if (!node->entries[i].temporary)
            names[n++] = node->entries[i].name;
    }
    bool live = atomic_load(&discover->first_walk_done);
    if (!names || source_post(node->source, names, n, true, live) < 0) {
        node->again = true;
        log_error("out of memory: %s is looked at later", node->path);
    }
}

/* A pending node gets its path, or is found to be another name of one. */
static bool enter(struct discover *discover, struct dirnode *node)
{
    char joined[LIMIT_PATH_BYTES];
    const char *above = node->parent ? node->parent->path : node->root->path;

    free(node->path);
    int n = node->parent ? snprintf(joined, sizeof joined, "%s/%s",
                                    above[1] ? above : "", node->base)
                         : snprintf(joined, sizeof joined, "%s", above);
    node->path = NULL;
    if (n > 0 && (size_t)n < sizeof joined)
        node->path = node->link || !node->parent ? realpath(joined, NULL) : strdup(joined);
    if (!node->path)
        return false;
    node->path_size = (uint16_t)strlen(node->path);
    node->below_root = 0;
    if (node->parent && !node->link)
        node->below_root = node->parent->parent ? node->parent->below_root
                                                : (uint16_t)(strlen(above) + (above[1] != 0));
    uint64_t hash = hashindex_hash_text(node->path);
    if (hashindex_find(&discover->by_path, hash, node->path)) {
        node->state = DIRNODE_ALIAS;
        node->next_alias = discover->aliases;
        discover->aliases = node;
        return true;
    }
    if (hashindex_add(&discover->by_path, hash, node) < 0)
        return false;
    node->state = DIRNODE_LIVE;
    return true;
}

/* The logdir's top was listed: its descriptor is of that very directory, or there is none. */
static void hold_root(const struct dirnode *node)
{
    struct logroot *root = node->root;
    struct stat st;

    for (int tries = 0; tries < 2; tries++) {
        if (root->fd >= 0 && fstat(root->fd, &st) == 0 && st.st_ino == node->ino &&
            st.st_dev == node->dev)
            return;
        if (root->fd >= 0)
            close(root->fd);
        root->fd = tries ? -1 : open(node->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
}

static void list_failed(struct discover *discover, struct dirnode *node, int error)
{
    if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP) {
        discover_remove(discover, node);
        return;
    }
    if (!node->warned)
        log_warn("%s: %s", node->path, strerrordesc_np(-error));
    node->warned = true;
    node->again = true;
    watch_poll_begin(discover, node);
}

static void visit(struct discover *discover, struct dirnode *node)
{
    _cleanup_(listing_done) struct listing listing = {0};

    if (node->state == DIRNODE_PENDING && !enter(discover, node)) {
        if (node->parent)
            node->parent->again = true; /* it may only be for want of memory */
        discover_remove(discover, node);
        return;
    }
    if (node->state != DIRNODE_LIVE)
        return;
    if (node->wd < 0)
        node->wd = watch(discover, node->path, node, NULL);
    int r = listing_read(node->path, &listing);
    if (r < 0) {
        list_failed(discover, node, r);
        return;
    }
    node->warned = false;
    if (listing.dev != node->dev)
        node->remote = node->parent && node->parent->dev == listing.dev
                           ? node->parent->remote
                           : watch_is_remote(node->path);
    node->dev = listing.dev;
    node->ino = listing.ino;
    node->mtime_ns = listing.mtime_ns;
    if (!node->parent)
        hold_root(node);
    node->again = listing.dangling ||
                  clock_wall_s(NULL) * 1e9 - (double)listing.mtime_ns < (double)RACY_NS;
    apply_files(discover, node, &listing);
    apply_dirs(discover, node, &listing);
    watch_poll_begin(discover, node);
    post_listing(discover, node);
}

struct dirnode *discover_take(struct discover *discover)
{
    struct dirnode *node = discover->stack;

    if (node) {
        discover->stack = node->next_queued;
    } else if ((node = discover->known)) {
        discover->known = node->next_queued;
        if (!discover->known)
            discover->known_tail = &discover->known;
    }
    return node;
}

bool discover_walk(struct discover *discover)
{
    int64_t until = clock_ns(NULL) + WALK_NS;

    for (struct dirnode *node; (node = discover_take(discover));) {
        node->queued = false;
        if (node->state == DIRNODE_DEAD)
            dirnode_free(node);
        else
            visit(discover, node);
        if (clock_ns(NULL) >= until)
            break;
    }
    if (!discover->stack)
        atomic_store(&discover->first_walk_done, true);
    return discover->stack || discover->known;
}
