/* run_set_life(): status and notes of a run, which come from its history and not from its files. */
#include <math.h>
#include <string.h>

#include "store/run.h"

static bool same_time(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Of a run for which nobody reports, only what people did counts: so a run that the history begins
 * to keep is no news to anyone. */
static bool same(const struct run_life *a, const struct run_life *b)
{
    if (a->deleted != b->deleted || a->pinned != b->pinned || strcmp(a->title, b->title) != 0)
        return false;
    if (!a->status && !b->status)
        return true;
    return a->status == b->status && a->reason == b->reason &&
           a->cancel_requested == b->cancel_requested && a->not_responding == b->not_responding &&
           a->files_complete == b->files_complete && a->has_exit == b->has_exit &&
           a->exit_code == b->exit_code && a->signal == b->signal && a->attempt == b->attempt &&
           a->ranks == b->ranks && a->started == b->started && a->ended == b->ended &&
           same_time(a->created_s, b->created_s) && same_time(a->started_s, b->started_s) &&
           same_time(a->ended_s, b->ended_s) && strcmp(a->message, b->message) == 0;
}

void run_set_life(struct run *run, const struct run_life *life)
{
    struct commit commit = {.run = run, .run_changed = true};
    bool changed;

    run_lock(run);
    changed = !same(&run->life, life);
    run->life = *life;
    if (changed) {
        commit.number = ++run->commit;
        commit.wall_s = run->commit_wall_s;
    }
    run_unlock(run);
    if (changed)
        run_tell(run, &commit);
}

void run_announce(struct run *run)
{
    struct commit commit = {.run = run, .run_changed = true};

    run_lock(run);
    commit.number = run->commit;
    commit.wall_s = run->commit_wall_s;
    run_unlock(run);
    run_tell(run, &commit);
}

bool run_is_deleted(struct run *run)
{
    bool deleted;

    run_lock(run);
    deleted = run->life.deleted;
    run_unlock(run);
    return deleted;
}
