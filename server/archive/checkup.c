#include "archive/checkup.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"

struct checkup {
    struct archive *archive;
    void (*changed)(void *ctx);
    void *ctx;
    pthread_mutex_t lock; /* over all below but `stop` */
    pthread_t thread;
    bool joinable;
    atomic_bool stop;
    struct checkup_state state;
    struct checkup_finding **findings;
    size_t capacity;
};

struct checkup *checkup_new(struct archive *archive, void (*changed)(void *ctx), void *ctx)
{
    struct checkup *checkup = calloc(1, sizeof *checkup);

    if (!checkup)
        return NULL;
    checkup->archive = archive;
    checkup->changed = changed;
    checkup->ctx = ctx;
    pthread_mutex_init(&checkup->lock, NULL);
    return checkup;
}

static void forget_findings(struct checkup *checkup)
{
    for (size_t i = 0; i < checkup->state.listed; i++)
        free(checkup->findings[i]);
    checkup->state.listed = 0;
}

struct checkup *checkup_free(struct checkup *checkup)
{
    if (!checkup)
        return NULL;
    atomic_store(&checkup->stop, true);
    if (checkup->joinable)
        pthread_join(checkup->thread, NULL);
    forget_findings(checkup);
    free(checkup->findings);
    pthread_mutex_destroy(&checkup->lock);
    free(checkup);
    return NULL;
}

/* ---- the thread --------------------------------------------------------------------------- */

static bool make_room(struct checkup *checkup)
{
    if (checkup->state.listed < checkup->capacity)
        return true;
    size_t capacity = checkup->capacity ? 2 * checkup->capacity : 16;
    struct checkup_finding **list =
        realloc(checkup->findings, capacity * sizeof(struct checkup_finding *));
    if (!list)
        return false;
    checkup->findings = list;
    checkup->capacity = capacity;
    return true;
}

static void found(void *ctx, enum fsck_finding finding, const char *path, enum fsck_cure cure)
{
    struct checkup *checkup = ctx;
    size_t size = strlen(path) + 1;
    struct checkup_finding *kept = malloc(sizeof *kept + size);

    if (kept) {
        kept->finding = finding;
        kept->cure = cure;
        memcpy(kept->path, path, size);
    }
    pthread_mutex_lock(&checkup->lock);
    checkup->state.found++;
    if (kept && checkup->state.listed < LIMIT_FSCK_FINDINGS && make_room(checkup))
        checkup->findings[checkup->state.listed++] = TAKE_PTR(kept);
    pthread_mutex_unlock(&checkup->lock);
    free(kept);
    checkup->changed(checkup->ctx);
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
    struct checkup *checkup = ctx;

    pthread_mutex_lock(&checkup->lock);
    checkup->state.done = done;
    checkup->state.total = total;
    pthread_mutex_unlock(&checkup->lock);
}

static void *checkup_main(void *p)
{
    struct checkup *checkup = p;
    const struct checkup_wish wish = checkup->state.wish; /* before the thread, and not changed */
    const struct fsck_report report = {.ctx = checkup, .found = found, .progress = progress,
                                       .stop = &checkup->stop, .repair = wish.repair};
    struct fsck_totals totals = {0};

    pthread_setname_np(pthread_self(), "checkup");
    int r = wish.renew ? fsck_renew(checkup->archive)
                       : fsck_check(checkup->archive, &report, &totals);
    if (r < 0 && r != -ECANCELED)
        log_error("the archive could not be %s: %s", wish.renew ? "given a new catalog" : "checked",
                  strerrordesc_np(-r));
    pthread_mutex_lock(&checkup->lock);
    checkup->state.totals = totals;
    checkup->state.result = r;
    checkup->state.running = false;
    pthread_mutex_unlock(&checkup->lock);
    checkup->changed(checkup->ctx);
    return NULL;
}

/* ---- asked for ---------------------------------------------------------------------------- */

int checkup_start(struct checkup *checkup, const struct checkup_wish *wish)
{
    int r = -EBUSY;

    pthread_mutex_lock(&checkup->lock);
    if (!checkup->state.running) {
        if (checkup->joinable)
            pthread_join(checkup->thread, NULL); /* it is at its very end */
        forget_findings(checkup);
        checkup->state = (struct checkup_state){.number = checkup->state.number + 1,
                                                .running = true, .wish = *wish};
        atomic_store(&checkup->stop, false);
        r = -pthread_create(&checkup->thread, NULL, checkup_main, checkup);
        checkup->joinable = checkup->state.running = r == 0;
        checkup->state.result = r;
    }
    pthread_mutex_unlock(&checkup->lock);
    return r;
}

void checkup_stop(struct checkup *checkup)
{
    atomic_store(&checkup->stop, true);
}

struct checkup_state checkup_look(struct checkup *checkup)
{
    pthread_mutex_lock(&checkup->lock);
    struct checkup_state state = checkup->state;
    pthread_mutex_unlock(&checkup->lock);
    return state;
}

void checkup_findings(struct checkup *checkup, size_t from, size_t most,
                      void (*each)(void *ctx, const struct checkup_finding *finding), void *ctx)
{
    pthread_mutex_lock(&checkup->lock);
    for (size_t i = from; i < checkup->state.listed && i - from < most; i++)
        each(ctx, checkup->findings[i]);
    pthread_mutex_unlock(&checkup->lock);
}
