/* eventfile/crc32c_table.c: CRC-32C without the processor's help, eight bytes a step.
 *
 * table[k][b] is the state that byte b leaves behind k further zero bytes. The tables are made at
 * first use (some microseconds) and constant from then on. Thread: any. */
#include <pthread.h>

#include "eventfile/crc32c_cpu.h"

#define CRC32C_POLYNOMIAL UINT32_C(0x82F63B78)

static uint32_t crc32c_table[8][256];
static pthread_once_t crc32c_table_once = PTHREAD_ONCE_INIT;

static void crc32c_table_make(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t state = byte;
        for (int bit = 0; bit < 8; bit++)
            state = (state >> 1) ^ (CRC32C_POLYNOMIAL & (0 - (state & 1)));
        crc32c_table[0][byte] = state;
    }
    for (int k = 1; k < 8; k++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t state = crc32c_table[k - 1][byte];
            crc32c_table[k][byte] = (state >> 8) ^ crc32c_table[0][state & 0xFF];
        }
}

static uint32_t crc32c_table_word(uint32_t state, uint64_t word)
{
    word ^= state;
    return crc32c_table[7][word & 0xFF] ^ crc32c_table[6][word >> 8 & 0xFF] ^
           crc32c_table[5][word >> 16 & 0xFF] ^ crc32c_table[4][word >> 24 & 0xFF] ^
           crc32c_table[3][word >> 32 & 0xFF] ^ crc32c_table[2][word >> 40 & 0xFF] ^
           crc32c_table[1][word >> 48 & 0xFF] ^ crc32c_table[0][word >> 56];
}

uint32_t ef_crc32c_table_update(uint32_t state, const uint8_t *data, size_t size)
{
    pthread_once(&crc32c_table_once, crc32c_table_make);
    for (; size >= 8; data += 8, size -= 8)
        state = crc32c_table_word(state, ef_load64(data));
    for (; size > 0; data++, size--)
        state = (state >> 8) ^ crc32c_table[0][(state ^ *data) & 0xFF];
    return state;
}
