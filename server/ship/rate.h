/* rate.h: at most so many bytes a second (a bucket that fills as time goes). Thread: one owner. */
#ifndef TB_SHIP_RATE_H
#define TB_SHIP_RATE_H

#include <stddef.h>
#include <stdint.h>

struct rate {
    uint64_t per_second; /* 0: no limit */
    double allowed;      /* bytes that may go now; below 0: debt */
    int64_t last_ns;
};

void rate_init(struct rate *rate, uint64_t per_second);
/* How many bytes to send at once, so that sending is even. */
size_t rate_piece(const struct rate *rate, size_t size);
/* `size` bytes were sent: ns until more may go, 0: at once. */
int64_t rate_spend(struct rate *rate, size_t size, int64_t now_ns);

#endif
