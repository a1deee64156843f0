/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/prom.h"

#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_golden(apr_pool_t *p)
{
    mp_prom_t *prom = mp_prom_create(p);
    is_text(mp_prom_text(prom), "", "nothing at first");
    mp_prom_begin(prom, "cats", "counter", "Cats \"seen\" in C:\\home\nand away.");
    mp_prom_add_count(prom, "", "", APR_UINT64_C(18446744073709551615));
    mp_prom_add_count(prom, "", "kind=\"fat\"", 0);
    mp_prom_begin(prom, "naps", "histogram", "Naps.");
    mp_prom_add_count(prom, "_bucket", "le=\"0.5\"", 1);
    mp_prom_add(prom, "_sum", "", 0.25);
    mp_prom_begin(prom, "odd", "gauge", "");
    mp_prom_add(prom, "", "", NAN);
    mp_prom_add(prom, "", "a=\"1\"", INFINITY);
    mp_prom_add(prom, "", "a=\"2\"", -INFINITY);
    mp_prom_add(prom, "", "a=\"3\"", 1795000000.125);
    mp_prom_add(prom, "", "a=\"4\"", 3.5e-9);
    is_text(mp_prom_text(prom),
            "# HELP cats Cats \"seen\" in C:\\\\home\\nand away.\n"
            "# TYPE cats counter\n"
            "cats 18446744073709551615\n"
            "cats{kind=\"fat\"} 0\n"
            "# HELP naps Naps.\n"
            "# TYPE naps histogram\n"
            "naps_bucket{le=\"0.5\"} 1\n"
            "naps_sum 0.25\n"
            "# HELP odd \n"
            "# TYPE odd gauge\n"
            "odd NaN\n"
            "odd{a=\"1\"} +Inf\n"
            "odd{a=\"2\"} -Inf\n"
            "odd{a=\"3\"} 1795000000.125\n"
            "odd{a=\"4\"} 3.5e-09\n",
            "families and samples");
}

static void test_labels(apr_pool_t *p)
{
    is_text(mp_prom_label("pool", "alpha", p), "pool=\"alpha\"", "a plain label");
    is_text(mp_prom_label("pool", "", p), "pool=\"\"", "an empty one");
    is_text(mp_prom_label("pool", "we\"ird\n\\name", p), "pool=\"we\\\"ird\\n\\\\name\"",
            "quotation mark, line feed and backslash are escaped");
    is_text(mp_prom_label("pool", "sn\xE2\x98\x83w \xF0\x9F\x98\x80 \xC3\xA4", p), "pool=\"sn\xE2\x98\x83w \xF0\x9F\x98\x80 \xC3\xA4\"",
            "UTF-8 stays");
    is_text(mp_prom_label("pool",
                          "a\xFF"
                          "b\xC0\x80"
                          "c\xED\xA0\x80\xF4\x90\x80\x80"
                          "d\xE2\x98",
                          p),
            "pool=\"a?b??c???????d??\"", "what is none does not");
    is_text(mp_prom_label("pool", "\xE2\"", p), "pool=\"?\\\"\"", "a cut character hides nothing");
}

static void test_growth(apr_pool_t *p)
{
    mp_prom_t *prom = mp_prom_create(p);
    const char *line = "many{a=\"0123456789\"} 7\n";
    mp_prom_begin(prom, "many", "counter", "");
    apr_size_t head = strlen(mp_prom_text(prom));
    for (int i = 0; i < 20000; i++)
        mp_prom_add_count(prom, "", "a=\"0123456789\"", 7);
    const char *text = mp_prom_text(prom);
    is_number(strlen(text), head + 20000 * strlen(line), "a long text is whole");
    ok(strncmp(text + head, line, strlen(line)) == 0 && strcmp(text + strlen(text) - strlen(line), line) == 0,
       "from its first line to its last");
}

int main(void)
{
    apr_pool_t *p;
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    test_golden(p);
    test_labels(p);
    test_growth(p);
    return tap_done();
}
