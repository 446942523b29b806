/* crowd.h: how many connections one address has. Part of front.
 *
 * A fixed table of counters, chosen by a keyed hash of the address (IPv6: of its /64): no memory
 * by the number of addresses, no lock. Two addresses may share a counter, and with it the limit;
 * which ones do cannot be foreseen from outside. Thread: any. */
#ifndef TB_FRONT_CROWD_H
#define TB_FRONT_CROWD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { CROWD_SLOTS = 16384 };

struct crowd {
    uint64_t key;
    _Atomic uint32_t counts[CROWD_SLOTS];
};

void crowd_init(struct crowd *crowd);
/* Counts one more; false: the address has `limit` of them already. */
bool crowd_enter(struct crowd *crowd, const struct sockaddr_storage *address, unsigned limit);
void crowd_leave(struct crowd *crowd, const struct sockaddr_storage *address);

#endif
