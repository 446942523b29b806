/* watch_poll.c: looking, in turns, at what nobody tells us about. See watch.h.
 *
 * Every directory is in the wheel. A watched one is looked at each LIMIT_SAFETY_POLL_MS; a polled
 * one between LIMIT_POLL_MIN_MS after a change and the same maximum after a quiet while, and never
 * so often that looking takes more than a hundredth of the time. A look is one stat for each event
 * file, and one for the directory (if it is watched, in each fourth look only). */
#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/check.h"
#include "base/log.h"
#include "tail/discover.h"

enum {
    FILES_AT_ONCE = 256,  /* of a large directory; the rest follows with the next tick */
    DIR_EVERY = 4,        /* looks at a watched directory's files, one at the directory itself */
    BATCH_MS = 250,       /* the safety poll is spread over so many batches; fewer cost less */
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

void watch_wheel_add(struct watch_wheel *wheel, struct dirnode *node, uint32_t delay_ms)
{
    uint64_t ticks = (delay_ms + WATCH_TICK_MS - 1) / WATCH_TICK_MS;

    watch_wheel_remove(wheel, node);
    ticks = MIN(MAX(ticks, 1), WATCH_SLOTS - 1);
    push(&wheel->slots[(wheel->tick + ticks) % WATCH_SLOTS], node);
}

void watch_poll_begin(struct discover *discover, struct dirnode *node)
{
    struct watch_wheel *wheel = &discover->wheel;

    if (discover_polled(discover, node)) {
        node->interval_ms = discover->poll_ms ? discover->poll_ms : LIMIT_POLL_MIN_MS;
        watch_wheel_add(wheel, node, node->interval_ms);
    } else if (!node->wheel_place) {
        node->interval_ms = LIMIT_SAFETY_POLL_MS;
        watch_wheel_add(wheel, node,
                        1 + wheel->spread++ * BATCH_MS % LIMIT_SAFETY_POLL_MS);
    }
}

/* After a look: when is the next? */
static void look_again(struct discover *discover, struct dirnode *node, bool changed,
                       int64_t cost_ns)
{
    uint32_t ms = LIMIT_SAFETY_POLL_MS;

    if (discover->poll_ms && discover_polled(discover, node)) {
        ms = discover->poll_ms;
    } else if (discover_polled(discover, node)) {
        /* The smaller cost of two looks: one that was slow by accident means nothing. */
        int64_t cost_ms = MIN(cost_ns, node->cost_ns) * COST_RATIO / NS_PER_MS;
        ms = changed ? LIMIT_POLL_MIN_MS : node->interval_ms + node->interval_ms / 2;
        ms = MIN(MAX(ms, cost_ms), LIMIT_SAFETY_POLL_MS);
    }
    node->cost_ns = cost_ns;
    node->interval_ms = ms;
    watch_wheel_add(&discover->wheel, node, ms);
}

/* Whether names came or went. A watched directory is asked now and then only: its own events come
 * from the kernel that changes it, while a file may also be written through a mapping, which gives
 * no event. */
static bool dir_changed(const struct discover *discover, struct dirnode *node)
{
    struct stat st;

    if (!discover_polled(discover, node) && !node->again && node->looks++ % DIR_EVERY != 0)
        return false;
    if (stat(node->path, &st) < 0)
        return true; /* listing it tells why */
    int64_t mtime = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    return node->again || st.st_ino != node->ino || st.st_dev != node->dev ||
           mtime != node->mtime_ns;
}

/* True: something has changed about the entry, and its source was told. */
static bool look_at_entry(struct dirnode *node, struct direntry *entry)
{
    char path[LIMIT_PATH_BYTES];
    struct watch_facts facts = {0};
    struct stat st;

    int n = snprintf(path, sizeof path, "%s/%s", node->path, entry->name);
    if (n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0)
        facts = watch_facts_of(&st);
    if (memcmp(&facts, &entry->facts, sizeof facts) == 0)
        return false;
    entry->facts = facts;
    discover_post(node, entry->name);
    return true;
}

static void look(struct discover *discover, struct dirnode *node)
{
    int64_t start = clock_ns(NULL);
    bool changed = false;

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
    look_again(discover, node, changed, clock_ns(NULL) - start);
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

void watch_poll_ticks(struct discover *discover, unsigned ticks)
{
    struct watch_wheel *wheel = &discover->wheel;
    int64_t until = clock_ns(NULL) + LOOK_NS;

    wheel->tick += ticks;
    if (wheel->tick - wheel->taken > WATCH_SLOTS)
        wheel->taken = wheel->tick - WATCH_SLOTS; /* each slot once is all of them */
    for (struct dirnode *node; (node = take_due(wheel));) {
        __builtin_prefetch(wheel->round);
        look(discover, node);
        if (clock_ns(NULL) >= until)
            break;
    }
}
