/* watch_poll.c: looking, in turns, at what nobody tells us about. See watch.h.
 *
 * Every directory is in the wheel. A watched one is looked at each LIMIT_SAFETY_POLL_MS; a polled
 * one between LIMIT_POLL_MIN_MS after a change and LIMIT_SAFETY_POLL_MS after a quiet while, and
 * never so often that looking takes more than a hundredth of the time. A look is one stat for each
 * event file, and one for the directory (if it is watched, in each fourth look only). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/check.h"
#include "base/log.h"
#include "tail/discover.h"

enum {
    FILES_AT_ONCE = 256,  /* of a large directory; the rest follows with the next tick */
    DIR_EVERY = 4,        /* looks at a watched directory's files, one at the directory itself */
    BATCH_TICKS = 5,      /* the safety poll comes in batches; fewer cost less */
    LOOKS_BETWEEN = 16,   /* … two looks at the clock */
    COST_RATIO = 100,
    LOOK_NS = 10 * NS_PER_MS, /* of a tick; what is left is looked at with the next one */
};

bool watch_is_remote(const char *path)
{
    static const uint32_t remote[] = {
        0x6969,     /* NFS */
        0x517b,     /* SMB */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB2 */
        0x0bd00bd0, /* Lustre */
        0x00c36400, /* CephFS */
        0x65735546, /* FUSE */
        0x01021997, /* 9p */
        0x5346414f, /* AFS */
        0x6b414653, /* kAFS */
        0x47504653, /* GPFS */
        0x19830326, /* BeeGFS */
        0x01161970, /* GFS2 */
        0x7461636f, /* OCFS2 */
        0x73757245, /* Coda */
        0x786f4256, /* VirtualBox shared folders */
        0xbacbacbc, /* VMware shared folders */
        0x6a656a63, /* virtiofs of old kernels */
    };
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(remote); i++) {
        if ((uint32_t)fs.f_type == remote[i])
            return true;
    }
    return false;
}

struct watch_facts watch_facts_of(const struct stat *st)
{
    return (struct watch_facts){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec,
        .ctime_ns = st->st_ctim.tv_sec * NS_PER_S + st->st_ctim.tv_nsec,
    };
}

void watch_wheel_now(struct watch_wheel *wheel, uint64_t tick)
{
    wheel->tick = MAX(wheel->tick, tick);
}

uint64_t watch_wheel_due(const struct watch_wheel *wheel)
{
    if (wheel->round)
        return wheel->tick + 1;
    for (uint64_t t = wheel->taken + 1; t <= wheel->taken + WATCH_SLOTS; t++) {
        if (wheel->slots[t % WATCH_SLOTS])
            return MAX(t, wheel->tick + 1);
    }
    return UINT64_MAX;
}

void watch_wheel_remove(struct watch_wheel *wheel, struct dirnode *node)
{
    if (!node->wheel_place)
        return;
    *node->wheel_place = node->wheel_next;
    if (node->wheel_next)
        node->wheel_next->wheel_place = node->wheel_place;
    node->wheel_next = NULL;
    node->wheel_place = NULL;
}

static void push(struct dirnode **list, struct dirnode *node)
{
    node->wheel_next = *list;
    node->wheel_place = list;
    if (*list)
        (*list)->wheel_place = &node->wheel_next;
    *list = node;
}

static void add(struct watch_wheel *wheel, struct dirnode *node, uint32_t delay_ms, unsigned round)
{
    uint64_t ticks = (delay_ms + WATCH_TICK_MS - 1) / WATCH_TICK_MS;

    watch_wheel_remove(wheel, node);
    /* Not a whole round ahead of what is still to be taken: that would be now. */
    uint64_t at = MIN(wheel->tick + MAX(ticks, 1), wheel->taken + WATCH_SLOTS - round);
    at = (at + round - 1) / round * round;
    push(&wheel->slots[at % WATCH_SLOTS], node);
}

void watch_wheel_add(struct watch_wheel *wheel, struct dirnode *node, uint32_t delay_ms)
{
    add(wheel, node, delay_ms, 1);
}

void watch_wheel_join(struct watch_wheel *wheel, struct dirnode *node, uint32_t delay_ms)
{
    add(wheel, node, delay_ms, BATCH_TICKS);
}

void watch_poll_begin(struct discover *discover, struct dirnode *node)
{
    struct watch_wheel *wheel = &discover->wheel;

    if (discover_polled(discover, node)) {
        node->interval_ms = discover->poll_ms ? discover->poll_ms : LIMIT_POLL_MIN_MS;
        watch_wheel_add(wheel, node, node->interval_ms);
    } else if (!node->wheel_place) {
        node->interval_ms = LIMIT_SAFETY_POLL_MS;
        node->looks = wheel->spread++;
        watch_wheel_join(wheel, node,
                         1 + node->looks * BATCH_TICKS * WATCH_TICK_MS % LIMIT_SAFETY_POLL_MS);
    }
}

/* After a look at a polled directory: when is the next? */
static void poll_again(struct discover *discover, struct dirnode *node, bool changed,
                       int64_t cost_ns)
{
    uint32_t ms = discover->poll_ms;

    if (ms == 0) {
        /* The smaller cost of two looks: one that was slow by accident means nothing. */
        int64_t cost_ms = MIN(cost_ns, node->cost_ns) * COST_RATIO / NS_PER_MS;
        ms = changed ? LIMIT_POLL_MIN_MS : node->interval_ms + node->interval_ms / 2;
        ms = MIN(MAX(ms, cost_ms), LIMIT_SAFETY_POLL_MS);
    }
    node->cost_ns = cost_ns;
    node->interval_ms = ms;
    watch_wheel_add(&discover->wheel, node, ms);
}

/* After a look at a watched one. */
static void look_again(struct discover *discover, struct dirnode *node)
{
    node->interval_ms = LIMIT_SAFETY_POLL_MS;
    watch_wheel_join(&discover->wheel, node, node->interval_ms);
}

/* stat() of the directory, or of a file in it. Where the kernel can begin at the logdir, it has
 * less to walk. Not on network file systems: a handle kept may go stale where a path does not. */
static int stat_in(const struct dirnode *node, const char *name, struct stat *ret)
{
    bool below = node->below_root > 0 && node->root->fd >= 0 && !node->remote;
    const char *dir = node->path + (below ? node->below_root : 0);
    char path[LIMIT_PATH_BYTES];
    size_t n = node->path_size - (below ? node->below_root : 0), size = name ? strlen(name) : 0;

    if (!name)
        return fstatat(below ? node->root->fd : AT_FDCWD, dir, ret, 0);
    if (n + 1 + size >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, dir, n);
    path[n] = '/';
    memcpy(path + n + 1, name, size + 1);
    return fstatat(below ? node->root->fd : AT_FDCWD, path, ret, 0);
}

/* Whether names came or went. A watched directory is asked now and then only: its own events come
 * from the kernel that changes it, while a file may also be written through a mapping, which gives
 * no event. */
static bool dir_changed(const struct discover *discover, struct dirnode *node)
{
    struct stat st;

    if (!discover_polled(discover, node) && !node->again &&
        node->looks++ % DIR_EVERY != 0)
        return false;
    if (stat_in(node, NULL, &st) < 0)
        return true; /* listing it tells why */
    int64_t mtime = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    return node->again || st.st_ino != node->ino || st.st_dev != node->dev ||
           mtime != node->mtime_ns;
}

/* True: something has changed about the entry, and its source was told. */
static bool look_at_entry(struct dirnode *node, struct direntry *entry)
{
    struct watch_facts facts = {0};
    struct stat st;

    if (stat_in(node, entry->name, &st) == 0)
        facts = watch_facts_of(&st);
    if (memcmp(&facts, &entry->facts, sizeof facts) == 0)
        return false;
    entry->facts = facts;
    discover_post(node, entry->name);
    return true;
}

static void look(struct discover *discover, struct dirnode *node)
{
    bool polled = discover_polled(discover, node), changed = false;
    int64_t start = polled ? clock_ns(NULL) : 0;

    if (atomic_load(&discover->set->relists) && node->source &&
        atomic_exchange(&node->source->relist, false))
        node->again = true;
    if (node->sweep_at == 0 && dir_changed(discover, node)) {
        discover_queue(discover, node); /* the listing posts every name */
        changed = true;
    }
    size_t end = MIN(node->sweep_at + FILES_AT_ONCE, node->n_entries);
    for (; node->source && node->sweep_at < end; node->sweep_at++) {
        if (!node->entries[node->sweep_at].temporary)
            changed |= look_at_entry(node, &node->entries[node->sweep_at]);
    }
    if (node->source && node->sweep_at < node->n_entries) {
        watch_wheel_add(&discover->wheel, node, WATCH_TICK_MS);
        return;
    }
    node->sweep_at = 0;
    if (polled)
        poll_again(discover, node, changed, clock_ns(NULL) - start);
    else
        look_again(discover, node);
}

/* The next directory that is due. Slots are taken whole, one after the other: nobody is passed over
 * when there is more to look at than time. */
static struct dirnode *take_due(struct watch_wheel *wheel)
{
    while (!wheel->round && wheel->taken < wheel->tick) {
        struct dirnode **slot = &wheel->slots[++wheel->taken % WATCH_SLOTS];
        wheel->round = *slot;
        if (*slot)
            (*slot)->wheel_place = &wheel->round;
        *slot = NULL;
    }
    struct dirnode *node = wheel->round;
    if (node)
        watch_wheel_remove(wheel, node);
    return node;
}

/* What the looks after this one touch: of the next its strings, of the one behind it the node. */
static void prefetch(const struct dirnode *next)
{
    if (!next)
        return;
    __builtin_prefetch(next->path);
    __builtin_prefetch(next->entries);
    __builtin_prefetch(next->wheel_next);
}

void watch_poll_due(struct discover *discover)
{
    struct watch_wheel *wheel = &discover->wheel;
    int64_t until = clock_ns(NULL) + LOOK_NS;
    unsigned looks = 0;

    if (wheel->tick - wheel->taken > WATCH_SLOTS)
        wheel->taken = wheel->tick - WATCH_SLOTS; /* each slot once is all of them */
    for (struct dirnode *node; (node = take_due(wheel));) {
        bool cheap = !discover_polled(discover, node) && node->n_entries < LOOKS_BETWEEN;
        prefetch(wheel->round);
        look(discover, node);
        if ((!cheap || ++looks % LOOKS_BETWEEN == 0) && clock_ns(NULL) >= until)
            break;
    }
}
