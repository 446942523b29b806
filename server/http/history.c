#include "http/history.h"

#include <errno.h>
#include <math.h>
#include <string.h>

bool history_is_kept(struct request *request)
{
    if (request->shared->lives)
        return true;
    response_problem(request, 501, "no-archive", "This server keeps no run history: it was "
                                                 "started with --no-archive.");
    return false;
}

struct archive_run *history_run(struct request *request)
{
    struct lives *lives = request->shared->lives;
    struct life life;

    if (!history_is_kept(request))
        return NULL;
    if (!lives_take(lives, request->id, &life)) {
        response_problem(request, 404, "no-such-run", "The history has no run with the id %.70s.",
                         request->id);
        return NULL;
    }
    lives_give_back(lives);
    if (!life.deleted)
        return life.archived;
    response_problem(request, 410, "deleted", "The run %.70s was deleted.", request->id);
    return NULL;
}

bool history_is_open(struct request *request)
{
    struct lives *lives = request->shared->lives;
    struct life life;
    bool over;

    if (!request->verdict.by_run_token || !lives_take(lives, request->id, &life))
        return true;
    lives_give_back(lives);
    over = request_now(request) - life.cycle.ended_s > LIMIT_RUN_TOKEN_DAYS * 86400.0;
    if (over)
        response_problem(request, 403, "token-expired",
                         "The run ended more than %d days ago: its token is no longer taken.",
                         LIMIT_RUN_TOKEN_DAYS);
    return !over;
}

void history_problem(struct request *request, int error)
{
    switch (error) {
    case -EBADMSG:
        response_problem(request, 409, "mismatch",
                         "Bytes that are here already differ from those sent.");
        break;
    case -EINVAL:
        response_problem(request, 400, "bad-path", "The path is not one of a run's files.");
        break;
    case -EEXIST:
        response_problem(request, 409, "path-taken", "This path is sent by another source.");
        break;
    case -EDQUOT:
        response_problem(request, 413, "quota",
                         "A limit of this run is met: %d generations of a path, or its files and "
                         "bytes.", LIMIT_GENERATIONS_PER_PATH);
        break;
    case -ESTALE:
        response_problem(request, 410, "deleted", "The run was deleted.");
        break;
    case -EMSGSIZE:
        response_problem(request, 413, "too-large", "A text of this run is too long.");
        break;
    case -ENOSPC:
        response_problem(request, 507, "archive-full",
                         "The archive's disk is full: it goes on by itself when there is room.");
        break;
    case -EIO:
    case -EROFS:
        response_problem(request, 507, "archive-failing", "The archive cannot be written: %s.",
                         strerror(-error));
        break;
    default:
        response_error(request, error);
    }
}

bool history_takes(struct request *request)
{
    struct archive_status status = archive_status(request->shared->options.archive);

    if (status.state == ARCHIVE_OK)
        return true;
    if (status.state == ARCHIVE_FULL)
        response_problem(request, 507, "archive-full", "The archive is paused: %s.",
                         status.message);
    else
        response_problem(request, 507, "archive-failing", "The archive is %s: %s.",
                         archive_state_word(status.state), status.message);
    return false;
}

static bool ticket_came(struct request *request)
{
    return ticket_is_done(request->ticket);
}

int history_wait(struct request *request, struct ticket **ticket, int *ret_result)
{
    if (ticket_is_done(*ticket)) {
        *ret_result = ticket_result(*ticket);
        *ticket = ticket_drop(*ticket);
        return 1;
    }
    if (request->time_over) {
        response_problem(request, 503, "not-durable-yet",
                         "The archive's disk has not taken it yet: ask again.");
        return -1;
    }
    request->ticket = *ticket;
    request_wait(request, LIMIT_DURABLE_SECONDS, ticket_came);
    return 0;
}

static void drop_ticket(void *state)
{
    ticket_drop(state);
}

bool history_answered(struct request *request, struct ticket *ticket)
{
    int r, result = 0;

    request->state = ticket;
    request->free_state = drop_ticket;
    r = history_wait(request, &ticket, &result);
    request->state = ticket;
    if (r == 1 && result < 0)
        history_problem(request, result);
    return r == 1 && result == 0;
}

bool history_sync(struct request *request, struct archive_run *run)
{
    struct ticket *ticket = request->state;
    int r;

    if (ticket)
        return history_answered(request, ticket);
    ticket = ticket_new(request->shared->bell);
    r = ticket ? archive_sync(run, ticket_done, ticket) : -ENOMEM;
    if (r == 0)
        return history_answered(request, ticket);
    if (ticket)
        ticket_void(ticket);
    history_problem(request, r);
    return false;
}
