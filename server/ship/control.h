/* control.h: the thread that makes runs known, sends events and heartbeats, hears stop orders.
 *
 * Part of ship.c's machinery; see shiprun.h for who owns what. Its own connection, so that a large
 * piece of a file delays no heartbeat. */
#ifndef TB_SHIP_CONTROL_H
#define TB_SHIP_CONTROL_H

#include "ship/shiprun.h"

/* Any thread: something is to be sent. */
void control_wake(struct ship *ship);
/* The server's URL; NULL: none. */
const char *control_server(const struct ship *ship);
/* The control thread: a run is known now, or flushed: the ship thread looks. */
void control_news(struct ship *ship);
void control_stop_order(struct shiprun *run, const struct ship_stop *stop);
/* Prints a line once per run of the program. */
void control_trouble(struct ship *ship, const char *text);
/* The ship thread: a file of several runs was met. Said once. */
void control_shared(struct ship *ship);
/* Token to make runs with; NULL. */
const char *control_token(const struct ship *ship);

#endif
