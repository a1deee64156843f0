/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of the database, as an administrator types it: what people get to read of it has neither its password nor control characters. */
#include "fuzz.h"
#include "store/store_url.h"

#include <string.h>

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    mp_store_url_t *url = NULL;
    const char *wrong = mp_store_url_parse(&url, fuzz_text(data, size, p), p);

    FUZZ_CHECK((wrong == NULL) == (url != NULL));
    if (url != NULL) {
        FUZZ_CHECK(!has_control(url->label) && !has_control(mp_store_url_server(url, p)));
        FUZZ_CHECK((url->path != NULL) == (strcmp(url->scheme, "sqlite") == 0) && url->port <= 65535);
    }
    if (url != NULL && url->path == NULL) {
        FUZZ_CHECK(url->user[0] != '\0' && url->database[0] != '\0');
        FUZZ_CHECK(!has_control(mp_store_url_import_command(url, "mysql", "schema.sql", p)));
    }
    apr_pool_destroy(p);
    return 0;
}
