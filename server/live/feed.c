#include "live/feed.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"

static uint64_t hash_bytes(uint64_t hash, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

void feeds_init(struct feeds *feeds, struct store *store)
{
    *feeds = (struct feeds){.store = store, .version = 1};
}

void feeds_done(struct feeds *feeds)
{
    DCHECK(feeds->by_id.count == 0);
    idmap_done(&feeds->by_id);
    idmap_done(&feeds->by_run);
    free(feeds->due);
    feeds->due = NULL;
}

/* ---- shown names ------------------------------------------------------------------------ */

/* Of the name as clients see it: a tag that is not UTF-8 is watched by what it is shown as. */
static uint64_t name_hash(struct text dir, struct text tag)
{
    _cleanup_(buf_done) struct buf name = BUF_INIT(12 * LIMIT_TAG_BYTES + 64);
    uint64_t hash;

    tagname_escape(&name, dir);
    buf_char(&name, '\0');
    tagname_escape(&name, tag);
    if (buf_failed(&name))
        return 0;
    hash = hash_bytes(HASH_START, name.data, name.length);
    return hash ? hash : 1;
}

/* Notes what a series is shown as; -ENOMEM. */
static int note_shown(struct feed *feed, const struct series_summary *s, uint64_t *ret_hash)
{
    *ret_hash = 0;
    if (tagname_is_utf8(s->tag) && tagname_is_utf8(s->dir))
        return 0;
    *ret_hash = name_hash(s->dir, s->tag);
    return *ret_hash ? idmap_put(&feed->shown, *ret_hash, idmap_pointer(s->series)) : 0;
}

/* ---- feeds ------------------------------------------------------------------------------ */

/* Notes the series that are there, so that later ones can be told to be new. */
static void note_known(struct feed *feed)
{
    struct run_summary summary;
    struct series_summary *list;
    uint64_t hash;
    size_t n;

    run_summarize(feed->run, &summary);
    if (summary.series > LIMIT_LIVE_LISTED_SERIES) {
        feed->list_overflow = true;
        return;
    }
    if (run_series(feed->run, VIEW_ALL, &list, &n) < 0) {
        feed->list_overflow = true;
        return;
    }
    for (size_t i = 0; i < n && !feed->list_overflow; i++)
        if (note_shown(feed, &list[i], &hash) < 0 ||
            idmap_put(&feed->known, idmap_pointer(list[i].series), 1) < 0)
            feed->list_overflow = true;
    free(list);
}

static int feed_tie(struct feed *feed, struct run *run)
{
    int r = idmap_put(&feed->feeds->by_run, idmap_pointer(run), idmap_pointer(feed));

    if (r == 0)
        feed->run = run;
    return r;
}

struct feed *feed_get(struct feeds *feeds, const char *id)
{
    size_t size = strlen(id);
    uint64_t hash = hash_bytes(HASH_START, id, size);
    struct feed *first = idmap_find(&feeds->by_id, hash), *feed = first;

    while (feed && strcmp(feed->id, id) != 0)
        feed = feed->next;
    if (feed)
        return feed;
    feed = calloc(1, sizeof *feed + size + 1);
    if (!feed)
        return NULL;
    memcpy(feed->id, id, size + 1);
    feed->feeds = feeds;
    feed->hash = hash;
    feed->version = feeds->version;
    feed->next = first;
    if (idmap_put(&feeds->by_id, hash, idmap_pointer(feed)) < 0) {
        free(feed);
        return NULL;
    }
    struct run *run = store_find_run(feeds->store, id);
    if (run && feed_tie(feed, run) == 0)
        note_known(feed);
    else
        feeds->waiting++;
    return feed;
}

static void unlink_feed(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;
    struct feed *first = idmap_find(&feeds->by_id, feed->hash), *at = first;

    if (first == feed) {
        idmap_remove(&feeds->by_id, feed->hash);
        /* Room for it was just made. */
        if (feed->next)
            CHECK(idmap_put(&feeds->by_id, feed->hash, idmap_pointer(feed->next)) == 0);
    } else {
        while (at->next != feed)
            at = at->next;
        at->next = feed->next;
    }
    if (feed->run)
        idmap_remove(&feeds->by_run, idmap_pointer(feed->run));
    else
        feeds->waiting--;
    for (size_t i = 0; i < feeds->n_due; i++)
        if (feeds->due[i] == feed)
            feeds->due[i--] = feeds->due[--feeds->n_due];
}

void feed_drop(struct feed *feed)
{
    if (feed->subs)
        return;
    DCHECK(feed->by_name.count == 0);
    unlink_feed(feed);
    idmap_done(&feed->by_name);
    idmap_done(&feed->by_series);
    idmap_done(&feed->known);
    idmap_done(&feed->shown);
    free(feed->listed);
    free(feed);
}

/* ---- topics ----------------------------------------------------------------------------- */

static void wait_for_series(struct topic *topic)
{
    struct feed *feed = topic->feed;

    topic->next_waiting = feed->waiting;
    if (feed->waiting)
        feed->waiting->previous_waiting = topic;
    feed->waiting = topic;
}

static void stop_waiting(struct topic *topic)
{
    if (topic->previous_waiting)
        topic->previous_waiting->next_waiting = topic->next_waiting;
    else
        topic->feed->waiting = topic->next_waiting;
    if (topic->next_waiting)
        topic->next_waiting->previous_waiting = topic->previous_waiting;
    topic->next_waiting = topic->previous_waiting = NULL;
}

/* Looks for the topic's series; true if it is there. */
static bool topic_tie(struct topic *topic)
{
    struct text dir = {topic->text, topic->dir_size};
    struct text tag = {topic->text + topic->dir_size, topic->tag_size};
    struct feed *feed = topic->feed;
    struct series *series = feed->run ? run_find_series(feed->run, dir, tag) : NULL;

    if (!series && topic->shown_hash)
        series = idmap_find(&feed->shown, topic->shown_hash);
    if (!series || idmap_put(&feed->by_series, idmap_pointer(series), idmap_pointer(topic)) < 0)
        return false;
    topic->series = series;
    return true;
}

static bool is_topic(const struct topic *topic, struct text dir, struct text tag)
{
    return topic->dir_size == dir.size && topic->tag_size == tag.size &&
           memcmp(topic->text, dir.data, dir.size) == 0 &&
           memcmp(topic->text + dir.size, tag.data, tag.size) == 0;
}

struct topic *topic_get(struct feed *feed, struct text dir, struct text tag)
{
    uint64_t hash = hash_bytes(HASH_START, dir.data, dir.size);

    hash = hash_bytes(hash_bytes(hash, "", 1), tag.data, tag.size);
    struct topic *first = idmap_find(&feed->by_name, hash), *topic = first;
    while (topic && !is_topic(topic, dir, tag))
        topic = topic->next;
    if (!topic) {
        topic = calloc(1, sizeof *topic + dir.size + tag.size + 1);
        if (!topic)
            return NULL;
        memcpy(topic->text, dir.data, dir.size);
        memcpy(topic->text + dir.size, tag.data, tag.size);
        topic->feed = feed;
        topic->hash = hash;
        topic->dir_size = dir.size;
        topic->tag_size = tag.size;
        topic->next = first;
        topic->version = feed->version;
        if (tagname_may_be_shown(tag) || tagname_may_be_shown(dir))
            topic->shown_hash = name_hash(dir, tag);
        if (idmap_put(&feed->by_name, hash, idmap_pointer(topic)) < 0) {
            free(topic);
            return NULL;
        }
        if (!topic_tie(topic))
            wait_for_series(topic);
    }
    topic->watchers++;
    return topic;
}

static void unlink_topic(struct topic *topic)
{
    struct feed *feed = topic->feed;
    struct topic *first = idmap_find(&feed->by_name, topic->hash), *at = first;

    if (first == topic) {
        idmap_remove(&feed->by_name, topic->hash);
        if (topic->next)
            CHECK(idmap_put(&feed->by_name, topic->hash, idmap_pointer(topic->next)) == 0);
    } else {
        while (at->next != topic)
            at = at->next;
        at->next = topic->next;
    }
}

void topic_drop(struct topic *topic)
{
    DCHECK(topic->watchers > 0);
    if (--topic->watchers > 0)
        return;
    unlink_topic(topic);
    if (topic->series)
        idmap_remove(&topic->feed->by_series, idmap_pointer(topic->series));
    else
        stop_waiting(topic);
    for (size_t i = 0; i < ARRAY_LEN(topic->encoded); i++) {
        if (topic->encoded[i])
            buf_done(&topic->encoded[i]->frames);
        free(topic->encoded[i]);
    }
    free(topic);
}

/* ---- commits ---------------------------------------------------------------------------- */

/* A feed that waits for this run, now tied to it. */
static struct feed *tie_waiting_feed(struct feeds *feeds, struct run *run)
{
    struct run_summary summary;

    run_summarize(run, &summary);
    struct feed *feed =
        idmap_find(&feeds->by_id, hash_bytes(HASH_START, summary.id, strlen(summary.id)));
    while (feed && strcmp(feed->id, summary.id) != 0)
        feed = feed->next;
    if (!feed || feed_tie(feed, run) < 0)
        return NULL;
    feeds->waiting--;
    return feed;
}

static void list_later(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;

    if (feed->list_due)
        return;
    if (feeds->n_due == feeds->due_capacity) {
        size_t capacity = MAX(feeds->due_capacity * 2, (size_t)16);
        struct feed **due = realloc(feeds->due, capacity * sizeof *due);
        if (!due)
            return; /* a later commit tries again */
        feeds->due = due;
        feeds->due_capacity = capacity;
    }
    feeds->due[feeds->n_due++] = feed;
    feed->list_due = true;
}

struct feed *feeds_commit(struct feeds *feeds, struct run *run, bool new_series)
{
    struct feed *feed = idmap_find(&feeds->by_run, idmap_pointer(run));

    if (!feed && feeds->waiting) {
        feed = tie_waiting_feed(feeds, run);
        new_series = true;
    }
    if (!feed)
        return NULL;
    feed->version = feeds->version;
    if (!new_series)
        return feed;
    for (struct topic *topic = feed->waiting, *next; topic; topic = next) {
        next = topic->next_waiting;
        if (!topic_tie(topic))
            continue;
        stop_waiting(topic);
        topic->version = feeds->version;
    }
    list_later(feed);
    return feed;
}

void feed_changed(struct feed *feed, struct series *series)
{
    struct topic *topic = idmap_find(&feed->by_series, idmap_pointer(series));

    if (topic)
        topic->version = feed->feeds->version;
}

/* ---- new series ------------------------------------------------------------------------- */

/* Topics that wait for a series by what it is shown as. */
static void tie_shown(struct feed *feed, uint64_t shown_hash)
{
    for (struct topic *topic = feed->waiting, *next; topic; topic = next) {
        next = topic->next_waiting;
        if (topic->shown_hash != shown_hash || !topic_tie(topic))
            continue;
        stop_waiting(topic);
        topic->version = feed->version = ++feed->feeds->version;
    }
}

static int list_one(struct feed *feed, const struct series_summary *s)
{
    struct series *series = s->series;
    uint64_t shown_hash = 0;
    int r = idmap_put(&feed->known, idmap_pointer(series), 1);

    if (r == 0)
        r = note_shown(feed, s, &shown_hash);
    if (r < 0)
        return r;
    if (shown_hash)
        tie_shown(feed, shown_hash);
    if (feed->n_listed == feed->listed_capacity) {
        size_t capacity = MAX(feed->listed_capacity * 2, (size_t)16);
        struct series **listed = realloc(feed->listed, capacity * sizeof(struct series *));
        if (!listed)
            return -1;
        feed->listed = listed;
        feed->listed_capacity = capacity;
    }
    feed->listed[feed->n_listed++] = series;
    struct topic *topic = idmap_find(&feed->by_series, idmap_pointer(series));
    if (topic)
        topic->listed = (uint32_t)feed->n_listed;
    return 0;
}

/* Adds the series that are not known yet; true if there were any. */
static bool list_new(struct feed *feed)
{
    struct series_summary *list;
    size_t n, before = feed->n_listed;

    if (feed->list_overflow)
        return true;
    if (run_series(feed->run, VIEW_ALL, &list, &n) < 0)
        return false;
    if (n > LIMIT_LIVE_LISTED_SERIES)
        feed->list_overflow = true;
    for (size_t i = 0; i < n && !feed->list_overflow; i++)
        if (idmap_get(&feed->known, idmap_pointer(list[i].series)) == IDMAP_NONE &&
            list_one(feed, &list[i]) < 0)
            feed->list_overflow = true;
    free(list);
    return feed->n_listed > before || feed->list_overflow;
}

int64_t feeds_list(struct feeds *feeds, int64_t now_ns, void (*found)(struct feed *feed))
{
    int64_t next = 0;

    for (size_t i = 0; i < feeds->n_due; i++) {
        struct feed *feed = feeds->due[i];

        if (feed->list_ns > now_ns) {
            next = next ? MIN(next, feed->list_ns) : feed->list_ns;
            continue;
        }
        feeds->due[i--] = feeds->due[--feeds->n_due];
        feed->list_due = false;
        feed->list_ns = now_ns + LIMIT_LIVE_LIST_MS * NS_PER_MS;
        if (list_new(feed))
            found(feed);
    }
    return next;
}
