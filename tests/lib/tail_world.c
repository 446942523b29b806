#include "tail_world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>
#include <eventfile/crc32c.h>
#include <eventfile/record.h>

#include "base/check.h"
#include "tail/tail.h"

enum { DEADLINE_S = 20 };

double tail_world_wall_time = 1000;
_Thread_local bool tail_world_inside;

static void put32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}

size_t tail_world_record(uint8_t *out, int step, double wall_time)
{
    uint8_t *p = out + 12;
    uint64_t length = TAIL_RECORD_BYTES - 16;

    *p++ = 0x09;
    memcpy(p, &wall_time, 8);
    p += 8;
    *p++ = 0x10; /* step, always five bytes */
    for (int i = 0; i < 4; i++, step >>= 7)
        *p++ = (uint8_t)((step & 127) | 128);
    *p++ = (uint8_t)(step & 15);
    static const uint8_t summary[] = {0x2a, 18, 0x0a, 16, 0x0a, 9, 'l', 'o', 's', 's',
                                      '/', 'a', 'l', 'l', '1', 0x15, 0, 0, 0x80, 0x3f};
    memcpy(p, summary, sizeof summary);
    memset(out, 0, 12);
    out[0] = (uint8_t)length;
    put32(out + 8, ef_crc32c_mask(ef_crc32c(out, 8)));
    put32(out + 12 + length, ef_crc32c_mask(ef_crc32c(out + 12, length)));
    return TAIL_RECORD_BYTES;
}

/* The sink. */

/* The compiler knows that calloc() looks at no variable of ours: here it does. */
static void set_inside(bool inside)
{
    atomic_signal_fence(memory_order_seq_cst);
    tail_world_inside = inside;
    atomic_signal_fence(memory_order_seq_cst);
}

static void enter(struct tail_world_run *run)
{
    CHECK(!atomic_flag_test_and_set(&run->busy)); /* calls of one run never overlap */
    set_inside(true);
    pthread_mutex_lock(&run->world->lock);
}

static void leave(struct tail_world_run *run)
{
    pthread_mutex_unlock(&run->world->lock);
    set_inside(false);
    atomic_flag_clear(&run->busy);
}

static void *run_found(void *ctx, const struct tail_run *info)
{
    struct tail_world *world = ctx;

    set_inside(true);
    struct tail_world_run *run = calloc(1, sizeof *run);
    set_inside(false);
    run->world = world;
    snprintf(run->id, sizeof run->id, "%s", info->id);
    snprintf(run->name, sizeof run->name, "%s", info->name);
    snprintf(run->experiment, sizeof run->experiment, "%s", info->experiment);
    snprintf(run->path, sizeof run->path, "%s", info->path);
    pthread_mutex_lock(&world->lock);
    world->runs[world->n_runs++] = run;
    pthread_mutex_unlock(&world->lock);
    return run;
}

static void *generation(void *ctx, void *handle, const struct tail_generation *g)
{
    struct tail_world *world = ctx;
    struct tail_world_run *run = handle;

    if (atomic_fetch_sub(&world->refuse_generations, 1) > 0)
        return NULL;
    atomic_store(&world->refuse_generations, 0);
    enter(run);
    for (size_t i = 0; i < run->n_files; i++)
        CHECK(strcmp(run->files[i]->path, g->path) != 0 || run->files[i]->number != g->number);
    struct tail_world_file *file = calloc(1, sizeof *file);
    snprintf(file->path, sizeof file->path, "%s", g->path);
    file->number = g->number;
    CHECK(run->n_files < ARRAY_LEN(run->files));
    run->files[run->n_files++] = file;
    leave(run);
    return file;
}

static void renamed(void *ctx, void *handle, void *generation, const char *path, uint32_t number)
{
    struct tail_world_file *file = generation;

    enter(handle);
    snprintf(file->path, sizeof file->path, "%s", path);
    file->number = number;
    file->renames++;
    leave(handle);
}

static void list_add(struct tail_seen_list *list, struct tail_seen seen)
{
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->n++] = seen;
}

/* No byte is given twice. */
static void check_new(const struct tail_seen_list *list, uint64_t offset, uint64_t end)
{
    if (list->n > 0 && list->items[list->n - 1].offset + list->items[list->n - 1].size <= offset)
        return;
    for (size_t i = 0; i < list->n; i++)
        CHECK(list->items[i].offset + list->items[i].size <= offset ||
              list->items[i].offset >= end);
}

static int span(void *ctx, void *handle, void *generation, const struct span *s)
{
    struct tail_world *world = ctx;
    struct tail_world_file *file = generation;
    struct tail_seen_list *list = file->replaying ? &file->staged : &file->records;
    size_t records = 0;

    if (atomic_load(&world->refuse_spans) > 0) {
        atomic_fetch_sub(&world->refuse_spans, 1);
        return -ENOMEM;
    }
    enter(handle);
    check_new(list, s->offset, s->offset + s->size);
    for (size_t at = 0; at < s->size; records++) {
        uint64_t payload;
        CHECK(ef_record_check(s->data + at, s->size - at, &payload) == 1);
        size_t size = payload + EF_RECORD_OVERHEAD;
        list_add(list, (struct tail_seen){.offset = s->offset + at, .size = size,
                                          .crc = ef_crc32c(s->data + at, size)});
        at += size;
    }
    CHECK(records == s->records);
    leave(handle);
    return 0;
}

static void damage(void *ctx, void *handle, void *generation, const struct damage *d)
{
    struct tail_world_file *file = generation;

    enter(handle);
    list_add(file->replaying ? &file->staged_damage : &file->damage,
             (struct tail_seen){.offset = d->offset, .size = d->length, .reason = d->reason});
    leave(handle);
}

static void replay_begin(void *ctx, void *handle, void *generation)
{
    struct tail_world_file *file = generation;

    enter(handle);
    file->replaying = true;
    file->staged.n = file->staged_damage.n = 0;
    leave(handle);
}

static void replay_end(void *ctx, void *handle, void *generation)
{
    struct tail_world_file *file = generation;
    struct tail_seen_list old = file->records;

    enter(handle);
    CHECK(file->replaying);
    file->records = file->staged;
    file->staged = old;
    for (size_t i = 0; i < file->damage.n; i++) {
        if (file->damage.items[i].reason == 7) /* repaired entries stay */
            list_add(&file->staged_damage, file->damage.items[i]);
    }
    old = file->damage;
    file->damage = file->staged_damage;
    file->staged_damage = old;
    file->replaying = false;
    file->replays++;
    leave(handle);
}

static void state(void *ctx, void *handle, const struct tail_state *s)
{
    struct tail_world_run *run = handle;

    enter(run);
    run->state = *s;
    leave(run);
}

static void commit(void *ctx, void *handle)
{
    struct tail_world *world = ctx;
    struct tail_world_run *run = handle;

    enter(run);
    run->commits++;
    for (size_t i = 0; i < run->n_files; i++)
        run->files[i]->shown = run->files[i]->records.n;
    atomic_store(&world->committed_ns, clock_ns(NULL));
    atomic_fetch_add(&world->commits, 1);
    leave(run);
}

/* The world. */

struct tail_world *tail_world_new(void)
{
    struct tail_world *world = calloc(1, sizeof *world);

    snprintf(world->dir, sizeof world->dir, "/tmp/tail-test-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    pthread_mutex_init(&world->lock, NULL);
    world->logdir = (struct tail_logdir){.alias = (char *)"logs", .path = world->dir};
    world->options = (struct tail_options){
        .logdirs = &world->logdir,
        .n_logdirs = 1,
        .workers = 2,
        .sink = {.ctx = world, .run_found = run_found, .generation = generation,
                 .renamed = renamed, .span = span, .damage = damage,
                 .replay_begin = replay_begin, .replay_end = replay_end, .state = state,
                 .commit = commit},
    };
    tail_world_wall_time = 1000;
    return world;
}

void tail_world_start(struct tail_world *world)
{
    assert_int_equal(tail_start(&world->options, &world->tail), 0);
}

void tail_world_stop(struct tail_world *world)
{
    world->tail = tail_stop(world->tail);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void free_run(struct tail_world_run *run)
{
    for (size_t i = 0; i < run->n_files; i++) {
        free(run->files[i]->records.items);
        free(run->files[i]->damage.items);
        free(run->files[i]->staged.items);
        free(run->files[i]->staged_damage.items);
        free(run->files[i]);
    }
    free(run);
}

void tail_world_free(struct tail_world *world)
{
    tail_world_stop(world);
    nftw(world->dir, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < world->n_runs; i++)
        free_run(world->runs[i]);
    pthread_mutex_destroy(&world->lock);
    free(world);
}

const char *tail_world_path(struct tail_world *world, const char *path)
{
    static _Thread_local char full[2][4096];
    static _Thread_local unsigned turn;

    char *out = full[turn++ % 2];
    snprintf(out, sizeof full[0], "%s/%s", world->dir, path);
    for (char *p = out + strlen(world->dir) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(out, 0755);
        *p = '/';
    }
    return out;
}

static int open_for(struct tail_world *world, const char *path, int flags)
{
    int fd = open(tail_world_path(world, path), O_WRONLY | O_CREAT | flags, 0644);

    assert_true(fd >= 0);
    return fd;
}

void tail_world_write(struct tail_world *world, const char *path, const void *data, size_t size)
{
    int fd = open_for(world, path, O_APPEND);

    assert_int_equal(write(fd, data, size), size);
    close(fd);
}

void tail_world_append(struct tail_world *world, const char *path, int first_step, int n)
{
    uint8_t *bytes = malloc((size_t)n * TAIL_RECORD_BYTES + 1), *p = bytes;

    for (int i = 0; i < n; i++)
        p += tail_world_record(p, first_step + i, tail_world_wall_time + first_step + i);
    tail_world_write(world, path, bytes, (size_t)(p - bytes));
    free(bytes);
}

void tail_world_create(struct tail_world *world, const char *path)
{
    close(open_for(world, path, O_TRUNC));
}

void tail_world_truncate(struct tail_world *world, const char *path, size_t size)
{
    assert_int_equal(truncate(tail_world_path(world, path), (off_t)size), 0);
}

void tail_world_rename(struct tail_world *world, const char *from, const char *to)
{
    const char *old = tail_world_path(world, from);

    assert_int_equal(rename(old, tail_world_path(world, to)), 0);
}

void tail_world_remove(struct tail_world *world, const char *path)
{
    assert_int_equal(unlink(tail_world_path(world, path)), 0);
}

static void print_all(struct tail_world *world)
{
    for (size_t i = 0; i < world->n_runs && i < 20; i++) {
        struct tail_world_run *run = world->runs[i];
        print_message("run %s: gone %d cut %d unreadable %u read %llu of %llu, %s\n", run->name,
                      run->state.gone, run->state.cut_at_source, run->state.unreadable,
                      (unsigned long long)run->state.bytes_read,
                      (unsigned long long)run->state.bytes_total, run->state.message);
        for (size_t j = 0; j < run->n_files; j++)
            print_message("  %s life %u: %zu records, %zu shown, %zu damaged, %u replays\n",
                          run->files[j]->path, run->files[j]->number, run->files[j]->records.n,
                          run->files[j]->shown, run->files[j]->damage.n, run->files[j]->replays);
    }
}

void tail_world_wait(struct tail_world *world, bool (*test)(struct tail_world *world, void *ctx),
                     void *ctx, const char *what)
{
    int64_t until = clock_ns(NULL) + DEADLINE_S * NS_PER_S;

    for (;;) {
        pthread_mutex_lock(&world->lock);
        bool fine = test(world, ctx);
        if (!fine && clock_ns(NULL) > until)
            print_all(world);
        pthread_mutex_unlock(&world->lock);
        if (fine)
            return;
        if (clock_ns(NULL) > until)
            fail_msg("not within %d s: %s", DEADLINE_S, what);
        usleep(500);
    }
}

struct expected {
    const char *run, *path;
    uint32_t number;
    size_t n;
    bool (*state)(const struct tail_state *state);
    struct tail_world_run *found;
};

static struct tail_world_run *find_run(struct tail_world *world, const char *name)
{
    for (size_t i = 0; i < world->n_runs; i++) {
        if (strcmp(world->runs[i]->name, name) == 0)
            return world->runs[i];
    }
    return NULL;
}

struct tail_world_file *tail_world_file(struct tail_world_run *run, const char *path,
                                        uint32_t number)
{
    struct tail_world_file *found = NULL;

    for (size_t i = 0; i < run->n_files; i++) {
        struct tail_world_file *file = run->files[i];
        if (strcmp(file->path, path) == 0 && (number == 0 || file->number == number) &&
            (!found || file->number > found->number))
            found = file;
    }
    return found;
}

static bool has_records(struct tail_world *world, void *ctx)
{
    struct expected *e = ctx;
    struct tail_world_run *run = find_run(world, e->run);
    struct tail_world_file *file = run ? tail_world_file(run, e->path, e->number) : NULL;

    return file && file->shown == e->n;
}

void tail_world_expect(struct tail_world *world, const char *run, const char *path,
                       uint32_t number, size_t n)
{
    struct expected e = {.run = run, .path = path, .number = number, .n = n};
    char what[512];

    snprintf(what, sizeof what, "%s/%s, life %u, shows %zu records", run, path, number, n);
    tail_world_wait(world, has_records, &e, what);
}

static bool has_lives(struct tail_world *world, void *ctx)
{
    struct expected *e = ctx;
    struct tail_world_run *run = find_run(world, e->run);
    size_t lives = 0;

    for (size_t i = 0; run && i < run->n_files; i++)
        lives += strcmp(run->files[i]->path, e->path) == 0;
    return lives == e->n;
}

void tail_world_expect_lives(struct tail_world *world, const char *run, const char *path,
                             size_t lives)
{
    struct expected e = {.run = run, .path = path, .n = lives};
    char what[512];

    snprintf(what, sizeof what, "%s/%s has %zu lives", run, path, lives);
    tail_world_wait(world, has_lives, &e, what);
}

static bool has_state(struct tail_world *world, void *ctx)
{
    struct expected *e = ctx;
    struct tail_world_run *run = find_run(world, e->run);

    return run && run->commits > 0 && e->state(&run->state);
}

void tail_world_expect_state(struct tail_world *world, const char *run,
                             bool (*test)(const struct tail_state *state))
{
    struct expected e = {.run = run, .state = test};

    tail_world_wait(world, has_state, &e, "the run's state");
}

static bool is_found(struct tail_world *world, void *ctx)
{
    struct expected *e = ctx;

    return (e->found = find_run(world, e->run)) != NULL;
}

struct tail_world_run *tail_world_run(struct tail_world *world, const char *name)
{
    struct expected e = {.run = name};

    tail_world_wait(world, is_found, &e, name);
    return e.found;
}

size_t tail_world_runs(struct tail_world *world)
{
    pthread_mutex_lock(&world->lock);
    size_t n = world->n_runs;
    pthread_mutex_unlock(&world->lock);
    return n;
}

static bool is_caught_up(struct tail_world *world, void *ctx)
{
    return tail_stats(world->tail).caught_up;
}

void tail_world_wait_caught_up(struct tail_world *world)
{
    tail_world_wait(world, is_caught_up, NULL, "caught up");
}
