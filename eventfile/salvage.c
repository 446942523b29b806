/* eventfile/salvage.c: where sound records go on behind damage.
 *
 * The three rules of the public header, one function each: salvage_skip (1), salvage_repair (2),
 * ef_salvage_search (3). Before: the reader met bytes that are no record. After: it lists the gap
 * and goes on behind it.
 *
 * What one file can make us read is bounded: the trials of rules 1 and 2 by the budget that the
 * header names. In the search, payloads behind a sound header that turn out bad are counted the
 * same way; over the budget only those up to SEARCH_SMALL_BYTES are still tried. Sound files and
 * those with real damage stay far below; only a file made of headers that all claim the same bytes
 * gets there. */
#include <eventfile/salvage.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <eventfile/crc32c.h>

#include "eventfile/crc32c_cpu.h"
#include "eventfile/scan.h"
#include "eventfile/search.h"
#include "eventfile/window.h"

#define SEARCH_SMALL_BYTES 4096
#define FIRST_STEP_BYTES 4096 /* most damage ends near by: do not read a megabyte for it */
#define CANDIDATES 65         /* the length as read, and with each of its 64 bits flipped */

struct ef_salvage {
    struct ef_source source;
    struct ef_window window;  /* where the search is, and headers */
    struct ef_window payload; /* a payload that is tried */
    uint64_t end;             /* the largest told: the size of the file */
    uint64_t tried;           /* bytes read by trials of rules 1 and 2 */
    uint64_t searched;        /* bytes of bad payloads behind sound headers in the search */
    bool limited;             /* something was left untried in this pass */
};

ef_salvage *ef_salvage_new(const struct ef_source *source)
{
    ef_salvage *salvage = calloc(1, sizeof *salvage);

    if (salvage)
        salvage->source = *source;
    return salvage;
}

ef_salvage *ef_salvage_free(ef_salvage *salvage)
{
    if (salvage)
        ef_salvage_rest(salvage);
    free(salvage);
    return NULL;
}

void ef_salvage_rest(ef_salvage *salvage)
{
    ef_window_release(&salvage->window);
    ef_window_release(&salvage->payload);
}

/* Every call begins with fresh bytes: the file may have changed since the last one. */
static void salvage_begin(ef_salvage *salvage, uint64_t end)
{
    salvage->window.size = 0;
    salvage->window.step = FIRST_STEP_BYTES;
    salvage->payload.size = 0;
    salvage->limited = false;
    if (end > salvage->end)
        salvage->end = end;
}

/* Loads with steps that grow, so that near damage costs little and far damage few calls. */
static int salvage_load(ef_salvage *salvage, struct ef_window *window, uint64_t offset,
                        uint64_t want, uint64_t end)
{
    bool fresh = window->size < want || offset != window->offset;
    int r = ef_window_load(window, &salvage->source, offset, want, end);

    if (fresh && window->step < EF_READ_BYTES)
        window->step *= 2;
    return r;
}

static uint64_t salvage_budget(const ef_salvage *salvage, uint64_t used)
{
    uint64_t most = 2 * salvage->end + EF_SALVAGE_EXTRA_BYTES;

    return used < most ? most - used : 0;
}

/* --- trying a payload --- */

/* CRC state over a payload that is read once, from front to back, as far as wanted. */
struct trial {
    uint64_t at;
    uint64_t end;
    uint32_t state;
};

/* Carries the state on to `to`. 1; 0 if the source ends before; error. */
static int trial_run(ef_salvage *salvage, struct trial *trial, uint64_t to)
{
    while (trial->at < to) {
        int r = salvage_load(salvage, &salvage->payload, trial->at, 1, trial->end);
        if (r < 0)
            return r;
        size_t n = salvage->payload.size;
        if (n == 0)
            return 0;
        if (n > to - trial->at)
            n = (size_t)(to - trial->at);
        trial->state = ef_crc32c_update(trial->state, ef_window_data(&salvage->payload), n);
        trial->at += n;
    }
    return 1;
}

/* Does a payload that ends where the trial is now have the CRC that stands there? */
static int trial_holds(ef_salvage *salvage, const struct trial *trial)
{
    int r = salvage_load(salvage, &salvage->payload, trial->at, EF_FOOTER_BYTES, trial->end);

    if (r < 0)
        return r;
    if (salvage->payload.size < EF_FOOTER_BYTES)
        return 0;
    return ef_crc32c_mask(~trial->state) == ef_load32(ef_window_data(&salvage->payload));
}

static struct trial trial_at(ef_salvage *salvage, uint64_t payload, uint64_t end)
{
    salvage->payload.step = FIRST_STEP_BYTES;
    return (struct trial){.at = payload, .end = end, .state = EF_CRC32C_START};
}

/* --- rule 2 --- */

static int compare_lengths(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The lengths that a header may have meant, shortest first, as far as limit and file allow. */
static size_t repair_candidates(uint64_t length, uint64_t room, uint64_t lengths[CANDIDATES])
{
    size_t n = 0;

    for (int bit = -1; bit < 64; bit++) {
        uint64_t tried = bit < 0 ? length : length ^ (UINT64_C(1) << bit);
        if (tried <= EF_RECORD_MAX_BYTES && tried <= room)
            lengths[n++] = tried;
    }
    qsort(lengths, n, sizeof *lengths, compare_lengths);
    return n;
}

/* Can one flipped bit of the length, or any damage to its CRC alone, explain this bad header? All
 * candidates share one walk over the bytes. A header of zeros is a hole and never tried. */
static int salvage_repair(ef_salvage *salvage, const uint8_t header[EF_HEADER_BYTES],
                          uint64_t offset, uint64_t end, uint64_t *ret_size)
{
    uint64_t lengths[CANDIDATES];
    uint64_t payload = offset + EF_HEADER_BYTES;

    if (end - offset < EF_RECORD_OVERHEAD || ef_all_zero(header, EF_HEADER_BYTES))
        return 0;
    size_t n = repair_candidates(ef_load64(header), end - offset - EF_RECORD_OVERHEAD, lengths);
    uint64_t budget = salvage_budget(salvage, salvage->tried);
    struct trial trial = trial_at(salvage, payload, end);
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        if (lengths[i] > budget) {
            salvage->limited = true;
            break;
        }
        r = trial_run(salvage, &trial, payload + lengths[i]);
        if (r <= 0)
            break;
        r = trial_holds(salvage, &trial);
        if (r > 0)
            *ret_size = lengths[i];
    }
    salvage->tried += trial.at - payload;
    return r;
}

/* --- rule 1 --- */

/* May the record [offset, next) alone be skipped, its header being sound? */
static int salvage_skip(ef_salvage *salvage, uint64_t next, uint64_t end)
{
    uint8_t header[EF_HEADER_BYTES];
    uint64_t size;

    if (end - next < EF_HEADER_BYTES)
        return 1;
    int r = salvage_load(salvage, &salvage->window, next, EF_HEADER_BYTES, end);
    if (r < 0)
        return r;
    if (salvage->window.size < EF_HEADER_BYTES)
        return 1;
    memcpy(header, ef_window_data(&salvage->window), sizeof header);
    if (ef_header_sound(header, &size))
        return 1;
    return salvage_repair(salvage, header, next, end, &size);
}

/* --- rule 3 --- */

/* A sound header of `size` payload bytes stands at `offset`: is all of the record sound? */
static int search_try(ef_salvage *salvage, uint64_t offset, uint64_t size, uint64_t end)
{
    uint64_t payload = offset + EF_HEADER_BYTES;

    if (size > SEARCH_SMALL_BYTES && size > salvage_budget(salvage, salvage->searched)) {
        salvage->limited = true;
        return 0;
    }
    struct trial trial = trial_at(salvage, payload, end);
    int r = trial_run(salvage, &trial, payload + size);
    if (r > 0)
        r = trial_holds(salvage, &trial);
    if (r > 0) { /* its CRC holds: now it may take memory */
        r = ef_window_load(&salvage->payload, &salvage->source, payload, size, payload + size);
        if (r < 0)
            return r;
        r = salvage->payload.size >= size &&
            ef_event_shaped(ef_window_data(&salvage->payload), (size_t)size);
    }
    if (r == 0)
        salvage->searched += size;
    return r;
}

/* The same where a small record lies whole in the window, without reading it again. */
static int search_try_near(ef_salvage *salvage, const uint8_t *record, size_t room, uint64_t offset,
                           uint64_t size, uint64_t end)
{
    if (room < size + EF_RECORD_OVERHEAD || size > SEARCH_SMALL_BYTES)
        return search_try(salvage, offset, size, end);
    return ef_record_check(record, room, &size) > 0 &&
           ef_event_shaped(record + EF_HEADER_BYTES, (size_t)size);
}

static int salvage_search(ef_salvage *salvage, uint64_t from, uint64_t end, uint64_t *ret_found)
{
    uint64_t open = end; /* the first sound header whose record is not all there */
    struct ef_window *window = &salvage->window;

    for (uint64_t at = from; at < end && end - at >= EF_HEADER_BYTES;) {
        int r = salvage_load(salvage, window, at, EF_HEADER_BYTES, end);
        if (r < 0)
            return r;
        if (window->size < EF_HEADER_BYTES)
            break;
        const uint8_t *data = ef_window_data(window);
        size_t i = ef_scan_header(data, window->size);
        if (i == window->size) {
            at += window->size - EF_HEADER_BYTES + 1;
            continue;
        }
        uint64_t size = ef_load64(data + i);
        at += i;
        if (end - at < size + EF_RECORD_OVERHEAD) {
            if (open == end)
                open = at;
        } else {
            r = search_try_near(salvage, data + i, window->size - i, at, size, end);
            if (r != 0) {
                if (r > 0)
                    *ret_found = at;
                return r;
            }
        }
        at++;
    }
    *ret_found = open;
    return 0;
}

int ef_salvage_search(ef_salvage *salvage, uint64_t from, uint64_t end, uint64_t *ret_found)
{
    salvage_begin(salvage, end);
    return salvage_search(salvage, from, end, ret_found);
}

/* --- all three --- */

/* Rule 3, as the end of a pass: the gap runs to what the search found. */
static int pass_search(ef_salvage *salvage, uint64_t from, uint64_t end, enum ef_reason reason,
                       struct ef_gap *gap)
{
    uint64_t found = end;
    int r = salvage_search(salvage, from, end, &found);

    if (r < 0)
        return r;
    gap->reason = reason;
    gap->length = found - gap->offset;
    return found < end;
}

/* The header at gap->offset is sound. */
static int pass_payload(ef_salvage *salvage, uint64_t size, uint64_t end, struct ef_gap *gap)
{
    uint64_t next = gap->offset + size + EF_RECORD_OVERHEAD;
    bool whole = next <= end;

    if (whole) {
        int r = salvage_skip(salvage, next, end);
        if (r < 0)
            return r;
        if (r > 0) {
            gap->reason = EF_REASON_PAYLOAD;
            gap->length = next - gap->offset;
            return next < end;
        }
    }
    int r = pass_search(salvage, gap->offset + EF_HEADER_BYTES, end, EF_REASON_PAYLOAD, gap);
    if (r == 0 && !whole)
        gap->reason = EF_REASON_PARTIAL_TAIL;
    return r;
}

static int pass(ef_salvage *salvage, uint64_t end, struct ef_gap *gap, uint64_t *ret_size)
{
    uint8_t header[EF_HEADER_BYTES] = {0};
    int r = salvage_load(salvage, &salvage->window, gap->offset, EF_HEADER_BYTES, end);

    if (r < 0)
        return r;
    size_t held = salvage->window.size < sizeof header ? salvage->window.size : sizeof header;
    if (held == 0) { /* the source has become shorter than told */
        errno = ENODATA;
        return EF_ERR_IO;
    }
    memcpy(header, ef_window_data(&salvage->window), held);
    if (held < EF_HEADER_BYTES) {
        gap->length = end - gap->offset;
        gap->reason = ef_all_zero(header, held) ? EF_REASON_ZEROS : EF_REASON_PARTIAL_TAIL;
        return 0;
    }
    uint64_t size = 0;
    switch (ef_record_check(header, EF_HEADER_BYTES, &size)) {
    case EF_ERR_ZEROS:
        return pass_search(salvage, gap->offset + 1, end, EF_REASON_ZEROS, gap);
    case EF_ERR_LENGTH:
        return pass_search(salvage, gap->offset + 1, end, EF_REASON_LENGTH, gap);
    case EF_ERR_HEADER:
        r = salvage_repair(salvage, header, gap->offset, end, ret_size);
        if (r == 0)
            return pass_search(salvage, gap->offset + 1, end, EF_REASON_HEADER, gap);
        gap->length = EF_HEADER_BYTES;
        gap->reason = EF_REASON_REPAIRED_HEADER;
        return r;
    default:
        return pass_payload(salvage, size, end, gap);
    }
}

int ef_salvage_pass(ef_salvage *salvage, uint64_t offset, uint64_t end, struct ef_gap *ret_gap,
                    uint64_t *ret_repaired_size)
{
    struct ef_gap gap = {.offset = offset};
    uint64_t size = 0;

    if (offset >= end)
        return EF_ERR_INVALID;
    salvage_begin(salvage, end);
    int r = pass(salvage, end, &gap, &size);
    if (r < 0)
        return r;
    gap.limited = salvage->limited;
    *ret_gap = gap;
    if (gap.reason == EF_REASON_REPAIRED_HEADER)
        *ret_repaired_size = size;
    return r;
}

const char *ef_reason_word(enum ef_reason reason)
{
    static const char *const words[] = {
        [EF_REASON_ZEROS] = "zeros",
        [EF_REASON_HEADER] = "header",
        [EF_REASON_PAYLOAD] = "payload",
        [EF_REASON_LENGTH] = "length",
        [EF_REASON_NOT_EVENT] = "not-an-event",
        [EF_REASON_REPAIRED_HEADER] = "repaired-header",
        [EF_REASON_REPAIRED] = "repaired",
        [EF_REASON_NOT_ARCHIVED] = "not-archived",
        [EF_REASON_PARTIAL_TAIL] = "partial-tail",
    };
    size_t i = (size_t)reason;

    return i < sizeof words / sizeof *words && words[i] ? words[i] : "unknown";
}
