/* discover_event.c: what an inotify event means for the tree; logdirs that come and go; setup.
 * See discover.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "tail/discover.h"
#include "base/eventname.h"
#include "tail/listing.h"

enum {
    MISSING_TICKS = 4,                                    /* looks for a logdir that is missing */
    PRESENT_TICKS = LIMIT_SAFETY_POLL_MS / WATCH_TICK_MS, /* and for one that was there */
};

/* Events were lost: everything is listed again, and every file looked at. */
static void overflow(struct discover *discover)
{
    atomic_fetch_add(&discover->overflows, 1);
    log_info("the kernel dropped file events: looking at all directories");
    for (size_t i = 0; i < discover->n_roots; i++) {
        struct dirnode *top = discover->roots[i].node, *node = top;
        /* Parents before children; a child's place in its parent leads to the next one. */
        while (node) {
            if (node->state == DIRNODE_LIVE)
                discover_queue(discover, node);
            if (node->n_children > 0) {
                node = node->children[0];
                continue;
            }
            while (node != top) {
                ptrdiff_t at = dirnode_child(node->parent, node->base) + 1;
                struct dirnode *parent = node->parent;
                node = parent;
                if ((size_t)at < parent->n_children) {
                    node = parent->children[at];
                    break;
                }
            }
            if (node == top)
                break;
        }
    }
}

static void dir_appeared(struct discover *discover, struct dirnode *node, const char *base,
                         bool link)
{
    ptrdiff_t at = dirnode_child(node, base);

    if (at >= 0)
        discover_remove(discover, node->children[at]); /* another one under the same name */
    discover_add_child(discover, node, base, link);
}

static void dir_vanished(struct discover *discover, struct dirnode *node, const char *base)
{
    ptrdiff_t at = dirnode_child(node, base);

    if (at >= 0)
        discover_remove(discover, node->children[at]);
}

static void file_appeared(struct discover *discover, struct dirnode *node, const char *name)
{
    char path[LIMIT_PATH_BYTES];
    bool link;

    int n = snprintf(path, sizeof path, "%s/%s", node->path, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return;
    enum listing_kind kind = listing_kind_of(AT_FDCWD, path, name, DT_UNKNOWN);
    switch (kind) {
    case LISTING_DIR_LINK:
        dir_appeared(discover, node, name, true);
        return;
    case LISTING_DANGLING:
        node->again = true;
        return;
    case LISTING_FILE:
    case LISTING_LINK:
    case LISTING_TEMPORARY:
        break;
    default:
        return;
    }
    link = kind == LISTING_LINK;
    ptrdiff_t at = dirnode_entry(node, name);
    if (at >= 0 && (link || node->entries[at].link))
        discover_forget_entry(discover, node, (size_t)at); /* the target may be another one */
    if (dirnode_add_entry(node, name, link, kind == LISTING_TEMPORARY) < 0) {
        node->again = true;
        return;
    }
    at = dirnode_entry(node, name);
    if (link && !discover_watch_link(discover, node, &node->entries[at]))
        node->remote = true;
}

static void dir_event(struct discover *discover, struct dirnode *node,
                      const struct inotify_event *event)
{
    ptrdiff_t at = dirnode_child(node, event->name);

    if (event->mask & (IN_CREATE | IN_MOVED_TO))
        dir_appeared(discover, node, event->name, false);
    else if (event->mask & (IN_DELETE | IN_MOVED_FROM))
        dir_vanished(discover, node, event->name);
    else if (at >= 0)
        discover_queue(discover, node->children[at]); /* its permissions changed */
}

static void file_vanished(struct discover *discover, struct dirnode *node, const char *name)
{
    ptrdiff_t at = dirnode_entry(node, name);

    if (at >= 0)
        discover_forget_entry(discover, node, (size_t)at);
    else
        dir_vanished(discover, node, name); /* perhaps a link to one */
}

static void file_event(struct discover *discover, struct dirnode *node,
                       const struct inotify_event *event)
{
    enum eventname class = eventname_class(event->name);
    bool gone = event->mask & (IN_DELETE | IN_MOVED_FROM);

    if (event->mask & (IN_CREATE | IN_MOVED_TO))
        file_appeared(discover, node, event->name);
    else if (gone)
        file_vanished(discover, node, event->name);
    else if (class == EVENTNAME_TEMPORARY)
        return;
    if (class == EVENTNAME_OTHER)
        return;
    /* More bytes change nothing here, and the entry may be gone while its file still grows. */
    if (!gone && class == EVENTNAME_EVENT && !node->source && dirnode_entry(node, event->name) < 0)
        return; /* no regular file, or not listed yet */
    if (!(event->mask & IN_MODIFY) && !discover_source(discover, node))
        return;
    if (!node->source)
        return;
    if (class == EVENTNAME_EVENT)
        discover_post(node, event->name);
    else
        (void)source_post(node->source, NULL, 0, false, true); /* one more or less left out */
}

void discover_event(void *ctx, const struct inotify_event *event)
{
    struct discover *discover = ctx;
    const char *file = NULL;

    if (event->mask & IN_Q_OVERFLOW) {
        overflow(discover);
        return;
    }
    struct dirnode *node = discover_watched(discover, event->wd, &file);
    if (!node)
        return;
    if (file) {
        if (node->source)
            discover_post(node, file);
        if (event->mask & IN_IGNORED)
            discover_watch_lost(discover, event->wd);
    } else if (event->mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) {
        discover_watch_lost(discover, event->wd);
        if (node->parent)
            node->parent->again = true;
        discover_queue(discover, node); /* listing it tells what is left */
        discover->roots_due = 0;
    } else if (event->len > 0 && node->state == DIRNODE_LIVE) {
        if (event->mask & IN_ISDIR)
            dir_event(discover, node, event);
        else
            file_event(discover, node, event);
    } else if (event->mask & IN_ATTRIB) {
        discover_queue(discover, node);
    }
}

static void root_missing(struct discover *discover, struct logroot *root, int error)
{
    if (root->node)
        discover_remove(discover, root->node);
    atomic_store(&discover->waiting_for_logdir, true);
    if (root->told_missing)
        return;
    root->told_missing = true;
    if (error == ENOENT)
        log_info("waiting for %s, which does not exist yet", root->path);
    else
        log_warn("waiting for %s: %s", root->path, strerrordesc_np(error));
}

static void check_root(struct discover *discover, struct logroot *root)
{
    struct stat st;
    struct dirnode *node = root->node;

    if (stat(root->path, &st) < 0) {
        root_missing(discover, root, errno);
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        root_missing(discover, root, ENOTDIR);
        return;
    }
    if (node && node->state == DIRNODE_LIVE && node->ino &&
        (node->ino != st.st_ino || node->dev != st.st_dev)) {
        discover_remove(discover, node); /* another directory stands there */
        node = NULL;
    }
    if (root->told_missing)
        log_info("%s is there now", root->path);
    root->told_missing = false;
    if (node)
        return;
    root->node = dirnode_new(root, NULL, "", false);
    if (!root->node)
        return; /* tried again with the next tick */
    discover->n_dirs++;
    discover_queue(discover, root->node);
}

void discover_check_roots(struct discover *discover)
{
    uint64_t now = discover->wheel.tick;

    if (now < discover->roots_due)
        return;
    atomic_store(&discover->waiting_for_logdir, false);
    for (size_t i = discover->n_roots; i > 0; i--)
        check_root(discover, &discover->roots[i - 1]);
    /* The safety poll wakes up at these ticks as well. */
    uint64_t every = atomic_load(&discover->waiting_for_logdir) ? MISSING_TICKS : PRESENT_TICKS;
    discover->roots_due = (now + every) / every * every;
    if (!discover->stack)
        atomic_store(&discover->first_walk_done, true); /* nothing there at all */
}

static bool node_has_path(const void *value, const void *key)
{
    return strcmp(((const struct dirnode *)value)->path, key) == 0;
}

static bool source_has_path(const void *value, const void *key)
{
    return strcmp(((const struct source *)value)->path, key) == 0;
}

static int by_alias(const void *a, const void *b)
{
    const struct logroot *x = a, *y = b;

    return strcmp(x->alias, y->alias);
}

int discover_init(struct discover *discover, struct source_set *set,
                  const struct tail_options *options)
{
    *discover = (struct discover){.set = set, .poll_ms = options->poll_ms};
    discover->known_tail = &discover->known;
    discover->by_path.equal = node_has_path;
    discover->sources.equal = source_has_path;
    discover->many_roots = options->n_logdirs > 1;
    discover->roots = calloc(MAX(options->n_logdirs, 1), sizeof *discover->roots);
    if (!discover->roots)
        return -ENOMEM;
    for (size_t i = 0; i < options->n_logdirs; i++) {
        struct logroot *root = &discover->roots[discover->n_roots++];
        root->fd = -1;
        root->alias = strdup(options->logdirs[i].alias);
        root->path = strdup(options->logdirs[i].path);
        if (!root->alias || !root->path)
            return -ENOMEM;
    }
    qsort(discover->roots, discover->n_roots, sizeof *discover->roots, by_alias);
    return 0;
}

void discover_done(struct discover *discover)
{
    discover->closing = true;
    for (size_t i = 0; i < discover->n_roots; i++) {
        if (discover->roots[i].node)
            discover_remove(discover, discover->roots[i].node);
        free(discover->roots[i].alias);
        free(discover->roots[i].path);
    }
    for (struct dirnode *node; (node = discover_take(discover));)
        dirnode_free(node);
    for (size_t i = 0; i < discover->n_sources; i++)
        source_free(discover->source_list[i]);
    free(discover->source_list);
    free(discover->roots);
    hashindex_done(&discover->by_path);
    hashindex_done(&discover->by_wd);
    hashindex_done(&discover->sources);
}
