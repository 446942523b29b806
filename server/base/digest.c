#include "base/digest.h"

#include <string.h>

#include "base/cleanup.h"

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static inline uint32_t load_be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void expand(uint32_t w[64], const uint8_t *block)
{
    for (int i = 0; i < 16; i++)
        w[i] = load_be(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
}

static void blocks_plain(uint32_t state[8], const uint8_t *data, size_t count)
{
    uint32_t w[64], s[8];

    for (; count > 0; count--, data += 64) {
        expand(w, data);
        memcpy(s, state, sizeof s);
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                          ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
            uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                          ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += t1;
            s[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

#ifdef __x86_64__
#include <immintrin.h>

/* Four rounds; the message words of the next ones are made on the way. */
__attribute__((target("sha,sse4.1"))) static inline __m128i next_words(__m128i a, __m128i b,
                                                                       __m128i c, __m128i d)
{
    __m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));

    return _mm_sha256msg2_epu32(t, d);
}

__attribute__((target("sha,sse4.1"))) static void blocks_sha(uint32_t state[8], const uint8_t *data,
                                                             size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

    for (; count > 0; count--, data += 64) {
        __m128i w[4], abef_before = abef, cdgh_before = cdgh;
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
        for (int i = 0; i < 16; i++) {
            const __m128i *k = (const __m128i *)(constants + 4 * i);
            __m128i words = _mm_add_epi32(w[0], _mm_loadu_si128(k));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));
            __m128i next = next_words(w[0], w[1], w[2], w[3]);
            w[0] = w[1];
            w[1] = w[2];
            w[2] = w[3];
            w[3] = next;
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    low = _mm_shuffle_epi32(abef, 0x1b);
    high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

/* CPUID leaf 7, EBX bit 29. (__builtin_cpu_supports() of older compilers does not know it.) */
static int has_sha(void)
{
    static int known; /* 0: not asked; the same answer for every thread */
    int k = __atomic_load_n(&known, __ATOMIC_RELAXED);

    if (k == 0) {
        uint32_t a = 7, b, c = 0, d;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        k = (b >> 29 & 1) && __builtin_cpu_supports("sse4.1") ? 1 : -1;
        __atomic_store_n(&known, k, __ATOMIC_RELAXED);
    }
    return k > 0;
}
#endif

static void blocks(uint32_t state[8], const uint8_t *data, size_t count)
{
#ifdef __x86_64__
    if (has_sha()) {
        blocks_sha(state, data, count);
        return;
    }
#endif
    blocks_plain(state, data, count);
}

void digest_init(struct digest *digest)
{
    *digest = (struct digest){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                        0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
    const uint8_t *p = data;
    size_t held = digest->size % 64;

    digest->size += size;
    if (held > 0) {
        size_t n = MIN(size, 64 - held);
        memcpy(digest->block + held, p, n);
        p += n;
        size -= n;
        if (held + n < 64)
            return;
        blocks(digest->state, digest->block, 1);
    }
    blocks(digest->state, p, size / 64);
    if (size % 64 > 0)
        memcpy(digest->block, p + size - size % 64, size % 64);
}

void digest_get(const struct digest *digest, uint8_t ret[DIGEST_BYTES])
{
    struct digest d = *digest;
    size_t held = d.size % 64;
    uint8_t tail[128] = {0};

    memcpy(tail, d.block, held);
    tail[held] = 0x80;
    size_t end = held < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++)
        tail[end - 1 - (size_t)i] = (uint8_t)(d.size * 8 >> (8 * i));
    blocks(d.state, tail, end / 64);
    for (int i = 0; i < 32; i++)
        ret[i] = (uint8_t)(d.state[i / 4] >> (24 - 8 * (i % 4)));
}

void digest_base64(const uint8_t hash[DIGEST_BYTES], char ret[DIGEST_BASE64_BYTES])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = ret;

    for (int i = 0; i < DIGEST_BYTES; i += 3) {
        int rest = DIGEST_BYTES - i;
        uint32_t v = (uint32_t)hash[i] << 16 | (rest > 1 ? (uint32_t)hash[i + 1] << 8 : 0) |
                     (rest > 2 ? hash[i + 2] : 0);
        *out++ = letters[v >> 18];
        *out++ = letters[v >> 12 & 63];
        *out++ = rest > 1 ? letters[v >> 6 & 63] : '=';
        *out++ = rest > 2 ? letters[v & 63] : '=';
    }
    *out = '\0';
}
