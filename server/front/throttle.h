/* throttle.h: counts failed guesses by address. Part of front.
 *
 * A table of fixed size: the oldest entry gives way, so that a flood of addresses costs no memory.
 * IPv6 counts by /64, for that is what one guesser has. Thread: any (a lock of its own). */
#ifndef TB_FRONT_THROTTLE_H
#define TB_FRONT_THROTTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { THROTTLE_ENTRIES = 1024 };

struct throttle {
    pthread_mutex_t lock;
    struct throttle_entry {
        uint8_t address[16];
        int64_t since_ns; /* when its minute began; 0: free */
        unsigned failures;
    } entries[THROTTLE_ENTRIES];
};

void throttle_init(struct throttle *throttle);
void throttle_done(struct throttle *throttle);
/* Has this address failed LIMIT_AUTH_FAILURES_PER_MINUTE times within the minute? */
bool throttle_is_over(struct throttle *throttle, const struct sockaddr_storage *address,
                      int64_t now_ns);
void throttle_failed(struct throttle *throttle, const struct sockaddr_storage *address,
                     int64_t now_ns);

#endif
