#include "archive/lifecycle.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "archive/lifecycle_engine.h"
#include "archive/reports.h"

struct fold {
    struct reports n;
    double now_s;
    struct lifecycle *ret;
};

const char *lifecycle_word(enum lifecycle_status status)
{
    static const char *const words[] = {
        [STATUS_NOT_STARTED] = "NotStarted", [STATUS_QUEUED] = "Queued",
        [STATUS_PREPARING] = "Preparing", [STATUS_RUNNING] = "Running",
        [STATUS_FINALIZING] = "Finalizing", [STATUS_COMPLETED] = "Completed",
        [STATUS_FAILED] = "Failed", [STATUS_CANCELED] = "Canceled",
    };

    return words[status];
}

static void changes_at(struct lifecycle *ret, double when_s)
{
    ret->next_change_s = fmin(ret->next_change_s, when_s);
}

/* ---- how a rank ended -------------------------------------------------------------------- */

enum cause { CAUSE_SELF, CAUSE_USER, CAUSE_EARLY, CAUSE_TIME, CAUSE_OUTSIDE };

static enum cause cause_of(const struct report *exited)
{
    static const char *const words[] = {
        [CAUSE_SELF] = "self", [CAUSE_USER] = "user", [CAUSE_EARLY] = "early-stopped",
        [CAUSE_TIME] = "time-limit", [CAUSE_OUTSIDE] = "outside",
    };
    const char *cause = report_text(exited->data, "cause");

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (report_is(cause, words[i]))
            return (enum cause)i;
    return CAUSE_SELF;
}

static int exit_of(const struct report *exited)
{
    return (int)report_number(exited->data, "exit", 0);
}

static int signal_of(const struct report *exited)
{
    return (int)report_number(exited->data, "signal", 0);
}

/* Static words only: a reason outlives the events. */
static const char *reason_of(const struct report *exited)
{
    static const char *const known[] = {"launch-failed", "prepare-failed", "out-of-memory"};
    const char *reason = report_text(exited->data, "reason");

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (report_is(reason, known[i]))
            return known[i];
    return signal_of(exited) ? "signal" : "exit";
}

static bool failed(const struct report *exited)
{
    return exit_of(exited) != 0 || signal_of(exited) != 0 ||
           report_is(reason_of(exited), "launch-failed") ||
           report_is(reason_of(exited), "prepare-failed");
}

/* The first rank by time whose end is of that sort; NULL: none. */
static const struct report_rank *first_rank(const struct fold *f,
                                            bool (*fits)(const struct report *))
{
    const struct report_rank *first = NULL;

    for (size_t i = 0; i < f->n.n_ranks; i++) {
        const struct report_rank *rank = &f->n.ranks[i];

        if (rank->exited && fits(rank->exited) &&
            (!first || rank->exited->time_s < first->exited->time_s))
            first = rank;
    }
    return first;
}

static bool by_tailboard(const struct report *exited)
{
    enum cause cause = cause_of(exited);

    return cause == CAUSE_USER || cause == CAUSE_EARLY || cause == CAUSE_TIME;
}

static bool by_itself_badly(const struct report *exited)
{
    return cause_of(exited) == CAUSE_SELF && failed(exited);
}

static bool from_outside(const struct report *exited)
{
    return cause_of(exited) == CAUSE_OUTSIDE;
}

static uint32_t count_ended(const struct fold *f)
{
    uint32_t n = 0;

    for (size_t i = 0; i < f->n.n_ranks; i++)
        n += f->n.ranks[i].exited != NULL;
    return n;
}

static double last_end(const struct fold *f)
{
    double end = NAN;

    for (size_t i = 0; i < f->n.n_ranks; i++)
        if (f->n.ranks[i].exited)
            end = fmax(end, f->n.ranks[i].exited->time_s);
    return end;
}

/* ---- sentences --------------------------------------------------------------------------- */

static _printf_(2, 3) void say(struct lifecycle *ret, const char *format, ...)
{
    size_t length = strlen(ret->message);
    va_list args;

    va_start(args, format);
    vsnprintf(ret->message + length, sizeof ret->message - length, format, args);
    va_end(args);
}

static void take_exit(struct lifecycle *ret, const struct report *exited)
{
    ret->has_exit = true;
    ret->exit_code = exit_of(exited);
    ret->signal = signal_of(exited);
}

/* "rank 1 on n2: exit 5 (rank 0 was stopped from outside)" */
static void say_end(const struct fold *f, const struct report_rank *rank)
{
    struct lifecycle *ret = f->ret;
    const struct report_rank *other = first_rank(f, from_outside);
    const char *host = rank->started ? report_text(rank->started->data, "host") : "";
    const char *message = report_text(rank->exited->data, "message");

    if (f->n.world > 1)
        say(ret, "rank %" PRId32 "%s%.60s: ", rank->number, *host ? " on " : "", host);
    if (signal_of(rank->exited))
        say(ret, "signal %d", signal_of(rank->exited));
    else
        say(ret, "exit %d", exit_of(rank->exited));
    if (*message)
        say(ret, ", %.120s", message);
    if (other && other != rank)
        say(ret, " (rank %" PRId32 " was stopped from outside)", other->number);
}

static void say_silent(const struct fold *f)
{
    enum { NAMED = 8 };
    uint32_t named = 0, number = 0;
    size_t at = 0;

    for (; number < f->n.world && named <= NAMED; number++) {
        while (at < f->n.n_ranks && f->n.ranks[at].number < (int32_t)number)
            at++;
        if (at < f->n.n_ranks && f->n.ranks[at].number == (int32_t)number && f->n.ranks[at].exited)
            continue;
        if (named == 0)
            say(f->ret, "%sno report from %s ", *f->ret->message ? "; " : "",
                f->n.world == 1 ? "the process" : "rank");
        if (f->n.world > 1)
            say(f->ret, named == NAMED ? ", …" : "%s%" PRIu32, named ? ", " : "", number);
        named++;
    }
    if (f->n.world == 1 && named)
        f->ret->message[strlen(f->ret->message) - 1] = '\0';
}

/* ---- the rows ---------------------------------------------------------------------------- */

static void end_with(struct fold *f, enum lifecycle_status status, const char *reason)
{
    f->ret->status = status;
    f->ret->reason = reason;
}

static bool row_stopped(struct fold *f)
{
    const struct report_rank *rank = first_rank(f, by_tailboard);

    if (!rank)
        return false;
    take_exit(f->ret, rank->exited);
    switch (cause_of(rank->exited)) {
    case CAUSE_USER:
        end_with(f, STATUS_CANCELED, "user");
        if (f->n.cancel)
            say(f->ret, "%.200s", report_text(f->n.cancel->data, "reason"));
        break;
    case CAUSE_EARLY:
        end_with(f, STATUS_CANCELED, "early-stopped");
        if (f->n.stop)
            say(f->ret, "%.200s", report_text(f->n.stop->data, "reason"));
        break;
    default:
        end_with(f, STATUS_FAILED, "time-limit");
    }
    return true;
}

static bool row_failed(struct fold *f)
{
    const struct report_rank *rank = first_rank(f, by_itself_badly);

    if (!rank)
        return false;
    take_exit(f->ret, rank->exited);
    end_with(f, STATUS_FAILED, reason_of(rank->exited));
    say_end(f, rank);
    return true;
}

static struct engine_answer engine_of(const struct fold *f)
{
    const json_t *data = f->n.engine ? f->n.engine->data : NULL;

    return engine_read(report_text(data, "state"), report_text(data, "reason"),
                       report_text(data, "exit"), json_is_true(json_object_get(data, "requeued")));
}

static bool row_interrupted(struct fold *f)
{
    const struct report_rank *rank = first_rank(f, from_outside);
    struct engine_answer answer = engine_of(f);
    double until;

    if (!rank)
        return false;
    take_exit(f->ret, rank->exited);
    if (answer.over && !answer.fine) {
        end_with(f, answer.status, answer.reason);
        say(f->ret, "the engine says %.60s", report_text(f->n.engine->data, "state"));
        return true;
    }
    until = rank->exited->time_s + LIFECYCLE_ENGINE_S;
    if ((f->n.submitted || f->n.engine) && !answer.over && f->now_s < until) {
        changes_at(f->ret, until);
        end_with(f, STATUS_FINALIZING, "");
        say(f->ret, "stopped from outside; the engine is asked why");
        return true;
    }
    end_with(f, STATUS_CANCELED, "interrupted");
    say(f->ret, "stopped by a signal from outside");
    return true;
}

static bool row_fine(struct fold *f)
{
    struct engine_answer answer = engine_of(f);
    double until = last_end(f) + LIFECYCLE_FLUSH_S;

    if (count_ended(f) < f->n.world)
        return false;
    f->ret->has_exit = true;
    if (f->ret->files_complete || f->now_s >= until) {
        end_with(f, STATUS_COMPLETED, "");
    } else {
        changes_at(f->ret, until);
        end_with(f, STATUS_FINALIZING, "");
    }
    if (answer.over && !answer.fine)
        say(f->ret, "the engine says %.60s", report_text(f->n.engine->data, "state"));
    return true;
}

static bool row_engine(struct fold *f)
{
    struct engine_answer answer = engine_of(f);
    double until = f->n.engine ? f->n.engine->time_s + LIFECYCLE_ENGINE_S : INFINITY;

    if (!answer.over)
        return false;
    if (answer.status == STATUS_QUEUED) { /* it begins again */
        end_with(f, STATUS_QUEUED, answer.reason);
        return true;
    }
    if (f->now_s < until) {
        changes_at(f->ret, until);
        return false;
    }
    end_with(f, answer.fine ? STATUS_FAILED : answer.status,
             answer.fine ? "no-report" : answer.reason);
    say(f->ret, "the engine says %.60s", report_text(f->n.engine->data, "state"));
    say_silent(f);
    return true;
}

static bool row_furthest(struct fold *f)
{
    struct engine_answer answer = engine_of(f);
    enum lifecycle_status status = f->n.created || f->n.cancel ? STATUS_NOT_STARTED : STATUS_NONE;

    if (f->n.began)
        status = STATUS_NOT_STARTED;
    if (f->n.submitted)
        status = STATUS_QUEUED;
    if (!answer.over)
        status = MAX(status, answer.status);
    if (f->n.preparing)
        status = MAX(status, STATUS_PREPARING);
    if (f->ret->started > 0 || f->ret->ended > 0)
        status = MAX(status, STATUS_RUNNING);
    else if (status == STATUS_RUNNING)
        status = STATUS_PREPARING; /* no rank has reported yet */
    end_with(f, status, "");
    if (status == STATUS_QUEUED && f->n.engine) {
        say(f->ret, "%.120s", report_text(f->n.engine->data, "reason"));
        if (answer.hopeless)
            say(f->ret, ": will not start as it is");
    }
    if (status == STATUS_NOT_STARTED && f->n.cancel && !f->n.began) {
        end_with(f, STATUS_CANCELED, "user"); /* nobody has it who could be asked */
        say(f->ret, "%.200s", report_text(f->n.cancel->data, "reason"));
    }
    return true;
}

/* ---- what goes beside the status --------------------------------------------------------- */

static void count_ranks(struct fold *f)
{
    struct lifecycle *ret = f->ret;
    uint32_t flushed = 0;

    ret->attempt = f->n.began ? f->n.attempt : 0;
    ret->ranks = f->n.world;
    for (size_t i = 0; i < f->n.n_ranks; i++) {
        const struct report_rank *rank = &f->n.ranks[i];

        ret->started += rank->started || rank->exited;
        ret->ended += rank->exited != NULL;
        flushed += rank->flushed != NULL;
        ret->alive |= rank->started && !rank->exited;
        if (rank->started)
            ret->started_s = fmin(ret->started_s, rank->started->time_s);
    }
    ret->files_complete = flushed >= f->n.world;
    if (f->n.created)
        ret->created_s = f->n.created->time_s;
    else if (f->n.count > 0)
        ret->created_s = f->n.list[0].time_s;
}

/* May an end of this reason be tried again, and is a try left? */
static void try_again(struct fold *f)
{
    const json_t *job = f->n.created ? json_object_get(f->n.created->data, "job") : NULL;
    const json_t *retry = json_object_get(job, "retry"), *on = json_object_get(retry, "on"), *word;
    struct lifecycle *ret = f->ret;
    size_t i;

    if (ret->status < STATUS_FAILED || f->n.cancel ||
        report_number(retry, "max", 0) < (int64_t)f->n.attempt)
        return;
    json_array_foreach(on, i, word) {
        if (!json_is_string(word) || !report_is(json_string_value(word), ret->reason))
            continue;
        ret->status = STATUS_QUEUED;
        say(ret, "%sattempt %" PRIu32 " follows", *ret->message ? "; " : "", f->n.attempt + 1);
        return;
    }
}

static void set_stop(struct fold *f)
{
    const struct report *report = f->n.cancel ? f->n.cancel : f->n.stop;
    const json_t *grace = report ? json_object_get(report->data, "grace") : NULL;
    struct lifecycle_stop *stop = &f->ret->stop;

    if (!report || lifecycle_is_over(f->ret->status))
        return;
    stop->kind = f->n.cancel ? "cancel" : "early-stopped";
    snprintf(stop->reason, sizeof stop->reason, "%s", report_text(report->data, "reason"));
    stop->grace_s = json_is_number(grace) ? json_number_value(grace) : NAN;
    stop->now = f->n.cancel_now;
    f->ret->cancel_requested = f->n.cancel;
}

static void set_silence(struct fold *f, double heard_s)
{
    struct lifecycle *ret = f->ret;
    double until = heard_s + LIFECYCLE_HEARTBEAT_S * LIFECYCLE_MISSED;
    bool expected = ret->status >= STATUS_PREPARING && ret->status <= STATUS_FINALIZING;

    if (!expected || !f->n.agent || engine_of(f).over || isnan(heard_s))
        return;
    ret->not_responding = f->now_s >= until;
    if (!ret->not_responding)
        changes_at(ret, until);
}

static void set_end(struct fold *f)
{
    struct lifecycle *ret = f->ret;

    if (!lifecycle_is_over(ret->status))
        return;
    ret->ended_s = last_end(f);
    if (isnan(ret->ended_s) && f->n.engine)
        ret->ended_s = f->n.engine->time_s;
    if (isnan(ret->ended_s) && f->n.cancel)
        ret->ended_s = f->n.cancel->time_s;
}

static void decide(struct fold *f, double heard_s)
{
    static bool (*const rows[])(struct fold *) = {row_stopped, row_failed, row_interrupted,
                                                  row_fine, row_engine, row_furthest};

    count_ranks(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i](f))
            break;
    try_again(f);
    set_stop(f);
    set_silence(f, heard_s);
    set_end(f);
}

int lifecycle_fold(const struct archive_event *events, size_t count, double now_s,
                   double heard_s, struct lifecycle *ret)
{
    struct lifecycle life = {
        .reason = "",
        .created_s = NAN, .started_s = NAN, .ended_s = NAN,
        .stop = {.grace_s = NAN},
        .next_change_s = INFINITY,
    };
    struct fold f = {.now_s = now_s, .ret = &life};
    int r = reports_init(&f.n, events, count);

    if (r == 0) {
        decide(&f, heard_s);
        *ret = life;
    }
    reports_done(&f.n);
    return r;
}
