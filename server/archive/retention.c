#include "archive/retention.h"

enum { BUSY_S = 600 };

const char *retention_word(enum retention_why why)
{
    static const char *const words[] = {
        [RETENTION_STAYS] = "stays", [RETENTION_AGE] = "age", [RETENTION_COUNT] = "count",
        [RETENTION_SIZE] = "size",
    };

    return words[why];
}

static bool may_go(const struct archive_run_row *row, double now_s)
{
    return !row->deleted && !row->pinned && now_s - row->changed_s >= BUSY_S;
}

/* The oldest run that may go and stays so far; `count`: none. */
static size_t oldest(const struct archive_run_row *rows, size_t count, double now_s,
                     const enum retention_why *why)
{
    size_t found = count;

    for (size_t i = 0; i < count; i++)
        if (why[i] == RETENTION_STAYS && may_go(&rows[i], now_s) &&
            (found == count || rows[i].changed_s < rows[found].changed_s))
            found = i;
    return found;
}

size_t retention_choose(const struct retention *policy, const struct archive_run_row *rows,
                        size_t count, double now_s, enum retention_why *ret_why)
{
    uint64_t bytes = 0, runs = 0;
    size_t going = 0;

    for (size_t i = 0; i < count; i++) {
        ret_why[i] = RETENTION_STAYS;
        if (rows[i].deleted)
            continue;
        if (policy->max_age_s > 0 && now_s - rows[i].changed_s > policy->max_age_s &&
            may_go(&rows[i], now_s)) {
            ret_why[i] = RETENTION_AGE;
            going++;
            continue;
        }
        bytes += rows[i].bytes;
        runs++;
    }
    for (;;) {
        bool many = policy->max_runs > 0 && runs > policy->max_runs;
        bool large = policy->max_bytes > 0 && bytes > policy->max_bytes;
        size_t at = many || large ? oldest(rows, count, now_s, ret_why) : count;
        if (at == count)
            return going;
        ret_why[at] = many ? RETENTION_COUNT : RETENTION_SIZE;
        bytes -= rows[at].bytes;
        runs--;
        going++;
    }
}
