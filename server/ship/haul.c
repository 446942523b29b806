#include "ship/haul.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>

#include "base/clock.h"
#include "base/eventname.h"
#include "ship/control.h"
#include "ship/holder.h"
#include "ship/ledger.h"
#include "ship/shipfile.h"

#define WALK_NS (5 * NS_PER_S)        /* between two walks, where news come */
#define WALK_REMOTE_NS (NS_PER_S / 2) /* where none come */
#define WALK_COST 20                  /* and at least so many times what one took */
#define LEDGER_NS NS_PER_S
#define CONTEST_NS NS_PER_S       /* between two looks for other runs in this place */
#define VISIT_NS (10 * NS_PER_MS) /* between two looks through all files, at least */
#define REST_NS (2 * NS_PER_S)    /* a file with nothing to do is closed after that */
#define FOLLOW_NS (2 * NS_PER_S)  /* between two tries to become the follower */

/* What a walk's callback needs. */
struct walk {
    struct shiproot *root;
    struct upload *upload; /* NULL: only noting what is there */
    int64_t now_ns;
};

/* ---- files -------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct shipfile *)a)->path, ((const struct shipfile *)b)->path);
}

static struct shipfile *find(const struct shiprun *run, const char *path)
{
    const struct shipfile key = {.path = (char *)path};
    struct shipfile *const *found = tfind(&key, &run->by_path, by_path);

    return found ? *found : NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ledger_entry *)a)->name, ((const struct ledger_entry *)b)->name);
}

/* What an earlier process knew of this file. */
static void remember(struct shiprun *run, struct shipfile *file)
{
    const struct ledger_entry key = {.name = file->name};
    const struct ledger_entry *entry =
        run->n_ledger ? bsearch(&key, run->ledger, run->n_ledger, sizeof key, by_name) : NULL;

    if (!entry || entry->size != file->facts.size || entry->mtime_ns != file->facts.mtime_ns ||
        entry->inode != (uint64_t)file->facts.ino)
        return;
    if (entry->kind == LEDGER_BEFORE) {
        file->before = true;
    } else if (entry->kind == LEDGER_DONE && entry->durable == entry->size) {
        file->state = SHIPFILE_DONE;
        file->generation = entry->generation;
        file->acked = file->sent = file->limit = entry->durable;
    }
}

/* "logs/a/b"; the console of a later attempt has a folder of its own. */
static void make_name(const struct shiproot *root, const char *path, char *ret, size_t size)
{
    struct shiprun *run = root->run;
    const char *relative = path + strlen(root->path) + 1;
    char attempt[24] = "";

    pthread_mutex_lock(&run->lock);
    if (root->own && !root->outputs && run->given.attempt > 1)
        snprintf(attempt, sizeof attempt, "a%d/", run->given.attempt);
    pthread_mutex_unlock(&run->lock);
    snprintf(ret, size, "%s%s%s%s", root->name, *root->name ? "/" : "", attempt, relative);
}

static struct shipfile *add(struct shiproot *root, const char *path, const struct stat *st,
                            int64_t now_ns)
{
    const char *base = strrchr(path, '/') + 1;
    enum eventname class = eventname_class(base);
    struct shiprun *run = root->run;
    char name[2 * LIMIT_PATH_BYTES];

    if (run->n_files == LIMIT_SHIP_FILES ||
        (!run->final && !root->own && eventname_temporary(base)) ||
        (!root->outputs && class == EVENTNAME_TEMPORARY))
        return NULL;
    make_name(root, path, name, sizeof name);
    struct shipfile *file = shipfile_new(root, path, name,
                                         root->outputs              ? SHIPFILE_WHOLE
                                         : class == EVENTNAME_EVENT ? SHIPFILE_EVENT
                                                                    : SHIPFILE_FOLLOW);
    if (!file)
        return NULL;
    if (!tsearch(file, &run->by_path, by_path))
        return shipfile_free(file);
    file->next = run->files;
    run->files = file;
    run->n_files++;
    file->final = run->final;
    shipfile_meet(file, st, now_ns);
    remember(run, file);
    run->ledger_due = true;
    return file;
}

static void leave_link(struct shiproot *root, const char *path, const char *why)
{
    char name[2 * LIMIT_PATH_BYTES];

    snprintf(name, sizeof name, "%s%s", root->name, path + strlen(root->path));
    shiprun_leave_out(root->run, name, why);
}

/* Is this new or changed file another run's that follows the same directory? */
static bool is_others(struct shiproot *root, const struct stat *st, int64_t now_ns)
{
    struct shiprun *run = root->run;

    if (root->own || !run->has_spool || run->given.before != SHIP_BEFORE_IF_CHANGED)
        return false;
    if (!run->contested || now_ns >= run->contest_ns) {
        run->contested = holder_contested(&run->spool);
        run->contest_ns = now_ns + CONTEST_NS;
    }
    if (!run->contested)
        return false;
    enum holder holder = holder_of(st);
    if (holder == HOLDER_NOBODY)
        control_shared(run->ship);
    return holder == HOLDER_OTHERS;
}

/* A known file: what has happened to it? */
static void meet_again(struct walk *walk, struct shipfile *file, const struct stat *st)
{
    if (!shipfile_is_news(file, st))
        return;
    if (file->contested) {
        file->contested = is_others(walk->root, st, walk->now_ns);
        if (file->contested) {
            shipfile_meet(file, st, walk->now_ns);
            file->due_ns = -1;
            return;
        }
        file->before = false;
    }
    file->gone = false;
    shipfile_look(file, walk->now_ns);
}

static void meet_new(struct walk *walk, const char *path, const struct stat *st)
{
    struct shipfile *file = add(walk->root, path, st, walk->now_ns);

    if (!file)
        return;
    if (!walk->upload) {
        file->before = true;
        return;
    }
    if (!file->before && file->state != SHIPFILE_DONE && is_others(walk->root, st, walk->now_ns)) {
        file->before = file->contested = true;
        file->due_ns = -1;
        return;
    }
    if (file->kind == SHIPFILE_WHOLE)
        shipfile_look(file, walk->now_ns);
    upload_queue(walk->upload, file);
}

/* Something is at this path. */
static void meet(void *ctx, const char *path, const struct stat *lstat_facts)
{
    struct walk *walk = ctx;
    struct shiproot *root = walk->root;
    struct stat st = *lstat_facts;

    if (S_ISLNK(st.st_mode) && (root->outputs || stat(path, &st) < 0 || !S_ISREG(st.st_mode))) {
        if (root->run->final)
            leave_link(root, path, "a link");
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        if (root->run->final)
            leave_link(root, path, "neither a file nor a directory");
        return;
    }
    struct shipfile *file = find(root->run, path);
    if (!file) {
        meet_new(walk, path, &st);
    } else if (walk->upload) {
        meet_again(walk, file, &st);
        upload_queue(walk->upload, file);
    }
}

void haul_news(struct shiproot *root, struct folder *folder, struct upload *upload,
               const char *path, bool directory)
{
    struct walk walk = {root, upload, clock_ns(NULL)};
    struct stat st;

    if (!path) {
        root->walk_ns = 0;
    } else if (directory) {
        (void)!folder_walk(folder, path, root, meet, &walk);
    } else if (lstat(path, &st) == 0) {
        meet(&walk, path, &st);
    } else {
        struct shipfile *file = find(root->run, path);
        if (file && shipfile_look(file, walk.now_ns))
            upload_queue(upload, file);
    }
}

static void walk_root(struct shiproot *root, struct folder *folder, struct upload *upload,
                      int64_t now_ns)
{
    struct walk walk = {root, upload, now_ns};
    int r = folder_walk(folder, root->path, root, meet, &walk);

    int64_t cost = clock_ns(NULL) - now_ns, wait = root->remote ? WALK_REMOTE_NS : WALK_NS;
    if (r == -ENOENT)
        wait = NS_PER_S; /* it may be made later */
    root->walk_ns = now_ns + MAX(wait, WALK_COST * cost);
}

/* ---- the ledger --------------------------------------------------------------------------- */

static int load_entry(void *ctx, const struct ledger_entry *entry)
{
    struct shiprun *run = ctx;
    struct ledger_entry *rows = realloc(run->ledger, (run->n_ledger + 1) * sizeof *rows);

    if (!rows)
        return -ENOMEM;
    run->ledger = rows;
    rows[run->n_ledger] = *entry;
    rows[run->n_ledger].name = strdup(entry->name);
    if (!rows[run->n_ledger].name)
        return -ENOMEM;
    run->n_ledger++;
    return 0;
}

void haul_note_before(struct shiprun *run)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(1u << 30);
    struct folder none = {.fd = -1};

    if (run->has_spool && spool_read(&run->spool, "ledger", &text) == 0 && text.length > 0 &&
        ledger_parse(text.data, load_entry, run) == 0) {
        if (run->n_ledger > 0)
            qsort(run->ledger, run->n_ledger, sizeof *run->ledger, by_name);
        return;
    }
    if (run->given.before != SHIP_BEFORE_IF_CHANGED)
        return;
    for (size_t i = 0; i < run->n_roots; i++) {
        struct walk walk = {&run->roots[i], NULL, clock_ns(NULL)};
        if (!run->roots[i].own)
            (void)!folder_walk(&none, run->roots[i].path, walk.root, meet, &walk);
    }
    haul_save(run);
}

void haul_save(struct shiprun *run)
{
    _cleanup_(buf_done) struct buf text = BUF_INIT(1u << 30);
    size_t count = 0;

    run->ledger_due = false;
    if (!run->has_spool)
        return;
    ledger_begin(&text);
    for (const struct shipfile *file = run->files; file; file = file->next) {
        if (file->root->own || (file->generation == 0 && !file->before))
            continue;
        ledger_add(&text, &(struct ledger_entry){
                              .kind = file->before                   ? LEDGER_BEFORE
                                      : file->state == SHIPFILE_DONE ? LEDGER_DONE
                                                                     : LEDGER_GOING,
                              .generation = file->generation,
                              .durable = file->acked,
                              .size = file->facts.size,
                              .inode = (uint64_t)file->facts.ino,
                              .mtime_ns = file->facts.mtime_ns,
                              .name = file->name,
                          });
        count++;
    }
    ledger_end(&text, count);
    if (!buf_failed(&text))
        (void)spool_write(&run->spool, "ledger", text.data, text.length);
}

/* ---- turns -------------------------------------------------------------------------------- */

/* Of several processes that follow one directory for one run, one does it: who has the lock. It is
 * free again when that one ends. */
static bool follows(struct shiprun *run, int64_t now_ns)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[LIMIT_PATH_BYTES];

    if (run->follows || !run->given.join || !run->given.base)
        return run->follows = true;
    if (now_ns < run->follow_ns)
        return false;
    run->follow_ns = now_ns + FOLLOW_NS;
    if (run->follow_fd < 0) {
        snprintf(path, sizeof path, "%s/" SPOOL_FOLDER "/%s.follow", run->given.base,
                 run->given.id);
        run->follow_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    /* No lock to be had: two followers do no harm. */
    if (run->follow_fd >= 0 && fcntl(run->follow_fd, F_OFD_SETLK, &lock) < 0 &&
        (errno == EAGAIN || errno == EACCES))
        return false;
    return run->follows = true;
}

/* Closes what has nothing to do. Files that are not safe yet stay open while there are few. */
static void rest(struct shipfile *file, int64_t now_ns, size_t *open)
{
    bool idle = file->fd >= 0 && file->under_way == 0 && !file->queued && !shipfile_wants(file) &&
                !file->replaced;

    if (file->fd < 0)
        return;
    if (++*open > LIMIT_SHIP_OPEN_FILES ? idle
                                        : idle && file->acked == file->sent && file->due_ns < 0 &&
                                              now_ns - file->looked_ns > REST_NS) {
        shipfile_rest(file);
        --*open;
    }
}

/* Looks at files that are due, counts, closes. Returns when the next is due. */
static int64_t visit_files(struct shiprun *run, struct upload *upload, int64_t now_ns)
{
    uint64_t left = 0, files_left = 0, done = 0, files_done = 0;
    int64_t next = INT64_MAX;
    size_t open = 0;

    for (struct shipfile *file = run->files; file; file = file->next) {
        if (file->replaced && file->sent == file->limit && file->under_way == 0)
            file->due_ns = now_ns;
        if (file->due_ns >= 0 && file->due_ns <= now_ns) {
            file->due_ns = -1;
            if (shipfile_look(file, now_ns))
                upload_queue(upload, file);
        }
        if (shipfile_doubts(file, now_ns))
            upload_queue(upload, file);
        rest(file, now_ns, &open);
        if (file->due_ns >= 0)
            next = MIN(next, file->due_ns);
        if (file->before)
            continue;
        uint64_t size = MAX(file->facts.size, file->limit);
        done += file->acked;
        files_done += file->state == SHIPFILE_DONE;
        left += size > file->acked ? size - file->acked : 0;
        files_left += !shipfile_over(file) && (size > file->acked || file->final);
    }
    pthread_mutex_lock(&run->lock);
    run->bytes_left = left;
    run->files_left = files_left;
    run->bytes_done = done;
    run->files_done = files_done;
    pthread_mutex_unlock(&run->lock);
    return next;
}

/* Offsets that the server told in an answer to events. */
static void take_durable(struct shiprun *run)
{
    pthread_mutex_lock(&run->lock);
    struct ship_durable *rows = run->durable;
    size_t count = run->n_durable;
    run->durable = NULL;
    run->n_durable = 0;
    pthread_mutex_unlock(&run->lock);
    for (struct shipfile *file = run->files; file && count > 0; file = file->next) {
        if (file->acked == file->sent || file->state != SHIPFILE_OPEN || file->elsewhere)
            continue;
        for (size_t i = 0; i < count; i++)
            if (strcmp(rows[i].name, file->name) == 0 && rows[i].offset <= file->sent &&
                rows[i].offset > file->acked) {
                file->acked = rows[i].offset;
                file->heard_ns = clock_ns(NULL);
            }
    }
    for (size_t i = 0; i < count; i++)
        free(rows[i].name);
    free(rows);
}

/* The run has ended: everything is looked at once more and taken as it is. */
static void begin_end(struct shiprun *run, struct folder *folder, struct upload *upload,
                      int64_t now_ns)
{
    run->final = true;
    run->visit_ns = 0;
    for (struct shipfile *file = run->files; file; file = file->next) {
        file->final = true;
        if (file->fd >= 0 || file->kind == SHIPFILE_WHOLE)
            shipfile_look(file, now_ns);
        upload_queue(upload, file);
    }
    for (size_t i = 0; i < run->n_roots; i++)
        if (run->roots[i].own || follows(run, now_ns))
            walk_root(&run->roots[i], folder, upload, now_ns);
}

static bool files_over(const struct shiprun *run)
{
    for (const struct shipfile *file = run->files; file; file = file->next)
        if (!shipfile_over(file))
            return false;
    return true;
}

int64_t haul_turn(struct shiprun *run, struct folder *folder, struct upload *upload, int64_t now_ns)
{
    int64_t next = INT64_MAX;

    pthread_mutex_lock(&run->lock);
    bool finishing = run->finishing, over = run->files_over || run->deleted;
    pthread_mutex_unlock(&run->lock);
    if (over)
        return next;
    take_durable(run);
    for (size_t i = 0; i < run->n_roots && !run->final; i++) {
        struct shiproot *root = &run->roots[i];
        if (!root->own && !follows(run, now_ns)) {
            next = MIN(next, run->follow_ns);
            continue;
        }
        if (now_ns >= root->walk_ns)
            walk_root(root, folder, upload, now_ns);
        next = MIN(next, root->walk_ns);
    }
    if (finishing && !run->final)
        begin_end(run, folder, upload, now_ns);
    bool visit = now_ns >= run->visit_ns;
    if (visit) {
        int64_t due = visit_files(run, upload, now_ns), least = now_ns + VISIT_NS;
        run->visit_ns = MAX(least, MIN(due, now_ns + (run->final ? VISIT_NS : REST_NS / 4)));
    }
    next = MIN(next, run->visit_ns);
    if (visit && run->final && files_over(run)) {
        haul_save(run);
        shiprun_files_over(run);
    } else if (run->ledger_due) {
        if (now_ns >= run->ledger_ns) {
            haul_save(run);
            run->ledger_ns = now_ns + LEDGER_NS;
        }
        next = MIN(next, run->ledger_ns);
    }
    return next;
}
