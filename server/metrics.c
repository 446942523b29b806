#include "metrics.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static void add(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    const char *suffix = strcmp(type, "counter") == 0 ? "_total" : "";

    buf_printf(out, "# TYPE %s %s\n# HELP %s %s\n%s%s %llu\n", name, type, name, help, name, suffix,
               (unsigned long long)value);
}

static void add_tail(const struct tail_stats *t, struct buf *out)
{
    add(out, "tailboard_tail_runs", "gauge", "Directories with event files", t->runs);
    add(out, "tailboard_tail_files", "gauge", "Event files followed", t->files);
    add(out, "tailboard_tail_watches", "gauge", "inotify watches", t->watches);
    add(out, "tailboard_tail_bytes", "gauge", "Size of all event files", t->bytes_total);
    add(out, "tailboard_tail_read_bytes", "counter", "Bytes read from event files", t->bytes_read);
    add(out, "tailboard_tail_records", "counter", "Sound records read", t->records);
    add(out, "tailboard_tail_overflows", "counter", "Overflows of the inotify queue",
        t->inotify_overflows);
    add(out, "tailboard_tail_caught_up", "gauge", "1 when what was found at the start was read",
        t->caught_up);
}

static void add_ingest(const struct ingest_stats *i, struct buf *out)
{
    add(out, "tailboard_ingest_points", "counter", "Scalar values taken in", i->points);
    add(out, "tailboard_ingest_references", "counter", "Other values taken in", i->references);
    add(out, "tailboard_ingest_not_events", "counter", "Sound records that are no event",
        i->not_events);
    add(out, "tailboard_ingest_left_out", "counter", "Values over a limit", i->left_out);
    add(out, "tailboard_ingest_fallbacks", "counter", "Events of unusual shape", i->fallbacks);
}

/* Resident pages, from /proc; 0 when unknown. */
static uint64_t resident_bytes(void)
{
    unsigned long long size, resident;
    _cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");

    if (!f || fscanf(f, "%llu %llu", &size, &resident) != 2)
        return 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

double metrics_bytes_per_point(const struct store_stats *store)
{
    uint64_t bytes = store->chunk_bytes + store->tail_bytes + store->table_bytes;

    return store->points ? (double)bytes / (double)store->points : 0.0;
}

static void add_store(const struct store_stats *s, struct buf *out)
{
    add(out, "tailboard_store_runs", "gauge", "Runs", s->runs);
    add(out, "tailboard_store_series", "gauge", "Series", s->series);
    add(out, "tailboard_store_lanes", "gauge", "Lanes (series by file)", s->lanes);
    add(out, "tailboard_store_points", "gauge", "Points kept", s->points);
    add(out, "tailboard_store_references", "gauge", "References kept", s->references);
    add(out, "tailboard_store_chunks", "gauge", "Sealed chunks", s->chunks);
    add(out, "tailboard_store_chunk_bytes", "gauge", "Bytes in sealed chunks", s->chunk_bytes);
    add(out, "tailboard_store_tail_bytes", "gauge", "Bytes in open tails", s->tail_bytes);
    add(out, "tailboard_store_table_bytes", "gauge", "Bytes in tables", s->table_bytes);
    buf_printf(out,
               "# TYPE tailboard_store_bytes_per_point gauge\n"
               "# HELP tailboard_store_bytes_per_point All of the store's bytes by points\n"
               "tailboard_store_bytes_per_point %.3f\n",
               metrics_bytes_per_point(s));
    add(out, "tailboard_resident_bytes", "gauge", "Resident memory", resident_bytes());
    struct mallinfo2 heap = mallinfo2();
    add(out, "tailboard_heap_used_bytes", "gauge", "Bytes handed out by the allocator",
        heap.uordblks + heap.hblkhd);
}

static void add_index(const struct index_stats *i, const struct store_stats *s, struct buf *out)
{
    add(out, "tailboard_store_segment_chunk_bytes", "gauge", "Bytes of chunks in segments only",
        s->segment_bytes);
    add(out, "tailboard_store_cache_bytes", "gauge", "Chunks read back", s->cache_bytes);
    add(out, "tailboard_store_cache_hits", "counter", "Chunks found in the cache", s->cache_hits);
    add(out, "tailboard_store_cache_misses", "counter", "Chunks read", s->cache_misses);
    add(out, "tailboard_index_segments", "gauge", "Segment files", i->segments);
    add(out, "tailboard_index_bytes", "gauge", "Their bytes", i->segment_bytes);
    add(out, "tailboard_index_flushes", "counter", "Segments written", i->flushes);
    add(out, "tailboard_index_merges", "counter", "Segments merged", i->merges);
    add(out, "tailboard_index_written_bytes", "counter", "Bytes of both", i->written_bytes);
    add(out, "tailboard_index_failures", "counter", "Segments not written", i->failures);
    add(out, "tailboard_index_broken", "counter", "Runs whose segments were damaged", i->broken);
    add(out, "tailboard_index_restored_runs", "counter", "Runs made from segments",
        i->restored_runs);
    add(out, "tailboard_index_restored_points", "counter", "Points that were not parsed again",
        i->restored_points);
    add(out, "tailboard_index_waiting_bytes", "gauge", "Chunks not yet in a segment",
        i->resident_bytes);
    add(out, "tailboard_index_waits", "counter", "Reading waited for the index", i->waits);
}

static void add_live(const struct metrics_live *l, struct buf *out)
{
    add(out, "tailboard_live_clients", "gauge", "WebSocket clients", l->clients);
    add(out, "tailboard_live_watches", "gauge", "Series watched, summed over clients", l->watches);
    add(out, "tailboard_live_messages", "counter", "Messages sent", l->messages);
    add(out, "tailboard_live_sent_bytes", "counter", "Payload bytes sent", l->bytes);
    add(out, "tailboard_live_interval_microseconds", "gauge", "Present interval between messages",
        l->interval_us);
}

void metrics_write(const struct metrics *metrics, struct buf *out)
{
    add_tail(&metrics->tail, out);
    add_ingest(&metrics->ingest, out);
    add_store(&metrics->store, out);
    add_index(&metrics->index, &metrics->store, out);
    add_live(&metrics->live, out);
}
