#include "live/sub.h"

#include <stdlib.h>

#include "base/check.h"

struct sub *sub_new(struct client *client, struct feed *feed, uint32_t slot)
{
    struct sub *sub = calloc(1, sizeof *sub);

    if (!sub)
        return NULL;
    sub->client = client;
    sub->feed = feed;
    sub->slot = slot;
    sub->listed_seen = feed->n_listed;
    sub->damage_seen = feed->damage_version;
    sub->next = feed->subs;
    if (feed->subs)
        feed->subs->previous = sub;
    feed->subs = sub;
    feed->n_subs++;
    return sub;
}

struct sub *sub_free(struct sub *sub)
{
    if (!sub)
        return NULL;
    struct feed *feed = sub->feed;
    for (uint32_t i = 0; i < sub->count; i++)
        topic_drop(sub->cursors[i].topic);
    free(sub->cursors);
    if (sub->previous)
        sub->previous->next = sub->next;
    else
        feed->subs = sub->next;
    if (sub->next)
        sub->next->previous = sub->previous;
    feed->n_subs--;
    free(sub);
    feed_drop(feed);
    return NULL;
}

struct cursor *sub_add(struct sub *sub, struct topic *topic)
{
    if (sub->count == sub->capacity) {
        uint32_t capacity = MAX(sub->capacity * 2, 4u);
        struct cursor *cursors = realloc(sub->cursors, capacity * sizeof *cursors);
        if (!cursors)
            return NULL;
        sub->cursors = cursors;
        sub->capacity = capacity;
    }
    struct cursor *cursor = &sub->cursors[sub->count++];
    *cursor = (struct cursor){.topic = topic};
    return cursor;
}

void sub_remove(struct sub *sub, uint32_t index)
{
    DCHECK(index < sub->count);
    topic_drop(sub->cursors[index].topic);
    sub->cursors[index] = sub->cursors[--sub->count];
}
