#include "provider/roll.h"

#include <endian.h>
#include <errno.h>
#include <eventfile/crc32c.h>
#include <eventfile/record.h>
#include <eventfile/salvage.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "provider/readback.h"

enum { HEAD_BYTES = 256, ID_DIGITS = 6 };

/* The wall time of the record at the beginning of a file: file_version events count for the start
 * of a run, and the store does not keep theirs. NaN: there is none. */
static double head_wall(struct readback *rb, const char *path, uint32_t generation)
{
    struct memo *heads = &rb->provider->heads;
    uint64_t key = memo_hash(memo_hash(generation, rb->run_id, strlen(rb->run_id)), path,
                             strlen(path));
    uint8_t head[HEAD_BYTES];
    uint64_t bits, size;
    uint32_t crc;
    double wall = NAN;

    if (memo_get(heads, key, 0, &bits)) {
        memcpy(&wall, &bits, sizeof wall);
        return wall;
    }
    readback_file(rb, path, generation);
    ssize_t n = readback_bytes(rb, 0, head, sizeof head);
    if (n < EF_HEADER_BYTES + 9)
        return NAN;
    memcpy(&size, head, sizeof size);
    size = le64toh(size);
    memcpy(&crc, head + 8, sizeof crc);
    if (le32toh(crc) != ef_crc32c_mask(ef_crc32c(head, 8)))
        return NAN;
    const uint8_t *payload = head + EF_HEADER_BYTES;
    const bool whole = size <= (uint64_t)n - EF_HEADER_BYTES;
    if (payload[0] == 0x09) {
        memcpy(&bits, payload + 1, sizeof bits);
        bits = le64toh(bits);
        memcpy(&wall, &bits, sizeof wall);
    } else if (whole && size > 0 && ef_event_shaped(payload, size)) {
        wall = 0; /* left out, as a zero is */
    }
    memcpy(&bits, &wall, sizeof bits);
    memo_put(heads, key, 0, bits);
    return wall;
}

/* The entry of that directory among those of the run, which begin at `first`. */
static struct roll_entry *entry_of(struct roll *roll, size_t first, const struct run_summary *run,
                                   struct text dir)
{
    for (size_t i = roll->count; i-- > first;)
        if (text_equal(roll->entries[i].dir, dir))
            return &roll->entries[i];
    if (roll->count == roll->capacity) {
        size_t capacity = roll->capacity ? 2 * roll->capacity : 64;
        void *entries = realloc(roll->entries, capacity * sizeof *roll->entries);
        if (!entries)
            return NULL;
        roll->entries = entries;
        roll->capacity = capacity;
    }
    struct roll_entry *entry = &roll->entries[roll->count];
    _cleanup_(buf_done) struct buf name = BUF_INIT(SIZE_MAX);
    utf8_mend(&name, run->name, strlen(run->name));
    if (dir.size > 0)
        buf_char(&name, '/');
    utf8_mend(&name, dir.data, dir.size);
    const char *copy = buf_failed(&name) ? NULL : texts_copy(&roll->texts, name.data, name.length);
    if (!copy)
        return NULL;
    *entry = (struct roll_entry){.run = run->run, .id = run->id, .path = run->path, .dir = dir,
                                 .name = copy, .start = NAN, .run_start = NAN};
    roll->count++;
    return entry;
}

/* One run: an entry for each of its directories that has an event. */
static int add_run(struct roll *roll, struct readback *rb, const struct run_summary *run)
{
    struct file_summary *files;
    size_t count, first = roll->count;
    double start = NAN;

    int r = run_files(run->run, &files, &count);
    if (r < 0)
        return r;
    readback_run(rb, run->id, run->path);
    for (size_t i = 0; i < count && r == 0; i++) {
        struct roll_entry *entry = entry_of(roll, first, run, files[i].dir);
        if (!entry) {
            r = -ENOMEM;
            break;
        }
        double head = head_wall(rb, files[i].path, files[i].generation);
        if (isfinite(head))
            entry->start = fmin(entry->start, head);
        if (isfinite(files[i].first_wall))
            entry->start = fmin(entry->start, files[i].first_wall);
        start = fmin(start, entry->start);
    }
    file_summaries_free(files, count);
    size_t kept = first;
    for (size_t i = first; i < roll->count; i++) {
        if (isnan(roll->entries[i].start))
            continue;
        roll->entries[kept] = roll->entries[i];
        roll->entries[kept++].run_start = start;
    }
    roll->count = kept;
    return r;
}

/* ---- order and names ---------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    const struct roll_entry *x = a, *y = b;

    if (x->run_start != y->run_start)
        return x->run_start < y->run_start ? -1 : 1;
    int order = strcmp(x->id, y->id);
    if (order == 0 && x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return order != 0 ? order : text_compare(x->dir, y->dir);
}

static int compare_names(const void *a, const void *b)
{
    const struct roll_entry *x = *(struct roll_entry *const *)a;
    const struct roll_entry *y = *(struct roll_entry *const *)b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : (x > y) - (x < y);
}

/* Of equal names the later ones get a part of their id. Entries are in their order already. */
static int tell_apart(struct roll *roll)
{
    _cleanup_free_ struct roll_entry **by_name = malloc((roll->count + 1) * sizeof(void *));

    if (!by_name)
        return -ENOMEM;
    for (size_t i = 0; i < roll->count; i++)
        by_name[i] = &roll->entries[i];
    qsort(by_name, roll->count, sizeof *by_name, compare_names);
    for (size_t i = 0, first = 0; i < roll->count; i++) {
        if (strcmp(by_name[i]->name, by_name[first]->name) != 0)
            first = i;
        if (i == first)
            continue;
        const char *name = by_name[first]->name;
        _cleanup_(buf_done) struct buf longer = BUF_INIT(SIZE_MAX);
        buf_printf(&longer, "%s (%.*s)", name, ID_DIGITS, by_name[i]->id);
        char *copy = buf_failed(&longer) ? NULL
                                         : texts_copy(&roll->texts, longer.data, longer.length);
        if (!copy)
            return -ENOMEM;
        by_name[i]->name = copy;
    }
    return 0;
}

static bool is_shown(const struct provider *provider, const struct run_summary *run,
                     struct text experiment)
{
    const struct provider_options *options = &provider->options;

    if (run->life.deleted || (options->vanish && run->source.gone))
        return false;
    if (options->one_experiment || experiment.size == 0 ||
        text_equal(experiment, text_from(PROVIDER_DEFAULT_EXPERIMENT)))
        return true;
    return text_equal(experiment, text_from(run->experiment));
}

int roll_make(struct roll *roll, struct provider *provider, struct text experiment)
{
    _cleanup_(readback_done) struct readback rb;
    _cleanup_free_ struct run_summary *runs = NULL;
    size_t count = 0;

    *roll = (struct roll){0};
    readback_init(&rb, provider);
    int r = store_runs(provider->options.store, &runs, &count);
    for (size_t i = 0; i < count && r == 0; i++)
        if (is_shown(provider, &runs[i], experiment))
            r = add_run(roll, &rb, &runs[i]);
    if (r < 0)
        return r;
    if (roll->count > 0)
        qsort(roll->entries, roll->count, sizeof *roll->entries, compare_entries);
    return tell_apart(roll);
}

void roll_done(struct roll *roll)
{
    free(roll->entries);
    texts_done(&roll->texts);
    *roll = (struct roll){0};
}

const struct roll_entry *roll_find(const struct roll *roll, struct text name)
{
    for (size_t i = 0; i < roll->count; i++)
        if (text_equal(text_from(roll->entries[i].name), name))
            return &roll->entries[i];
    return NULL;
}
