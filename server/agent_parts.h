/* agent_parts.h: what agent.c, agent_run.c and agent_follow.c share. Private to these three. */
#ifndef TB_AGENT_PARTS_H
#define TB_AGENT_PARTS_H

#include "agent.h"
#include "base/buf.h"
#include "base/limits.h"
#include "launch/launch.h"
#include "ship/ship.h"

#define AGENT_ROOTS (2 * LIMIT_LOGDIRS)

/* The directories of a run. */
struct agent_roots {
    struct ship_root items[AGENT_ROOTS];
    char *owned[2 * AGENT_ROOTS]; /* their strings */
    size_t count, n_owned;
};

/* Absolute paths, made if missing, with their names in the history: "logs", or "logs/NAME" where
 * there are several; "nodes/K/" in front for node K > 0 with directories of its own. What cannot
 * be made is left out with a line. 0 or -ENOMEM. */
_must_check_ int agent_roots_init(struct agent_roots *roots, const struct agent_options *options,
                                  int node);
void agent_roots_done(struct agent_roots *roots);

/* The body of PUT. launched: other processes send it too, so nothing of this one is in it. */
_must_check_ int agent_document(const struct agent_options *options, const char *kind,
                                const struct gitinfo *git, bool launched, struct buf *ret);
/* `started` of this process. */
void agent_event_started(struct shiprun *run, int ranks, int pid, const char *source);

/* Starts shipping; without a usable server name it says so and goes on without one. NULL: not
 * even that (printed). */
struct ship *agent_ship(const struct agent_options *options, void *ctx,
                        void (*stop)(void *ctx, struct shiprun *run, const struct ship_stop *stop));
/* One line on stderr, control characters escaped. */
void agent_say(const char *format, ...) _printf_(1, 2);

/* Waits for the runs to be flushed: true. False: the time is up, or a signal came. */
bool agent_flush(const struct agent_options *options, struct launch *launch, struct ship *ship);
/* Says what is left of a run and how to finish. Nothing left: false. */
bool agent_say_left(struct shiprun *run);

#endif
