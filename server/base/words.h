/* words.h: names of what damage was found, as answers and messages write them.
 *
 * The numbers are enum ef_reason; modules that never see the library write them too, so the words
 * stand here once more, and a test holds both together. Thread: any. */
#ifndef TB_BASE_WORDS_H
#define TB_BASE_WORDS_H

/* "zeros", "header", …; "unknown" for other numbers. */
const char *words_damage(int reason);
/* A sentence for people. */
const char *words_damage_text(int reason);

#endif
