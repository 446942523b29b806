#include "front/throttle.h"

#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

#define MINUTE_NS (60 * NS_PER_S)
enum { WAYS = 8 }; /* places where one address may be */

void throttle_init(struct throttle *throttle)
{
    memset(throttle, 0, sizeof *throttle);
    pthread_mutex_init(&throttle->lock, NULL);
}

void throttle_done(struct throttle *throttle)
{
    pthread_mutex_destroy(&throttle->lock);
}

static void name_of(const struct sockaddr_storage *address, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(out, 0, 16);
    if (address->ss_family == AF_INET) {
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
    } else if (address->ss_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
        if (memcmp(out, mapped, sizeof mapped) != 0)
            memset(out + 8, 0, 8);
    }
}

static struct throttle_entry *places_of(struct throttle *throttle, const uint8_t name[16])
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (int i = 0; i < 16; i++)
        hash = (hash ^ name[i]) * 0x100000001b3u;
    return &throttle->entries[(hash >> 32) % (THROTTLE_ENTRIES / WAYS) * WAYS];
}

static struct throttle_entry *find(struct throttle *throttle, const uint8_t name[16],
                                   int64_t now_ns)
{
    struct throttle_entry *places = places_of(throttle, name);

    for (int i = 0; i < WAYS; i++)
        if (places[i].since_ns != 0 && memcmp(places[i].address, name, 16) == 0)
            return now_ns - places[i].since_ns < MINUTE_NS ? &places[i] : NULL;
    return NULL;
}

bool throttle_is_over(struct throttle *throttle, const struct sockaddr_storage *address,
                      int64_t now_ns)
{
    uint8_t name[16];
    const struct throttle_entry *entry;
    bool over;

    name_of(address, name);
    pthread_mutex_lock(&throttle->lock);
    entry = find(throttle, name, now_ns);
    over = entry && entry->failures >= LIMIT_AUTH_FAILURES_PER_MINUTE;
    pthread_mutex_unlock(&throttle->lock);
    return over;
}

/* The address's own place, else a free one, else the oldest. */
static struct throttle_entry *claim(struct throttle *throttle, const uint8_t name[16])
{
    struct throttle_entry *places = places_of(throttle, name), *oldest = places;

    for (int i = 0; i < WAYS; i++) {
        if (places[i].since_ns != 0 && memcmp(places[i].address, name, 16) == 0)
            return &places[i];
        if (places[i].since_ns < oldest->since_ns)
            oldest = &places[i];
    }
    return oldest;
}

void throttle_failed(struct throttle *throttle, const struct sockaddr_storage *address,
                     int64_t now_ns)
{
    struct throttle_entry *entry;
    uint8_t name[16];

    name_of(address, name);
    pthread_mutex_lock(&throttle->lock);
    entry = find(throttle, name, now_ns);
    if (!entry) {
        entry = claim(throttle, name);
        memcpy(entry->address, name, 16);
        entry->since_ns = now_ns;
        entry->failures = 0;
    }
    entry->failures++;
    pthread_mutex_unlock(&throttle->lock);
}
