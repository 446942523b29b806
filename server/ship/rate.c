#include "ship/rate.h"

#include "base/cleanup.h"
#include "base/clock.h"

void rate_init(struct rate *rate, uint64_t per_second)
{
    *rate = (struct rate){.per_second = per_second};
}

size_t rate_piece(const struct rate *rate, size_t size)
{
    if (rate->per_second == 0)
        return size;
    uint64_t piece = rate->per_second / 20; /* a twentieth of a second */
    return MIN(size, piece < 512 ? 512 : piece);
}

int64_t rate_spend(struct rate *rate, size_t size, int64_t now_ns)
{
    if (rate->per_second == 0)
        return 0;
    double speed = (double)rate->per_second, most = speed / 10;
    if (rate->last_ns == 0)
        rate->allowed = most;
    else
        rate->allowed += (double)(now_ns - rate->last_ns) * speed / (double)NS_PER_S;
    rate->last_ns = now_ns;
    if (rate->allowed > most)
        rate->allowed = most;
    rate->allowed -= (double)size;
    return rate->allowed >= 0 ? 0 : (int64_t)(-rate->allowed * (double)NS_PER_S / speed);
}
