#include "store_chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/restore.h"
#include "store/snapshot.h"

#define HEAD 64

static int read_file(void *ctx, uint64_t offset, void *ret, size_t size)
{
    struct chain_file *f = ctx;

    if (offset > f->size || size > f->size - offset)
        return -EIO;
    memcpy(ret, f->data + offset, size);
    return 0;
}

static void note_broken(void *ctx, int error)
{
    ((struct chain_file *)ctx)->broken++;
}

static int put(void *ctx, const void *data, size_t size, uint64_t *ret_offset)
{
    struct chain_file *f = ctx;

    f->data = realloc(f->data, f->size + size);
    CHECK(f->data);
    memcpy(f->data + f->size, data, size);
    *ret_offset = f->size;
    f->size += size;
    return 0;
}

static void file_free(struct chain_file *f)
{
    buf_done(&f->table);
    free(f->data);
    free(f);
}

static struct chain_file *file_new(struct store *store, uint32_t first, uint32_t last)
{
    struct chain_file *f = calloc(1, sizeof *f);

    CHECK(f);
    f->data = calloc(1, HEAD);
    f->size = HEAD;
    f->table.max = (size_t)1 << 30;
    f->file = (struct chunk_file){.read = read_file,
                                  .broken = note_broken,
                                  .ctx = f,
                                  .id = chunkcache_file_id(store->cache),
                                  .first = first,
                                  .last = last};
    return f;
}

/* Lets two generations of readers pass, so that what was retired is gone. */
static void turn(struct run *run)
{
    for (int i = 0; i < 3; i++) {
        run_lock(run);
        slab_turn(&run->slab);
        run_unlock(run);
    }
}

int chain_flush(struct chain *chain, struct run *run, size_t base, bool merge, bool adopt,
                bool tails)
{
    struct snapshot *s;
    int r = snapshot_take(run, merge ? chain->files[base]->file.first : 0, &s);

    if (r < 0) {
        CHECK(r == -ENODATA || r == -EAGAIN);
        return 0;
    }
    struct chain_file *f = file_new(run->store, s->first, s->last);
    CHECK(snapshot_write(s, put, f, &f->table) == 0);
    if (!adopt) {
        snapshot_abandon(s);
        file_free(f);
        return 0;
    }
    chain->id = s->chain;
    CHECK(snapshot_adopt(s, &f->file, tails ? TAILS_ALL : TAILS_PARKED));
    snapshot_free(s);
    if (merge) {
        turn(run);
        while (chain->count > base)
            file_free(chain->files[--chain->count]);
    }
    CHECK(chain->count < CHAIN_FILES);
    chain->files[chain->count++] = f;
    return 1;
}

void chain_done(struct chain *chain)
{
    while (chain->count > 0)
        file_free(chain->files[--chain->count]);
}

struct run *chain_restore(struct chain *chain, struct store *store, int *ret_error)
{
    struct run_info info = {"r1", "run", "experiment", "/logs/run", false};
    struct restore *restore = restore_new(store, &info);
    struct run *run = NULL;
    int r = 0;

    CHECK(restore);
    for (size_t i = 0; i < chain->count && r == 0; i++) {
        struct chain_file *f = chain->files[i];
        f->file.id = chunkcache_file_id(store->cache);
        r = restore_apply(restore, f->table.data, f->table.length, &f->file, f->size);
    }
    if (r == 0)
        r = restore_end(&restore, chain->id, NULL, &run);
    restore_free(restore);
    *ret_error = r;
    return run;
}

static struct generation *find(struct run *run, const struct world_file *f)
{
    for (size_t i = 0; i < run->n_generations; i++) {
        if (strcmp(run->generations[i]->path, f->path) == 0 &&
            run->generations[i]->number == f->number)
            return run->generations[i];
    }
    return NULL;
}

void chain_restart(struct chain *chain, struct world *w)
{
    int r;

    w->store = store_free(w->store);
    if (chain->count == 0) {
        world_close(w);
        world_open(w);
        return;
    }
    w->store = store_new(NULL);
    CHECK(w->store);
    w->run = chain_restore(chain, w->store, &r);
    if (!w->run)
        fprintf(stderr, "restore: %s\n", strerror(-r));
    CHECK(w->run);
    for (size_t i = 0; i < w->n_files; i++) {
        struct world_file *f = &w->files[i];
        struct place place = {0};
        memset(f->lanes, 0, sizeof f->lanes);
        f->generation = find(w->run, f);
        if (f->generation)
            CHECK(generation_placed(f->generation, &place));
        f->fed = f->committed = place.offset / 10;
    }
}

void chain_place(struct world *w, bool all)
{
    for (size_t i = 0; i < w->n_files; i++) {
        struct world_file *f = &w->files[i];
        struct place place = {.offset = f->fed * 10};
        if (f->generation)
            generation_place(f->generation, all || world_random(w, 4) > 0 ? &place : NULL);
    }
}
