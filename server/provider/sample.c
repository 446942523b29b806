#include "provider/sample.h"

#include "base/check.h"

uint64_t sample_even(uint64_t i, uint64_t limit, uint64_t count)
{
    if (limit == 1)
        return count - 1;
    return (uint64_t)((unsigned __int128)i * (count - 1) / (limit - 1));
}

/* Where stretch number `n` begins: stretches share out what is between the first and the last. */
static uint64_t stretch_start(const struct sample *s, uint64_t n)
{
    return 1 + (uint64_t)((unsigned __int128)n * (s->count - 2) / s->stretches);
}

void sample_init(struct sample *sample, uint64_t count, uint64_t limit, struct sample_point *room)
{
    CHECK(limit < count);
    *sample = (struct sample){.count = count, .limit = limit, .kept = room};
    if (limit > 2) {
        sample->stretches = (limit - 1) / 2; /* two each, but the last one if there is one left */
        sample->until = stretch_start(sample, 1);
    }
}

static void keep(struct sample *s, const struct sample_point *point)
{
    DCHECK(s->n_kept < s->limit);
    s->kept[s->n_kept++] = *point;
}

/* The stretch has ended: its two points in order, or only the one that differs more from where it
 * began. */
static void end_stretch(struct sample *s)
{
    const bool last = s->stretch + 1 == s->stretches;
    const bool one = last && (s->limit - 2) % 2 == 1;
    bool same = s->low_at == s->high_at;

    if (one) {
        bool low = s->first.value - s->low.value > s->high.value - s->first.value;
        keep(s, low ? &s->low : &s->high);
    } else if (same) { /* all are equal, or no numbers: the first and the one behind it */
        keep(s, &s->first);
        keep(s, &s->second);
    } else {
        keep(s, s->low_at < s->high_at ? &s->low : &s->high);
        keep(s, s->low_at < s->high_at ? &s->high : &s->low);
    }
    s->any = false;
    s->stretch++;
    s->until = s->stretch < s->stretches ? stretch_start(s, s->stretch + 1) : 0;
}

static void add_inner(struct sample *s, const struct sample_point *p)
{
    if (!s->any) {
        s->any = true;
        s->first = s->second = s->low = s->high = *p;
        s->first_at = s->second_at = s->low_at = s->high_at = s->at;
    } else {
        if (s->second_at == s->first_at) {
            s->second = *p;
            s->second_at = s->at;
        }
        if (p->value < s->low.value || s->low.value != s->low.value) {
            s->low = *p;
            s->low_at = s->at;
        }
        if (p->value > s->high.value || s->high.value != s->high.value) {
            s->high = *p;
            s->high_at = s->at;
        }
    }
    if (s->at + 1 == s->until)
        end_stretch(s);
}

void sample_add(struct sample *sample, const struct sample_point *point)
{
    struct sample *s = sample;

    if (s->at + 1 == s->count) {
        if (s->limit > 0)
            keep(s, point);
    } else if (s->at == 0) {
        if (s->limit > 1)
            keep(s, point);
    } else if (s->stretches > 0 && s->stretch < s->stretches) {
        add_inner(s, point);
    }
    s->at++;
}
