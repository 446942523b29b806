#include "archive/lifecycle_engine.h"

#include <string.h>

struct row {
    const char *state;
    enum lifecycle_status status;
    const char *reason;
    bool over, requeues; /* requeues: Queued again if the engine says so */
};

static const struct row table[] = {
    {"PENDING", STATUS_QUEUED, "", false, false},
    {"CONFIGURING", STATUS_PREPARING, "", false, false},
    {"RUNNING", STATUS_RUNNING, "", false, false},
    {"SUSPENDED", STATUS_RUNNING, "", false, false},
    {"STOPPED", STATUS_RUNNING, "", false, false},
    {"COMPLETING", STATUS_FINALIZING, "", false, false},
    {"STAGE_OUT", STATUS_FINALIZING, "", false, false},
    {"SIGNALING", STATUS_FINALIZING, "", false, false},
    {"COMPLETED", STATUS_COMPLETED, "", true, false},
    {"FAILED", STATUS_FAILED, "exit", true, false},
    {"CANCELLED", STATUS_CANCELED, "user", true, false},
    {"TIMEOUT", STATUS_FAILED, "time-limit", true, false},
    {"DEADLINE", STATUS_FAILED, "time-limit", true, false},
    {"OUT_OF_MEMORY", STATUS_FAILED, "out-of-memory", true, false},
    {"NODE_FAIL", STATUS_FAILED, "node-fail", true, true},
    {"BOOT_FAIL", STATUS_FAILED, "node-fail", true, true},
    {"PREEMPTED", STATUS_FAILED, "preempted", true, true},
    {"REVOKED", STATUS_FAILED, "preempted", true, true},
    {"REQUEUED", STATUS_QUEUED, "", true, false},
    {"REQUEUE_HOLD", STATUS_QUEUED, "", true, false},
    {"REQUEUE_FED", STATUS_QUEUED, "", true, false},
    {"SPECIAL_EXIT", STATUS_QUEUED, "", true, false},
};

/* FAILED a:b: b is a signal; a above 128 is one too, as a shell says it; 127: not found. */
static const char *failed_reason(const char *exit)
{
    char *end;
    long code = strtol(exit, &end, 10);
    long signal = *end == ':' ? strtol(end + 1, NULL, 10) : 0;

    if (signal != 0 || code > 128)
        return "signal";
    return code == 127 ? "launch-failed" : "exit";
}

static bool is_hopeless(const char *why)
{
    static const char *const words[] = {"PartitionConfig", "BadConstraints", "NodeLimit",
                                        "ReqNodeNotAvail"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(why, words[i]))
            return true;
    return false;
}

struct engine_answer engine_read(const char *state, const char *why, const char *exit,
                                 bool requeued)
{
    struct engine_answer answer = {.reason = ""};
    size_t size = strcspn(state, " +"); /* "CANCELLED by 0", "CANCELLED+" */

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct row *row = &table[i];

        if (strlen(row->state) != size || memcmp(row->state, state, size) != 0)
            continue;
        answer.status = row->status;
        answer.reason = row->reason;
        answer.over = row->over;
        answer.fine = row->status == STATUS_COMPLETED;
        answer.hopeless = row->status == STATUS_QUEUED && is_hopeless(why);
        if (row->requeues && requeued)
            answer.status = STATUS_QUEUED;
        if (size == 6 && memcmp(state, "FAILED", 6) == 0)
            answer.reason = failed_reason(exit);
    }
    return answer;
}
