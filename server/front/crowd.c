#include "front/crowd.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

void crowd_init(struct crowd *crowd)
{
    memset(crowd, 0, sizeof *crowd);
    /* Without randomness the table still counts. */
    if (getrandom(&crowd->key, sizeof crowd->key, 0) != sizeof crowd->key)
        crowd->key = 1;
}

static _Atomic uint32_t *counter_of(struct crowd *crowd, const struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    uint64_t name = 0;

    if (address->ss_family == AF_INET)
        name = ((const struct sockaddr_in *)address)->sin_addr.s_addr;
    else if (address->ss_family == AF_INET6)
        memcpy(&name, &v6->sin6_addr, sizeof name);
    name = (name ^ crowd->key) * UINT64_C(0x9e3779b97f4a7c15);
    name = (name ^ name >> 32) * (crowd->key | 1);
    return &crowd->counts[name >> 40 & (CROWD_SLOTS - 1)];
}

bool crowd_enter(struct crowd *crowd, const struct sockaddr_storage *address, unsigned limit)
{
    _Atomic uint32_t *counter = counter_of(crowd, address);

    if (atomic_fetch_add(counter, 1) < limit)
        return true;
    atomic_fetch_sub(counter, 1);
    return false;
}

void crowd_leave(struct crowd *crowd, const struct sockaddr_storage *address)
{
    uint32_t before = atomic_fetch_sub(counter_of(crowd, address), 1);

    CHECK(before > 0);
}
