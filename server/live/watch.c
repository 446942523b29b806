/* watch.c: the messages `watch` and `unwatch`: from blocks of runs and tags to cursors.
 *
 * A block that does not fit into the limits is refused as a whole. An id in use is replaced, so a
 * page may say again what it watches after a reconnect or a change. Thread: the live thread. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "live/client.h"
#include "live/hub.h"

static uint64_t place_of(const struct sub *sub, uint32_t index)
{
    return (uint64_t)sub->slot << 32 | index;
}

void client_fail(struct client *client, bool has_id, uint32_t id, const char *code,
                 const char *text)
{
    if (client->n_errors < ARRAY_LEN(client->errors)) {
        struct client_error *e = &client->errors[client->n_errors++];
        *e = (struct client_error){.has_id = has_id, .id = id, .error = {.code = code}};
        snprintf(e->error.text, sizeof e->error.text, "%s", text);
    }
    client_ask(client);
}

void client_remove(struct client *client, struct sub *sub, uint32_t index)
{
    idmap_remove(&client->handles, sub->cursors[index].handle);
    sub_remove(sub, index);
    client->hub->n_watches--;
    /* The key is there already, so this cannot fail. */
    if (index < sub->count)
        CHECK(idmap_put(&client->handles, sub->cursors[index].handle,
                        place_of(sub, index)) == 0);
}

/* Leaves the run when nothing of it is watched any more. */
static void drop_empty(struct client *client, uint32_t slot)
{
    struct sub *sub = client->subs[slot];

    if (sub->count)
        return;
    idmap_remove(&client->by_feed, idmap_pointer(sub->feed));
    client->subs[slot] = sub_free(sub);
}

static void unwatch_handle(struct client *client, uint32_t handle)
{
    uint64_t place = idmap_get(&client->handles, handle);

    if (place == IDMAP_NONE)
        return;
    struct sub *sub = client->subs[place >> 32];
    client_remove(client, sub, (uint32_t)place);
    /* Another cursor may have moved to where a scan was already. */
    sub->scan = 0;
    sub->seen = 0;
}

static int new_slot(struct client *client, uint32_t *ret)
{
    for (uint32_t i = 0; i < client->n_subs; i++)
        if (!client->subs[i]) {
            *ret = i;
            return 0;
        }
    uint32_t n = client->n_subs + MAX(client->n_subs, 4u);
    struct sub **subs = realloc(client->subs, n * sizeof(struct sub *));
    if (!subs)
        return -ENOMEM;
    memset(subs + client->n_subs, 0, (n - client->n_subs) * sizeof(struct sub *));
    client->subs = subs;
    *ret = client->n_subs;
    client->n_subs = n;
    return 0;
}

/* The client's sub of a run, made if it is new. NULL: out of memory. */
static struct sub *sub_of(struct client *client, const char *run_id)
{
    struct feed *feed = feed_get(&client->hub->feeds, run_id);
    uint32_t slot;

    if (!feed)
        return NULL;
    uint64_t known = idmap_get(&client->by_feed, idmap_pointer(feed));
    if (known != IDMAP_NONE)
        return client->subs[known];
    if (new_slot(client, &slot) < 0 ||
        idmap_put(&client->by_feed, idmap_pointer(feed), slot) < 0) {
        feed_drop(feed);
        return NULL;
    }
    client->subs[slot] = sub_new(client, feed, slot);
    if (!client->subs[slot]) {
        idmap_remove(&client->by_feed, idmap_pointer(feed));
        feed_drop(feed);
    }
    return client->subs[slot];
}

/* Where a cursor starts. */
static void place_cursor(struct cursor *cursor, uint64_t ordinal, bool other_epoch)
{
    struct series *series = cursor->topic->series;

    if (ordinal == MESSAGE_FROM_END) {
        cursor->ordinal = series ? series_ordinal(series) : 0;
        cursor->seen = cursor->topic->version;
        return;
    }
    cursor->ordinal = ordinal;
    cursor->refused = other_epoch || (series && ordinal > series_ordinal(series));
    cursor->seen = 0;
}

static int watch_one(struct client *client, struct sub *sub, const struct message *m,
                     size_t run, size_t tag)
{
    size_t place = run * m->n_tags + tag;
    uint32_t handle = m->id + (uint32_t)place;

    unwatch_handle(client, handle);
    struct topic *topic = topic_get(sub->feed, m->runs[run].dir, m->tags[tag]);
    if (!topic)
        return -ENOMEM;
    struct cursor *cursor = sub_add(sub, topic);
    if (!cursor) {
        topic_drop(topic);
        return -ENOMEM;
    }
    cursor->handle = handle;
    cursor->cols = (uint16_t)m->cols;
    cursor->view = (uint8_t)m->view;
    if (idmap_put(&client->handles, handle, place_of(sub, sub->count - 1)) < 0) {
        sub_remove(sub, sub->count - 1);
        return -ENOMEM;
    }
    client->hub->n_watches++;
    uint64_t ordinal = m->ordinals ? m->ordinals[place] : MESSAGE_FROM_END;
    place_cursor(cursor, ordinal, m->has_epoch && m->epoch != client->hub->epoch);
    return 0;
}

void client_watch(struct client *client, const struct message *m)
{
    uint64_t n = (uint64_t)m->n_runs * m->n_tags;
    int r = 0;

    if (client->handles.count + n > LIMIT_WATCHES_PER_CLIENT)
        return client_fail(client, true, m->id, "too-many-watches",
                           "more series than one connection may watch");
    if (client->hub->n_watches + n > LIMIT_WATCHES)
        return client_fail(client, true, m->id, "server-full",
                           "more series than this server watches for all");
    for (size_t run = 0; r == 0 && m->n_tags > 0 && run < m->n_runs; run++) {
        struct sub *sub = sub_of(client, m->runs[run].id);
        if (!sub) {
            r = -ENOMEM;
            break;
        }
        for (size_t tag = 0; r == 0 && tag < m->n_tags; tag++)
            r = watch_one(client, sub, m, run, tag);
        sub->scan = 0;
        sub->seen = 0;
        drop_empty(client, sub->slot);
    }
    if (r < 0)
        client_fail(client, true, m->id, "no-memory", "not all of the series could be watched");
    hub_mark(client->hub, client);
}

void client_unwatch(struct client *client, const struct message *m)
{
    for (size_t i = 0; i < m->n_ids; i++)
        unwatch_handle(client, m->ids[i]);
    for (uint64_t i = 0; m->has_id && !m->ids && i < m->count; i++)
        if (m->id + i <= UINT32_MAX)
            unwatch_handle(client, (uint32_t)(m->id + i));
    for (uint32_t i = 0; i < client->n_subs; i++)
        if (client->subs[i])
            drop_empty(client, i);
}

void client_unwatch_all(struct client *client)
{
    client->hub->n_watches -= client->handles.count;
    for (uint32_t i = 0; i < client->n_subs; i++)
        client->subs[i] = sub_free(client->subs[i]);
    idmap_done(&client->handles);
    idmap_done(&client->by_feed);
    free(client->subs);
    client->subs = NULL;
    client->n_subs = 0;
}
