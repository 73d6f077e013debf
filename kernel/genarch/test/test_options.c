/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * has_option: words of the command line, whole and anywhere in it, and nothing else.
 */
#include "../options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_words(void **state)
{
	static const char *const with[] = {
		"kpti=on",    " kpti=on",	  "kpti=on ",	      "a kpti=on b",
		"a  kpti=on", "kpti=off kpti=on", "kpti=onn kpti=on",
	};
	static const char *const without[] = {
		"",	     " ",	    "kpti=o",	    "kpti=onn",	       "kpti=on,b",
		"nokpti=on", "no kpti= on", "kpti=kpti=on", "k kp kpti kpti=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		options_init(with[i]);
		assert_true(has_option("kpti=on"));
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		options_init(without[i]);
		assert_false(has_option("kpti=on"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
