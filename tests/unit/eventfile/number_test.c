/* number_test.c: all values of the small formats, against their definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "eventfile/number.h"

static float float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

/* sign, exponent and mantissa by the textbook; infinities and NaN are the caller's. */
static double defined(unsigned sign, int exponent, int mantissa, int mantissa_bits, int bias)
{
    double scale = ldexp(1.0, mantissa_bits);
    double value = exponent == 0 ? ldexp(mantissa / scale, 1 - bias)
                                 : ldexp(1.0 + mantissa / scale, exponent - bias);

    return sign ? -value : value;
}

static void every_half_widens_exactly(void **state)
{
    for (unsigned bits = 0; bits < 65536; bits++) {
        float got = float_of(number_from_half((uint16_t)bits));
        int exponent = (int)(bits >> 10 & 31), mantissa = (int)(bits & 1023);
        if (exponent == 31 && mantissa != 0) {
            assert_true(isnan(got));
        } else if (exponent == 31) {
            assert_true(isinf(got));
            assert_int_equal(signbit(got) != 0, bits >> 15);
        } else {
            assert_true((double)got == defined(bits >> 15, exponent, mantissa, 10, 15));
            assert_int_equal(signbit(got) != 0, bits >> 15);
        }
    }
}

static void every_e4m3fn_widens_exactly(void **state)
{
    for (unsigned bits = 0; bits < 256; bits++) {
        float got = number_from_e4m3fn((uint8_t)bits);
        if ((bits & 127) == 127)
            assert_true(isnan(got));
        else
            assert_true((double)got ==
                        defined(bits >> 7, (int)(bits >> 3 & 15), (int)(bits & 7), 3, 7));
    }
    assert_true(number_from_e4m3fn(0x7e) == 448.0f); /* the largest */
}

static void the_fnuz_forms_have_no_infinity_and_one_nan(void **state)
{
    static const struct {
        int mantissa_bits, bias;
        float largest;
    } forms[] = {{3, 8, 240.0f}, {3, 11, 30.0f}, {2, 16, 57344.0f}};

    for (size_t i = 0; i < 3; i++) {
        int m = forms[i].mantissa_bits;
        assert_true(isnan(number_from_fnuz(0x80, m, forms[i].bias)));
        assert_true(number_from_fnuz(0x7f, m, forms[i].bias) == forms[i].largest);
        for (unsigned bits = 0; bits < 256; bits++) {
            if (bits == 0x80)
                continue;
            int mantissa = (int)(bits & ((1u << m) - 1)), exponent = (int)((bits & 127) >> m);
            assert_true((double)number_from_fnuz((uint8_t)bits, m, forms[i].bias) ==
                        defined(bits >> 7, exponent, mantissa, m, forms[i].bias));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_widens_exactly),
        cmocka_unit_test(every_e4m3fn_widens_exactly),
        cmocka_unit_test(the_fnuz_forms_have_no_infinity_and_one_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
